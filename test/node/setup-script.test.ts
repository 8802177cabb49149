/** scripts/tenant-routing-setup.sh on a node of the test's own: a network namespace with two tenants' gateways. */
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { sh } from "../helpers/shell";

const SCRIPT = resolve(__dirname, "../../scripts/tenant-routing-setup.sh");
const GATEWAYS = { GATEWAY_A: "10.10.10.131", GATEWAY_B: "10.10.20.131" };
const SYSCTLS = [
  "net.ipv4.ip_forward",
  "net.ipv4.conf.eth1.rp_filter",
  "net.ipv4.conf.eth2.rp_filter",
  "net.ipv6.conf.all.forwarding",
];
const TENANT_RULES = [
  "0:\tfrom all lookup local",
  "32764:\tfrom all lookup main suppress_prefixlength 0",
  "32765:\tfrom all fwmark 0x10/0xff lookup 100",
  "32765:\tfrom all fwmark 0x10/0xff unreachable",
  "32765:\tfrom all fwmark 0x20/0xff lookup 200",
  "32765:\tfrom all fwmark 0x20/0xff unreachable",
  "32766:\tfrom all lookup main",
];
const CLOSED = "unreachable default proto kernel metric 4294967295";

let node = "";
let dir = "";
let serial = 0;

beforeEach(() => {
  node = `trs-${process.pid}-${++serial}`;
  dir = mkdtempSync(join(tmpdir(), `${node}-`));
  sh("ip", "netns", "add", node);
  sh("ip", "netns", "add", `${node}-out`);
  ip("link", "set", "lo", "up");
  sysctl("net.ipv4.conf.all.rp_filter", "0");
  for (const [device, address] of [
    ["eth0", "10.0.0.2/24"],
    ["eth1", "10.10.10.2/24"],
    ["eth2", "10.10.20.2/24"],
  ] as const) {
    ip("link", "add", device, "type", "veth", "peer", "name", device, "netns", `${node}-out`);
    sh("ip", "-n", `${node}-out`, "link", "set", device, "up");
    ip("link", "set", device, "up");
    ip("addr", "add", address, "dev", device);
    sysctl(`net.ipv4.conf.${device}.rp_filter`, device === "eth2" ? "0" : "1");
  }
  ip("addr", "add", "fd00:10::2/64", "dev", "eth1", "nodad");
  ip("route", "add", "default", "via", "10.0.0.1");
  ip("route", "add", "10.200.1.0/24", "via", "10.0.0.3");
});

afterEach(() => {
  sh("ip", "netns", "del", node);
  sh("ip", "netns", "del", `${node}-out`);
  rmSync(dir, { recursive: true, force: true });
});

function ip(...args: string[]): string {
  return sh("ip", "-n", node, ...args);
}

function lines(text: string): string[] {
  return text
    .split("\n")
    .map((line) => line.trimEnd())
    .filter((line) => line !== "");
}

function sysctl(key: string, value: string): void {
  sh(
    "ip",
    "netns",
    "exec",
    node,
    "sh",
    "-c",
    `echo ${value} >/proc/sys/${key.replaceAll(".", "/")}`,
  );
}

function sysctls(): string[] {
  return SYSCTLS.map((key) =>
    sh("ip", "netns", "exec", node, "cat", `/proc/sys/${key.replaceAll(".", "/")}`).trim(),
  );
}

interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the script on the node; it keeps its own files in the test's directory. */
function setUp(env: Readonly<Record<string, string>> = {}, ...args: string[]): Ran {
  const own = {
    PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
    STATE_DIR: join(dir, "state"),
    RT_TABLES_DIR: join(dir, "names"),
  };
  const options = { env: { ...own, ...GATEWAYS, ...env }, encoding: "utf8" as const };
  return spawnSync("ip", ["netns", "exec", node, SCRIPT, ...args], options);
}

