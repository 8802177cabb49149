/** `wrapper routes` where something is wrong or in the way: lost gateways, kills, collisions, bad words. */
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { killAfter } from "../helpers/node-kill";
import { TENANTS, useRoutesNode, WRAPPER } from "../helpers/routes-node";
import { until } from "../helpers/shell";

const node = useRoutesNode();
const [A, B] = [TENANTS["tenant-a"], TENANTS["tenant-b"]];
const CLOSED = /unreachable|No route to host/;

interface Report {
  readonly tenants: readonly {
    readonly name: string;
    readonly mark: string;
    readonly table: number;
    readonly gateways: readonly Record<string, unknown>[];
  }[];
  readonly changes: readonly { readonly kind: string; readonly command: string }[];
  readonly collisions: readonly {
    readonly kind: string;
    readonly tenant?: string;
    readonly text: string;
  }[];
  readonly findings: readonly {
    readonly kind: string;
    readonly tenant?: string;
    readonly severity: string;
  }[];
  readonly failures: readonly string[];
}

function report(...args: string[]): Report {
  return JSON.parse(node.routes(...args, "-o", "json").stdout) as Report;
}

describe("a gateway that cannot be used stops its tenant; the others work, the status is 1", () => {
  test.each<readonly [string, object, string, () => void]>([
    [
      "its device is missing",
      { ...A, gateways: [{ via: "10.10.10.1", dev: "eth9" }] },
      "device-missing",
      () => undefined,
    ],
    [
      "its device is down",
      { ...A, gateways: [{ via: "10.10.10.1", dev: "eth1" }] },
      "device-down",
      () => node.ip("link", "set", "eth1", "down"),
    ],
    [
      "it is the node itself",
      { ...A, gateways: [{ via: "10.10.10.2" }] },
      "gateway-own-address",
      () => undefined,
    ],
    [
      "it is on no network of the node",
      { ...A, gateways: [{ via: "198.51.100.9" }] },
      "gateway-off-link",
      () => undefined,
    ],
    [
      "it is on another network than its device",
      { ...A, gateways: [{ via: "10.10.20.9", dev: "eth1" }] },
      "gateway-off-link",
      () => undefined,
    ],
  ])("%s", (_, tenant, kind, damage) => {
    damage();
    node.configure({ "tenant-a": tenant, "tenant-b": B });
    const { status, stdout } = node.routes("apply", "--sysctl");
    expect([status, stdout]).toEqual([
      1,
      expect.stringMatching(new RegExp(`^PROBLEM ${kind} \\(tenant tenant-a\\): \\S`, "m")),
    ]);
    expect(node.way("203.0.113.1", "0x10")).toMatch(CLOSED);
    expect(node.way("203.0.113.1", "0x20")).toContain("via 10.10.20.1");
    expect(node.routes("apply", "--sysctl")).toMatchObject({
      status: 1,
      stdout: expect.stringContaining("changes made: none"),
    });
  });

  test("while it is down, and until apply is run again; then all is well", () => {
    node.routes("apply", "--sysctl");
    node.ip("link", "set", "eth1", "down");
    expect(node.way("203.0.113.1", "0x10")).toMatch(CLOSED);
    expect(node.routes("show")).toMatchObject({
      status: 1,
      stdout: expect.stringContaining("gateway-off-link"),
    });
    node.ip("link", "set", "eth1", "up");
    expect(node.way("203.0.113.1", "0x10")).toMatch(CLOSED);
    expect(node.routes("apply")).toMatchObject({
      status: 1,
      stdout: expect.stringMatching(/fd00:10::1/),
    });
    // The kernel has dropped the IPv6 address with the link.
    node.ip("addr", "add", "fd00:10::2/64", "dev", "eth1", "nodad");
    expect(node.routes("apply", "--sysctl").status).toBe(0);
    expect(node.way("203.0.113.1", "0x10")).toContain("via 10.10.10.1");
  });

  test("its new gateway is refused by the kernel: the old one is not used any more", () => {
    node.routes("apply", "--sysctl");
    // A broadcast address is on its network, and no gateway.
    node.configure({ "tenant-a": { ...A, gateways: [{ via: "10.10.10.255" }] }, "tenant-b": B });
    expect(node.routes("apply", "--sysctl")).toMatchObject({
      status: 1,
      stdout: expect.stringMatching(/^FAILED: .*10\.10\.10\.255/m),
    });
    expect(node.way("203.0.113.1", "0x10")).toMatch(CLOSED);
    expect(node.way("203.0.113.1", "0x20")).toContain("via 10.10.20.1");
  });
});

