/**
 * `wrapper routes watch` and gateways that come and go: by their neighbour entry, a ping, their
 * cable, their device.
 */
import { INTERNET, useRoutesNode } from "../helpers/routes-node";
import { HOLD_DOWN_MS, useWatchers } from "../helpers/routes-watch";
import { sh } from "../helpers/shell";

const watchers = useWatchers(() => node);
const node = useRoutesNode();
const [A, B] = ["10.10.10.1", "10.10.20.1"];
const FAR = "203.0.113.1";
const BOTH = {
  "tenant-a": { fwmark: "0x10/0xff", table: 100, gateways: [{ via: A }, { via: B }] },
};

const gatewayIp = (device: "eth1" | "eth2", ...args: string[]): string =>
  sh("ip", "-n", node.gateway(device), ...args);
/** A gateway whose machine hangs: its cable is in, and it answers nothing. */
const silence = (device: "eth1" | "eth2"): string =>
  gatewayIp(device, "link", "set", "lan", "arp", "off");
const wake = (device: "eth1" | "eth2"): string =>
  gatewayIp(device, "link", "set", "lan", "arp", "on");
/** A busy node sends one probe more before it acts. */
const lost = (gateway: string, dev: string, then: string): RegExp => {
  const literal = (text: string): string => text.replaceAll(/[$.]/g, String.raw`\$&`);
  const why = String.raw`\((?:[3-9]|\d\d) probes in a row without an answer\)`;
  return new RegExp(`${literal(gateway)} dev ${dev} lost ${why}; ${literal(then)}`);
};
const table = (): string => node.ip("route", "show", "table", "100");

test("of two gateways one falls silent: the tenant goes by the other, and by both after the hold-down", async () => {
  node.configure(BOTH, watchers.settings());
  const watching = await watchers.start();
  expect(table()).toMatch(new RegExp(`nexthop via ${A} dev eth1 .*\\s+nexthop via ${B} dev eth2`));
  // The kernel takes it for reachable still.
  node.run(`ping -c 1 -W 5 ${A}`);
  silence("eth1");
  await watching.says(
    lost(`tenant-a: gateway ${A}`, "eth1", `its packets go by ${B} dev eth2 now`),
  );
  await watching.reaches("tenant-a", "degraded");
  expect(table()).not.toContain(A);
  expect(node.way(FAR, "0x10")).toContain(`via ${B} dev eth2`);
  expect(watching.status().tenants[0]?.gateways).toMatchObject([
    { via: A, state: "down", lastError: "no answer to neighbour discovery" },
    { via: B, state: "up" },
  ]);
  const since = Date.now();
  wake("eth1");
  await watching.sees(
    "the hold-down",
    () => watching.status().tenants[0]?.gateways[0]?.state === "hold-down",
  );
  expect(table()).not.toContain(A);
  await watching.says(
    `tenant-a: gateway ${A} dev eth1 is back; its packets go by ${A} dev eth1 and ${B} dev eth2 now\n`,
  );
  expect(Date.now() - since).toBeGreaterThanOrEqual(HOLD_DOWN_MS - 50);
  await watching.reaches("tenant-a", "ok");
  expect(table()).toMatch(new RegExp(`nexthop via ${A} dev eth1 .*\\s+nexthop via ${B} dev eth2`));
  expect(watching.status().repairs).toBe(0);
});

test("the other commands take its word on the gateways, and leave the node to it", async () => {
  node.configure(BOTH, watchers.settings());
  const watching = await watchers.start();
  silence("eth1");
  await watching.reaches("tenant-a", "degraded");
  const before = node.snapshot();
  for (const [action, none] of [
    ["show", "as the changes that would fix them: none\n"],
    ["plan", "changes: none\n"],
    ["apply", "changes made: none\n"],
  ] as const) {
    const { status, stdout } = node.routes(action);
    expect([status, stdout]).toEqual([
      1,
      expect.stringMatching(
        new RegExp(
          `^PROBLEM gateway-failed \\(tenant tenant-a\\): TR0105 gateway ${A} dev eth1 of tenant tenant-a\\s+is left out because it does not answer`,
          "m",
        ),
      ),
    ]);
    expect(stdout).toContain(none);
  }
  expect(node.routes("remove")).toMatchObject({
    status: 2,
    stdout: "",
    stderr: expect.stringContaining(
      "wrapper routes watch is at work on this node, and would put everything back: stop it first",
    ),
  });
  node.configure({ "tenant-a": BOTH["tenant-a"] }, watchers.settings());
  expect(node.routes("apply").status).toBe(1);
  node.configure({ "tenant-a": { ...BOTH["tenant-a"], table: 150 } }, watchers.settings());
  expect(node.routes("apply")).toMatchObject({
    status: 2,
    stdout: "",
    stderr: expect.stringContaining(
      `keeps the routes of ${node.conf} as it was when it was last read, or of another file: have it read the file again`,
    ),
  });
  expect(node.snapshot()).toBe(before);
  watching.signal("SIGHUP");
  await watching.says("configuration read again");
  expect(node.routes("apply").stdout).toContain("changes made: none");
  watching.signal("SIGKILL");
  await watching.ended();
  // Nobody knows better now.
  expect(node.routes("show")).toMatchObject({
    status: 1,
    stdout: expect.stringContaining(`nexthop via ${A} dev eth1`),
  });
  expect(node.routes("apply", "--sysctl").status).toBe(0);
  expect(node.routes("remove").status).toBe(0);
});