/** Rules, tables and sysctls of the node; link-local routes come and go by themselves. */
function snapshot(): string {
  const routes = lines(
    ip("route", "show", "table", "all") + ip("-6", "route", "show", "table", "all"),
  );
  const stable = routes.filter((line) => !/fe80|ff00|^anycast/.test(line));
  return [...lines(ip("-d", "rule") + ip("-6", "-d", "rule")), ...stable, ...sysctls()].join("\n");
}

function routeOf(destination: string, mark: string): string {
  const { stdout, stderr } = spawnSync(
    "ip",
    ["-n", node, "-o", "route", "get", destination, "mark", mark],
    { encoding: "utf8" },
  );
  return stdout + stderr;
}

test("leads each mark to its gateway, after the node's exact routes and before its default", () => {
  expect(setUp()).toMatchObject({ status: 0, stderr: "" });
  expect(lines(ip("rule")).slice(0, 7)).toEqual(TENANT_RULES);
  expect(lines(ip("route", "show", "table", "100"))).toEqual([
    "default via 10.10.10.131 dev eth1 proto kernel",
    CLOSED,
  ]);
  expect(lines(ip("route", "show", "table", "200"))).toEqual([
    "default via 10.10.20.131 dev eth2 proto kernel",
    CLOSED,
  ]);
  expect(routeOf("203.0.113.1", "0x10")).toContain("via 10.10.10.131");
  expect(routeOf("203.0.113.1", "0x4020")).toContain("via 10.10.20.131");
  expect(routeOf("203.0.113.1", "0x4000")).toContain("via 10.0.0.1");
  expect(routeOf("10.200.1.7", "0x10")).toContain("via 10.0.0.3");
  expect(readFileSync(join(dir, "names/tenant-routing.conf"), "utf8")).toContain(
    "100 tenant-a\n200 tenant-b\n",
  );
});

test('tags rules and routes "kernel", so that systemd-networkd leaves them alone', () => {
  setUp();
  const rules = lines(ip("-d", "rule") + ip("-6", "-d", "rule")).filter((line) =>
    /^3276[45]:/.test(line),
  );
  expect(rules).toHaveLength(10);
  expect(rules.filter((line) => !line.endsWith("proto kernel"))).toEqual([]);
});

test("can be run again, and then changes nothing", () => {
  setUp();
  const before = snapshot();
  expect(setUp()).toMatchObject({
    status: 0,
    stdout: expect.stringContaining("changes made: none"),
  });
  expect(snapshot()).toBe(before);
});

test("--remove restores the node, whatever the environment says then", () => {
  const before = snapshot();
  setUp({ GATEWAY_A6: "fd00:10::1", PRIORITY: "30000" });
  setUp({ GATEWAY_A6: "fd00:10::1", PRIORITY: "30000" });
  expect(sysctls()).toEqual(["1", "2", "0", "1"]);
  const told = setUp({}, "--remove", "--dry-run");
  expect(told).toMatchObject({
    status: 0,
    stdout: expect.stringContaining("ip -4 rule del pref 30000 fwmark 0x10/0xff lookup 100"),
  });
  expect(sysctls()).toEqual(["1", "2", "0", "1"]);
  expect(setUp({ GATEWAY_A: "", TABLE_TENANT_A: "77" }, "--remove")).toMatchObject({
    status: 0,
    stderr: "",
  });
  expect(snapshot()).toBe(before);
  expect(existsSync(join(dir, "names"))).toBe(false);
  expect(readdirSync(join(dir, "state/routes"))).toEqual(["queue"]);
  expect(setUp({}, "--remove").stdout).toContain("nothing to remove");
});

test("--dry-run changes nothing and says what would be done", () => {
  const before = snapshot();
  const { status, stdout } = setUp({}, "--dry-run");
  expect(status).toBe(0);
  expect(stdout).toContain("ip -4 rule add pref 32765 fwmark 0x10/0xff lookup 100");
  expect(stdout).toContain("sysctl -w net.ipv4.conf.eth1.rp_filter=2");
  expect(snapshot()).toBe(before);
  expect(existsSync(join(dir, "state")) || existsSync(join(dir, "names"))).toBe(false);
});