test("/proc/sys that cannot be written to, and a kernel that refuses the nft table: told with status 1, and no tenant leaks", () => {
  node.configure({ "tenant-a": { ...A, snat: "none" }, "tenant-b": B });
  const nft = node.run("readlink -f $(command -v nft)").trim();
  const broken = join(node.dir, "nft");
  writeFileSync(
    broken,
    `#!/bin/sh\n[ "$1" != -f ] || { echo no nat here >&2; exit 1; }\nexec ${broken}-real "$@"\n`,
    { mode: 0o755 },
  );
  const script = `cp ${nft} ${broken}-real; mount --bind ${broken} ${nft}; mount --bind -o ro /proc/sys /proc/sys; mount -o remount,bind,ro /proc/sys; exec ${WRAPPER} routes apply --sysctl --conf ${node.conf}`;
  const { status, stdout } = spawnSync("ip", ["netns", "exec", node.netns, "bash", "-c", script], {
    encoding: "utf8",
    env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" },
  });
  expect([status, stdout]).toEqual([
    1,
    expect.stringMatching(/^FAILED: \/proc\/sys\/net\/ipv4\/ip_forward cannot be set to 1/m),
  ]);
  expect(stdout).toMatch(/^FAILED: nft -f - failed: no nat here/m);
  expect(node.way("203.0.113.1", "0x10")).toContain("via 10.10.10.1");
  node.ip("link", "set", "eth1", "down");
  expect(node.way("203.0.113.1", "0x10")).toMatch(CLOSED);
  expect(node.routes("apply", "--sysctl").status).toBe(1);
  expect(node.get("ipv4/ip_forward")).toBe("1");
});

test("fallback: without a gateway, by the node's default route; a family without any stays closed", () => {
  node.configure({ "tenant-b": { ...B, onGatewayLoss: "fallback" } });
  node.routes("apply", "--sysctl");
  node.ip("link", "set", "eth2", "down");
  expect(node.way("203.0.113.1", "0x20")).toContain("via 10.0.0.1");
  expect(node.way("2001:db8::1", "0x20")).toMatch(CLOSED);
  expect(node.routes("apply", "--sysctl").status).toBe(1);
  expect(node.way("203.0.113.1", "0x20")).toContain("via 10.0.0.1");
});

test("several gateways share by weight in both families, and a tenant's MTU is on its routes", () => {
  const gateways = [
    { via: "10.10.10.1", weight: 3 },
    { via: "10.10.20.1" },
    { via: "fd00:10::1", weight: 2 },
    { via: "fd00:20::1", dev: "eth2" },
  ];
  node.configure({ "tenant-a": { ...A, mtu: 1380, gateways } });
  expect(node.routes("apply", "--sysctl")).toMatchObject({ status: 0 });
  expect(node.ip("route", "show", "table", "100")).toMatch(
    /^default proto kernel mtu 1380 \n\tnexthop via 10\.10\.10\.1 dev eth1 weight 3 \n\tnexthop via 10\.10\.20\.1 dev eth2 weight 1 $/m,
  );
  const six = node.ip("-6", "route", "show", "table", "100");
  expect(six).toMatch(/^default proto kernel metric 1024 mtu 1380 pref medium/m);
  expect(six).toMatch(/nexthop via fd00:10::1 dev eth1 weight 2/);
  expect(six).toMatch(/nexthop via fd00:20::1 dev eth2 weight 1/);
  expect(node.routes("apply").stdout).toContain("changes made: none");
  // One of them goes: the other carries on alone, and no weight is left behind.
  node.ip("link", "set", "eth1", "down");
  expect(node.routes("apply").status).toBe(1);
  expect(node.ip("-6", "route", "show", "table", "100")).toMatch(
    /^default via fd00:20::1 dev eth2 proto kernel metric 1024 mtu 1380/m,
  );
  expect(node.way("203.0.113.1", "0x10")).toContain("via 10.10.20.1");
});

test("excluded destinations and the other nodes' pods go by the main table", () => {
  const [main, excluded] = [
    { dst: "10.89.0.0/16", via: "10.0.0.7" },
    ["198.51.100.0/24", "2001:db8:99::/64"],
  ];
  node.configure(TENANTS, {
    nodeRoutes: [main, { dst: "fd00:89::/64", via: "fd00:1::7", dev: "eth0" }],
    excludeDestinations: excluded,
  });
  node.routes("apply", "--sysctl");
  const ways = ["198.51.100.7", "2001:db8:99::7", "10.89.3.4", "fd00:89::4", "198.51.101.7"].map(
    (to) => / via (\S+)/.exec(node.way(to, "0x10"))?.[1],
  );
  expect(ways).toEqual(["10.0.0.1", "fd00:1::1", "10.0.0.7", "fd00:1::7", "10.10.10.1"]);
});

