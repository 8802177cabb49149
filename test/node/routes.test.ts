/** `wrapper routes plan|apply|show|remove`: what they do to a node, and that they take it back. */
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { TENANTS, useRoutesNode } from "../helpers/routes-node";

const node = useRoutesNode();
const CLOSED = "unreachable default proto kernel metric 4294967295";

function lines(text: string): string[] {
  return text
    .split("\n")
    .map((line) => line.trimEnd())
    .filter((line) => line !== "");
}

function table(number: number, family: "-4" | "-6" = "-4"): string[] {
  return lines(node.ip(family, "route", "show", "table", String(number))).map((line) =>
    line.replace(/ pref medium$/, "").replace(/ dev lo /, " "),
  );
}

/** Ours, by their priorities. */
function rules(family: "-4" | "-6" = "-4"): string[] {
  return lines(node.ip(family, "-d", "rule", "show")).filter((line) =>
    /^(3276[345]|100):/.test(line),
  );
}

test("plan prints the changes as commands and changes nothing", () => {
  const before = node.snapshot();
  const { status, stdout, stderr } = node.routes("plan", "--sysctl");
  expect([status, stderr]).toEqual([expect.any(Number), ""]);
  expect(stdout).toContain(
    "ip -4 rule add pref 32765 fwmark 0x10/0xff lookup 100 protocol kernel\n",
  );
  expect(stdout).toContain(
    "ip -4 rule add pref 32764 lookup main suppress_prefixlength 0 protocol kernel\n",
  );
  expect(stdout).toContain(
    "ip -6 route replace default via fd00:10::1 dev eth1 table 100 protocol kernel\n",
  );
  expect(stdout).toContain("sysctl -w net.ipv4.conf.eth1.rp_filter=2\n");
  expect(node.snapshot()).toBe(before);
  expect(existsSync(join(node.dir, "data"))).toBe(false);
});

test("apply makes rules, tables, sysctls and names, all protected from systemd-networkd; again it changes nothing", () => {
  expect(node.routes("apply", "--sysctl")).toMatchObject({ status: 0, stderr: "" });
  expect(rules()).toEqual([
    "32763:\tfrom all to 169.254.169.254 lookup main proto kernel",
    "32764:\tfrom all lookup main suppress_prefixlength 0 proto kernel",
    "32765:\tfrom all fwmark 0x10/0xff lookup 100 proto kernel",
    "32765:\tfrom all fwmark 0x10/0xff unreachable proto kernel",
    "32765:\tfrom all fwmark 0x20/0xff lookup 200 proto kernel",
    "32765:\tfrom all fwmark 0x20/0xff unreachable proto kernel",
  ]);
  expect(rules("-6")).toEqual([
    "32763:\tfrom all to fd00:ec2::254 lookup main proto kernel",
    ...rules().slice(1),
  ]);
  expect(table(100)).toEqual(["default via 10.10.10.1 dev eth1 proto kernel", CLOSED]);
  expect(table(200)).toEqual(["default via 10.10.20.1 dev eth2 proto kernel", CLOSED]);
  expect(table(100, "-6")).toEqual([
    "default via fd00:10::1 dev eth1 proto kernel metric 1024",
    CLOSED,
  ]);
  expect(table(200, "-6")).toEqual([CLOSED]);
  expect([
    node.get("ipv4/ip_forward"),
    node.get("ipv6/conf/all/forwarding"),
    node.get("ipv4/conf/eth1/rp_filter"),
    node.get("ipv4/conf/eth2/rp_filter"),
  ]).toEqual(["1", "1", "2", "0"]);
  expect(readFileSync(join(node.namesDir, "tenant-routing.conf"), "utf8")).toContain(
    "100 tenant-a\n200 tenant-b\n",
  );
  const [before, record] = [node.snapshot(), readFileSync(recordPath(), "utf8")];
  expect(node.routes("apply", "--sysctl")).toMatchObject({
    status: 0,
    stdout: expect.stringContaining("changes made: none"),
  });
  expect([node.snapshot(), readFileSync(recordPath(), "utf8")]).toEqual([before, record]);
  expect(node.routes("show")).toMatchObject({
    status: 0,
    stdout: expect.stringContaining(": none"),
  });
});