test("a lost gateway closes its tenant; another run brings it back", () => {
  setUp();
  ip("link", "set", "eth1", "down");
  expect(routeOf("203.0.113.1", "0x10")).toMatch(/unreachable|No route to host/);
  expect(routeOf("203.0.113.1", "0x20")).toContain("via 10.10.20.131");
  ip("link", "set", "eth1", "up");
  expect(setUp().status).toBe(0);
  expect(routeOf("203.0.113.1", "0x10")).toContain("via 10.10.10.131");
});

test("a changed mark, gateway or table replaces what was there", () => {
  setUp({ GATEWAY_A6: "fd00:10::1", TENANTS: "A B" });
  setUp({ FWMARK_TENANT_A: "0x30/0xf0", GATEWAY_A: "10.10.10.99", TABLE_TENANT_B: "201" });
  expect(
    lines(ip("rule"))
      .filter((line) => line.includes("fwmark") && line.includes("lookup"))
      .sort(),
  ).toEqual([
    "32765:\tfrom all fwmark 0x20/0xff lookup 201",
    "32765:\tfrom all fwmark 0x30/0xf0 lookup 100",
  ]);
  expect(lines(ip("route", "show", "table", "100"))).toEqual([
    "default via 10.10.10.99 dev eth1 proto kernel",
    CLOSED,
  ]);
  expect(ip("-6", "route", "show", "table", "100")).not.toContain("via");
  expect(lines(ip("route", "show", "table", "200"))).toEqual([]);
});

test("local delivery stays first where its rule was moved to 100, as Cilium does", () => {
  ip("rule", "add", "pref", "100", "lookup", "local");
  ip("rule", "del", "pref", "0");
  expect(setUp()).toMatchObject({ status: 0, stderr: "" });
  expect(routeOf("10.10.10.2", "0x10")).toMatch(/^local /);
  expect(setUp({ PRIORITY: "50" })).toMatchObject({
    status: 3,
    stdout: expect.stringContaining(
      "the IPv4 rule for the local table is at 100 and our first rule is at 49",
    ),
  });
  expect(setUp({ PRIORITY: "50" }, "--force").status).toBe(0);
});

test("IPv6 is closed for a tenant without an IPv6 gateway and led to the gateway otherwise", () => {
  ip("-6", "route", "add", "default", "via", "fd00:10::9");
  setUp({ GATEWAY_A6: "fd00:10::1" });
  expect(routeOf("2001:db8::1", "0x10")).toContain("via fd00:10::1");
  expect(routeOf("2001:db8::1", "0x20")).toMatch(/unreachable|No route to host/);
  expect(routeOf("2001:db8::1", "0x0")).toContain("via fd00:10::9");
});

test("a tenant beyond A and B, and one behind a device without a gateway's address", () => {
  const ran = setUp({
    TENANTS: "A VPN",
    DEV_VPN: "eth2",
    FWMARK_TENANT_VPN: "0x40",
    TABLE_TENANT_VPN: "300",
  });
  expect(ran).toMatchObject({ status: 0, stderr: "" });
  expect(routeOf("203.0.113.1", "0x40")).toContain("dev eth2 table 300");
  expect(ip("rule")).not.toContain("lookup 200");
});