test("show notices what others changed: a rule, a stop, the nft table, a FORWARD rule, the names", () => {
  node.configure(
    { "tenant-a": { ...A, snat: "none" } },
    { podNetworks: ["10.88.0.0/16"], acceptForward: true },
  );
  node.routes("apply", "--sysctl");
  expect(node.routes("show")).toMatchObject({ status: 0 });
  const damages = [
    "ip rule del pref 32764",
    "ip route del unreachable default metric 4294967295 table 100",
    "nft flush chain inet tenant-routing postrouting",
    "nft insert rule inet tenant-routing postrouting accept",
    "nft delete table inet tenant-routing",
    "iptables -D FORWARD 1",
    `echo '# more' >>${node.namesDir}/tenant-routing.conf`,
  ];
  for (const damage of damages) {
    node.run(damage);
    expect([damage, node.routes("show").status]).toEqual([damage, 1]);
    expect([damage, node.routes("apply").status]).toEqual([damage, 0]);
    expect([damage, node.routes("show").status]).toEqual([damage, 0]);
  }
});

test("collisions: plan ends with 3, apply refuses and changes nothing, --force goes ahead", () => {
  node.ip("rule", "add", "pref", "50", "fwmark", "0x10/0x10", "lookup", "100");
  node.ip("route", "add", "198.51.100.0/24", "dev", "eth2", "table", "200");
  const before = node.snapshot();
  const planned = node.routes("plan");
  expect(planned).toMatchObject({
    status: 3,
    stdout: expect.stringMatching(/^COLLISION mark .*tenant-a/m),
    stderr: "",
  });
  expect(planned.stdout).toMatch(/^COLLISION table .*tenant-b/m);
  expect(node.routes("apply", "--sysctl")).toMatchObject({
    status: 3,
    stderr: expect.stringContaining("--force"),
  });
  expect(report("plan").collisions.map(({ kind }) => kind)).toEqual(
    expect.arrayContaining(["mark", "table"]),
  );
  expect(node.snapshot()).toBe(before);
  expect(node.routes("apply", "--sysctl", "--force").status).toBe(0);
  expect(node.way("203.0.113.1", "0x20")).toContain("via 10.10.20.1");
  expect(node.routes("remove").status).toBe(0);
  expect(node.snapshot()).toBe(before);
});

test("--force hides no problem: the status is still 1", () => {
  node.ip("rule", "add", "pref", "50", "fwmark", "0x10/0x10", "lookup", "100");
  expect(node.routes("apply", "--force").status).toBe(1);
});

test("-o json says the same to a program", () => {
  const planned = report("plan", "--sysctl");
  const text = node.routes("plan", "--sysctl").stdout;
  for (const { command } of planned.changes)
    for (const line of command.trimEnd().split("\n")) expect(text).toContain(line);
  expect(planned.tenants).toEqual([
    {
      name: "tenant-a",
      mark: "0x10/0xff",
      table: 100,
      gateways: [
        { family: 4, via: "10.10.10.1", dev: "eth1", weight: 1 },
        { family: 6, via: "fd00:10::1", dev: "eth1", weight: 1 },
      ],
    },
    {
      name: "tenant-b",
      mark: "0x20/0xff",
      table: 200,
      gateways: [{ family: 4, via: "10.10.20.1", dev: "eth2", weight: 1 }],
    },
  ]);
  expect(report("apply", "--sysctl").changes).toEqual(planned.changes);
  expect(report("show")).toMatchObject({ changes: [], collisions: [], failures: [] });
  const { changes } = JSON.parse(node.routes("remove", "-o", "json").stdout) as {
    changes: { kind: string; command: string }[];
  };
  expect(changes).toContainEqual({
    kind: "rule",
    command: "ip -4 rule del pref 32765 fwmark 0x10/0xff lookup 100 protocol kernel",
  });
});

test("the printed commands, run by hand, make the same node", () => {
  node.configure(
    { "tenant-a": { ...A, snat: "masquerade", mtu: 1400 }, "tenant-b": B },
    { podNetworks: ["10.88.0.0/16"], acceptForward: true, namesDir: "" },
    { iptables: "nft" },
  );
  const commands = report("plan", "--sysctl").changes.map(({ command }) => command);
  node.run(["set -e", ...commands, ""].join("\n"));
  // Only the listing of the nft table is unknown, as there is no record: it is written once more.
  expect(report("plan", "--sysctl").changes.map(({ kind }) => kind)).toEqual(["nat"]);
});