test("a watcher that takes over knows which gateways were lost, and tells what others put into a tenant's table", async () => {
  node.configure(BOTH, watchers.settings());
  const first = await watchers.start();
  silence("eth1");
  await first.reaches("tenant-a", "degraded");
  first.signal("SIGKILL");
  await first.ended();
  const before = table();
  const second = await watchers.start();
  await second.says(
    `gateway ${A} dev eth1 is not usable (it was lost when the watcher before ended`,
  );
  expect(table()).toBe(before);
  node.ip("route", "add", "198.51.100.0/24", "via", "10.0.0.1", "table", "100");
  await second.says(
    'table 100 of tenant tenant-a has foreign routes: "ip -4 route 198.51.100.0/24 via 10.0.0.1',
  );
  await second.sees("it in the status", () => second.status().error?.includes("198.51.100.0/24"));
  node.ip("route", "del", "198.51.100.0/24", "table", "100");
  await second.says("over: table 100");
  wake("eth1");
  await second.reaches("tenant-a", "ok");
});

test("IPv6 gateways are asked too", async () => {
  node.configure(
    {
      "tenant-a": {
        ...BOTH["tenant-a"],
        gateways: [{ via: "fd00:10::1" }, { via: "fd00:20::1" }, { via: A }],
      },
    },
    watchers.settings(),
  );
  const watching = await watchers.start();
  node.run(`ip netns exec ${node.gateway("eth1")} ip6tables -w 5 -A INPUT -j DROP`);
  await watching.says(
    lost("gateway fd00:10::1", "eth1", "its IPv6 packets go by fd00:20::1 dev eth2 now"),
  );
  expect(node.ip("-6", "route", "show", "table", "100")).not.toContain("fd00:10::1");
  node.run(`ip netns exec ${node.gateway("eth1")} ip6tables -w 5 -F INPUT`);
  await watching.says("gateway fd00:10::1 dev eth1 is back");
});

test("a gateway that answers, and whose way out is broken, is found by its check", async () => {
  node.configure(
    { "tenant-a": { ...BOTH["tenant-a"], gateways: [{ via: A, check: INTERNET }, { via: B }] } },
    watchers.settings(),
  );
  const watching = await watchers.start({ args: ["--sysctl"] });
  await watching.reaches("tenant-a", "ok");
  gatewayIp("eth1", "addr", "del", `${INTERNET}/32`, "dev", "lo");
  gatewayIp("eth1", "route", "add", "blackhole", INTERNET);
  await watching.says(lost(`gateway ${A}`, "eth1", `its packets go by ${B} dev eth2 now`));
  expect(watching.status().tenants[0]?.gateways[0]?.lastError).toContain(
    `no answer from ${INTERNET}`,
  );
  gatewayIp("eth1", "route", "del", "blackhole", INTERNET);
  gatewayIp("eth1", "addr", "add", `${INTERNET}/32`, "dev", "lo");
  await watching.says(`gateway ${A} dev eth1 is back`);
});

test("with no gateway left a tenant stops, or falls back where it says so; real packets show it", async () => {
  const tenant = (n: number, via: string, onGatewayLoss: string): object => ({
    fwmark: `0x${n}0/0xff`,
    table: n * 100,
    gateways: [{ via }],
    onGatewayLoss,
  });
  node.configure(
    { "tenant-a": tenant(1, A, "stop"), "tenant-b": tenant(2, B, "fallback") },
    watchers.settings(),
  );
  await node.serve("eth0", "eth1", "eth2");
  const [a, b] = [node.pod(1, "0x10/0xff"), node.pod(2, "0x20/0xff")];
  const watching = await watchers.start({ args: ["--sysctl"] });
  expect([node.ask(a, INTERNET), node.ask(b, INTERNET)]).toEqual([
    "eth1 10.88.0.1",
    "eth2 10.88.0.2",
  ]);
  silence("eth1");
  silence("eth2");
  await watching.says(lost(`tenant-a: gateway ${A}`, "eth1", "its packets stop now"));
  await watching.says(
    lost(`tenant-b: gateway ${B}`, "eth2", "its packets go by the node's default route now"),
  );
  await watching.reaches("tenant-a", "stopped");
  await watching.reaches("tenant-b", "fallback");
  expect([node.ask(a, INTERNET), node.ask(b, INTERNET)]).toEqual(["no answer", "eth0 10.88.0.2"]);
  wake("eth1");
  wake("eth2");
  await watching.reaches("tenant-a", "ok");
  await watching.reaches("tenant-b", "ok");
  expect([node.ask(a, INTERNET), node.ask(b, INTERNET)]).toEqual([
    "eth1 10.88.0.1",
    "eth2 10.88.0.2",
  ]);
});

test("remove takes everything away also after gateways have come and gone", async () => {
  const before = node.snapshot();
  node.configure(
    {
      "tenant-a": {
        ...BOTH["tenant-a"],
        snat: "masquerade",
        gateways: [{ via: A }, { via: B }, { via: "fd00:10::1" }, { via: "fd00:20::1" }],
      },
    },
    watchers.settings(),
  );
  const watching = await watchers.start({ args: ["--sysctl"] });
  // The kernel itself takes its nexthop out of the IPv6 route then.
  node.ip("link", "set", "eth2", "down");
  await watching.says("its IPv6 packets go by fd00:10::1 dev eth1 now");
  node.run("ip link set eth2 up; ip addr add fd00:20::2/64 dev eth2 nodad");
  await watching.says(`gateway ${B} dev eth2 is back`);
  await watching.says("gateway fd00:20::1 dev eth2 is back");
  silence("eth1");
  await watching.reaches("tenant-a", "degraded");
  watching.signal("SIGTERM");
  await watching.ended();
  wake("eth1");
  expect(node.routes("remove")).toMatchObject({ status: 0, stderr: "" });
  expect(node.snapshot()).toBe(before);
});