test("notices others that use the same marks, tables and priorities: nothing is changed without --force", () => {
  ip("rule", "add", "pref", "50", "fwmark", "0x10", "lookup", "100");
  ip("rule", "add", "pref", "32765", "lookup", "300");
  ip("rule", "add", "pref", "40", "fwmark", "0x4000/0x4000", "lookup", "300");
  ip("route", "add", "198.51.100.0/24", "dev", "eth2", "table", "200");
  ip("route", "add", "128.0.0.0/1", "dev", "eth2");
  const before = snapshot();
  const { status, stdout, stderr } = setUp();
  expect([status, stderr]).toEqual([3, expect.stringContaining("--force")]);
  const says = [
    /^COLLISION table.*pref 50 /m,
    /^COLLISION mark.*ip rule 50/m,
    /^COLLISION priority.*pref 32765 /m,
    /^COLLISION table.*198\.51\.100\.0\/24/m,
    /^warning half-default/m,
  ];
  for (const each of says) expect(stdout).toMatch(each);
  expect(stdout).not.toContain("0x4000");
  expect(snapshot()).toBe(before);
  expect(setUp({}, "--force").status).toBe(0);
  expect(routeOf("100.64.0.1", "0x20")).toContain("via 10.10.20.131");
});

test.each([
  [{ GATEWAY_A: "203.0.113.5" }, "gateway-off-link"],
  [{ DEV_A: "eth9" }, "device-missing"],
])(
  "%j: that tenant is closed, the others work, and it says so",
  (env: Record<string, string>, finding) => {
    expect(setUp(env)).toMatchObject({
      status: 1,
      stdout: expect.stringContaining(`PROBLEM ${finding} (tenant tenant-a)`),
    });
    expect(routeOf("203.0.113.1", "0x10")).toMatch(/unreachable|No route to host/);
    expect(routeOf("203.0.113.1", "0x20")).toContain("via 10.10.20.131");
  },
);

test.each([
  [{ FWMARK_TENANT_B: "0x10" }, "tenant-a"],
  [{ MASK: "0xf" }, "/tenants/tenant-a/fwmark"],
  [{ FWMARK_TENANT_A: "0" }, "/tenants/tenant-a/fwmark"],
  [{ FWMARK_TENANT_A: 'x[$(reboot)]", "y\\' }, "/tenants/tenant-a/fwmark"],
  [{ FWMARK_TENANT_A: "0x10\n" }, "FWMARK_TENANT_A has a control character"],
  [{ TABLE_TENANT_B: "100" }, '/tenants/tenant-b/table is 100, the table of tenant "tenant-a"'],
  [{ TABLE_TENANT_A: "254" }, "/tenants/tenant-a/table"],
  [{ TABLE_TENANT_A: "main" }, "/tenants/tenant-a/table"],
  [{ GATEWAY_A: "" }, "GATEWAY_A is not set"],
  [{ GATEWAY_A: "gw-a.example" }, "/tenants/tenant-a/gateways"],
  [{ PRIORITY: "32766" }, "is not in 3 to 32765"],
  [{ PRIORITY: "x[$(reboot)]" }, "is not in 3 to 32765"],
  [{ TENANTS: "" }, "names no tenant"],
  [{ TENANTS: "A a" }, "names a twice"],
  [{ TENANTS: "A C", GATEWAY_C: "10.10.20.9" }, "tenant C has no defaults"],
  [{ RT_TABLES_DIR: "names" }, "/routes/namesDir"],
  [{ WRAPPER: "/none/wrapper" }, "WRAPPER"],
])("refuses %j before it changes anything", (env: Record<string, string>, message) => {
  const before = snapshot();
  const { status, stderr } = setUp(env);
  expect([status, stderr]).toEqual([2, expect.stringContaining(message)]);
  expect(snapshot()).toBe(before);
  expect(readdirSync(tmpdir()).filter((name) => name.startsWith("tenant-routing-setup."))).toEqual(
    [],
  );
});

test("a file of names that somebody else made is in the way", () => {
  mkdirSync(join(dir, "names"));
  writeFileSync(join(dir, "names/tenant-routing.conf"), "100 mine\n");
  const before = snapshot();
  expect(setUp()).toMatchObject({ status: 3, stdout: expect.stringContaining("COLLISION name") });
  expect(snapshot()).toBe(before);
});