test.each(["alone", "tree"] as const)(
  "killed at any moment (%s): remove restores the node, or apply finishes",
  async (kind) => {
    node.configure(
      { "tenant-a": { ...A, snat: "none" }, "tenant-b": B },
      {
        podNetworks: ["10.88.0.0/16"],
        acceptForward: true,
        nodeRoutes: [{ dst: "10.89.0.0/16", via: "10.0.0.7" }],
      },
    );
    node.ip("route", "add", "default", "via", "10.10.10.9", "dev", "eth1", "table", "100");
    const started = performance.now();
    node.routes("apply", "--sysctl", "--force");
    const took = performance.now() - started;
    const done = node.snapshot();
    node.routes("remove");
    const before = node.snapshot();
    writeFileSync(
      join(node.dir, "apply.sh"),
      `#!/bin/sh\nexec ${WRAPPER} routes apply --sysctl --force --conf ${node.conf}\n`,
      { mode: 0o755 },
    );
    let [killed, midway] = [0, 0];
    for (let step = 0; step < 12; step++) {
      const ms = Math.round(took * (0.4 + 0.05 * step));
      const doomed = {
        netns: node.netns,
        command: join(node.dir, "apply.sh"),
        env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" },
        stdin: "",
      };
      if (await killAfter(ms, kind, doomed)) killed++;
      await until(
        "the last child has ended",
        () =>
          spawnSync("ip", ["netns", "pids", node.netns], { encoding: "utf8" }).stdout.trim() === "",
      );
      if (![before, done].includes(node.snapshot())) midway++;
      if (step % 2 === 0) {
        expect([ms, node.routes("apply", "--sysctl", "--force").status]).toEqual([ms, 0]);
        expect([ms, node.snapshot()]).toEqual([ms, done]);
      }
      expect([ms, node.routes("remove").status]).toEqual([ms, 0]);
      expect([ms, node.snapshot()]).toEqual([ms, before]);
    }
    expect([killed, midway].every((count) => count > 1)).toBe(true);
  },
  180_000,
);

test("two at once: one waits for the other", async () => {
  const script = Array.from(
    { length: 4 },
    () => `${WRAPPER} routes apply --sysctl --conf ${node.conf} >/dev/null & p="$p $!"`,
  ).join("\n");
  node.run(`${script}\nfor each in $p; do wait $each || exit 1; done`);
  expect(node.routes("show").status).toBe(0);
});

test.each([
  ["no action", () => [""], /no action.*plan, apply/],
  ["an unknown action", () => ["aply"], /unknown action "aply".*plan, apply/],
  ["an unknown format", () => ["plan", "-o", "yaml"], /yaml.*table or json/],
  [
    "a conflist that is not there",
    () => ["plan", "--conf", join(node.dir, "none")],
    /none cannot be read/,
  ],
])("%s: 2, and what to do", (_, args, says) => {
  const { status, stdout, stderr } = node.routes(...args());
  expect([status, stdout]).toEqual([2, ""]);
  expect(stderr).toMatch(says);
});

test("a wrong conflist: 2 with every problem, and nothing is changed", () => {
  const before = node.snapshot();
  node.configure(
    { "tenant-a": { ...A, table: 254 }, "tenant-b": { ...B, table: 300, snat: "sometimes" } },
    { tenantPriority: 10, masquerade: true },
  );
  const { status, stdout, stderr } = node.routes("apply", "--sysctl");
  expect([status, stdout]).toEqual([2, ""]);
  for (const place of ["/tenants/tenant-a/table", "/tenants/tenant-b/snat"])
    expect(stderr).toContain(place);
  expect(node.snapshot()).toBe(before);
});

test("not as root: 2, before anything is looked at", () => {
  const { status, stderr } = spawnSync(
    "setpriv",
    ["--reuid", "65534", "--clear-groups", WRAPPER, "routes", "plan", "--conf", node.conf],
    { encoding: "utf8", env: { PATH: "/usr/bin:/bin" } },
  );
  expect([status, stderr]).toEqual([2, expect.stringMatching(/root/)]);
});

test("a record that cannot be used: 2, and which file it is", () => {
  node.routes("apply", "--sysctl");
  const file = node.run(`ls ${node.dir}/data/routes/netns-*`).trim();
  const text = readFileSync(file, "utf8");
  writeFileSync(file, text.slice(0, 40));
  expect(node.routes("remove")).toMatchObject({ status: 2, stderr: expect.stringContaining(file) });
  writeFileSync(file, text);
  expect(node.routes("remove").status).toBe(0);
});