function recordPath(): string {
  const dir = join(node.dir, "data/routes");
  return join(dir, readdirSync(dir).find((name) => name.startsWith("netns-")) ?? "none");
}

/** Everything that the routes can make at once. */
function configureAll(): void {
  const [a, b] = [TENANTS["tenant-a"], TENANTS["tenant-b"]];
  node.configure(
    {
      "tenant-a": { ...a, snat: "none", mtu: 1400 },
      "tenant-b": { ...b, snat: "masquerade", onGatewayLoss: "fallback" },
    },
    {
      podNetworks: ["10.88.0.0/16", "fd00:88::/64"],
      masquerade: true,
      acceptForward: true,
      nodeRoutes: [{ dst: "10.89.0.0/16", via: "10.0.0.7" }],
      excludeDestinations: ["10.99.0.0/16", "fd00:99::/64"],
    },
  );
}

test.each(["nft", "legacy"])("remove restores the node exactly, in iptables-%s", (iptables) => {
  node.run(
    `iptables-${iptables} -A FORWARD -s 10.77.0.0/16 -j DROP; ip6tables-${iptables} -P FORWARD DROP`,
  );
  node.set("ipv4/conf/all/accept_redirects", "0");
  node.set("ipv4/conf/eth2/forwarding", "1");
  node.set("ipv6/conf/eth2/forwarding", "1");
  const before = node.snapshot();
  configureAll();
  for (let n = 0; n < 2; n++)
    expect(node.routes("apply", "--sysctl")).toMatchObject({ status: 0, stderr: "" });
  expect(node.snapshot().split("\n").length).toBeGreaterThan(before.split("\n").length + 20);
  expect(node.routes("remove")).toMatchObject({ status: 0, stderr: "" });
  expect(node.snapshot()).toBe(before);
  expect(node.routes("remove")).toMatchObject({ status: 0, stdout: "nothing to remove\n" });
  expect(readdirSync(join(node.dir, "data/routes"))).toEqual(["queue"]);
});

test("remove works from the record: whatever the conflist says by then", () => {
  const before = node.snapshot();
  configureAll();
  node.routes("apply", "--sysctl");
  node.configure(
    { other: { fwmark: "0x40", table: 300, gateways: [{ via: "10.10.20.1" }] } },
    {
      namesDir: join(node.dir, "elsewhere"),
      tenantPriority: 200,
      localPriority: 150,
      excludePriority: 149,
    },
  );
  expect(node.routes("remove")).toMatchObject({ status: 0, stderr: "" });
  expect(node.snapshot()).toBe(before);
});

test.each([
  ["a tenant gone", { "tenant-b": TENANTS["tenant-b"] }, {}],
  ["a table renumbered", { ...TENANTS, "tenant-a": { ...TENANTS["tenant-a"], table: 101 } }, {}],
  [
    "gateways changed",
    { ...TENANTS, "tenant-a": { ...TENANTS["tenant-a"], gateways: [{ via: "10.10.10.99" }] } },
    {},
  ],
  [
    "a mark changed",
    { ...TENANTS, "tenant-a": { ...TENANTS["tenant-a"], fwmark: "0x30/0xf0" } },
    {},
  ],
  [
    "priorities changed",
    TENANTS,
    { tenantPriority: 200, localPriority: 150, excludePriority: 149 },
  ],
  ["exclusions changed", TENANTS, { excludeDestinations: ["10.99.0.0/16"] }],
  ["no names any more", TENANTS, { namesDir: "" }],
  [
    "fallback instead of stop",
    { ...TENANTS, "tenant-a": { ...TENANTS["tenant-a"], onGatewayLoss: "fallback" } },
    {},
  ],
  ["an MTU", { ...TENANTS, "tenant-a": { ...TENANTS["tenant-a"], mtu: 1400 } }, {}],
  ["no tenant with a table", { "tenant-a": { fwmark: "0x10/0xff" } }, {}],
])("%s: apply leaves nothing stale", (_, tenants, routes) => {
  node.configure(tenants, routes);
  node.routes("apply", "--sysctl");
  const fresh = node.snapshot();
  node.routes("remove");
  configureAll();
  node.routes("apply", "--sysctl");
  node.configure(tenants, routes);
  expect(node.routes("apply", "--sysctl", "--yes")).toMatchObject({ status: 0, stderr: "" });
  expect(node.snapshot()).toBe(fresh);
  expect(node.routes("show", "--sysctl").stdout).toContain(": none");
});

test("what somebody else changed since is theirs: a sysctl, a rule without our protocol", () => {
  node.routes("apply", "--sysctl");
  node.set("ipv4/conf/eth1/rp_filter", "0");
  node.ip("rule", "del", "pref", "32765", "fwmark", "0x20/0xff", "lookup", "200");
  node.ip("rule", "add", "pref", "32765", "fwmark", "0x20/0xff", "lookup", "200");
  expect(node.routes("remove")).toMatchObject({ status: 0, stderr: "" });
  expect(node.get("ipv4/conf/eth1/rp_filter")).toBe("0");
  expect(node.get("ipv4/ip_forward")).toBe("0");
  expect(rules()).toEqual(["32765:\tfrom all fwmark 0x20/0xff lookup 200 proto unspec"]);
});

test("sysctls are changed with --sysctl only", () => {
  expect(node.routes("apply").stdout).not.toContain("sysctl -w");
  expect([node.get("ipv4/ip_forward"), node.get("ipv4/conf/eth1/rp_filter")]).toEqual(["0", "1"]);
});

test("rules, routes and sysctls that were there before stay after remove", () => {
  node.set("ipv4/ip_forward", "1");
  node.ip("rule", "add", "pref", "32764", "lookup", "main", "suppress_prefixlength", "0");
  node.ip(
    "route",
    "add",
    "default",
    "via",
    "10.10.10.9",
    "dev",
    "eth1",
    "src",
    "10.10.10.2",
    "table",
    "100",
  );
  node.ip("route", "add", "throw", "default", "metric", "4294967295", "table", "200");
  node.ip("-6", "route", "add", "default", "via", "fd00:10::9", "dev", "eth1", "table", "100");
  const before = node.snapshot();
  node.routes("apply", "--sysctl", "--force");
  node.routes("apply", "--sysctl", "--force");
  expect(table(100)).toEqual(["default via 10.10.10.1 dev eth1 proto kernel", CLOSED]);
  expect(table(200)).toEqual(["default via 10.10.20.1 dev eth2 proto kernel", CLOSED]);
  expect(node.routes("remove")).toMatchObject({ status: 0, stderr: "" });
  expect(node.snapshot()).toBe(before);
});

test("what apply displaced comes back as soon as the conflist no longer needs its place", () => {
  node.ip("route", "add", "default", "via", "10.10.10.9", "dev", "eth1", "table", "100");
  node.routes("apply", "--sysctl", "--force");
  node.configure({ "tenant-b": TENANTS["tenant-b"] });
  node.routes("apply", "--sysctl", "--force");
  expect(table(100)).toEqual(["default via 10.10.10.9 dev eth1"]);
});

test("somebody else's file under our name: nothing is changed, not even with --force", () => {
  const file = join(node.namesDir, "tenant-routing.conf");
  writeFileSync(file, "100 mine\n");
  const before = node.snapshot();
  expect(node.routes("plan")).toMatchObject({ status: 3, stdout: expect.stringContaining(file) });
  expect(node.routes("apply").status).toBe(3);
  expect(node.routes("apply", "--force")).toMatchObject({
    status: 2,
    stderr: expect.stringContaining(file),
  });
  expect(node.routes("remove").status).toBe(0);
  expect(node.snapshot()).toBe(before);
});

test("a file of names that the setup script of older versions made is taken over", () => {
  writeFileSync(
    join(node.namesDir, "tenant-routing.conf"),
    "# Made by tenant-routing-setup.sh\n100 tenant-a\n",
  );
  expect(node.routes("apply", "--sysctl").status).toBe(0);
  expect(node.routes("remove").status).toBe(0);
  expect(readdirSync(node.namesDir)).toEqual([]);
});
