import { CniError } from "../../../../../lib/cni/error";
import { route, rule } from "../node-rig";
import { A, B, createRig, settle, watchConf, type Rig } from "./rig";

let rig: Rig;
let running: Promise<unknown>;
beforeEach(() => void (rig = createRig()));
afterEach(async () => {
  rig.events.post("stop");
  await running;
});

async function start(conf = watchConf(), options = {}): Promise<void> {
  running = rig.run(conf, options);
  await settle();
}

const forgetRule = (): void =>
  void (rig.kernel.rules = rig.kernel.rules.filter(({ table }) => table !== 100));
const hasRule = (): boolean => rig.kernel.rules.some(({ table }) => table === 100);

test("the watcher makes the routes at its start, reports it, and writes the status", async () => {
  await start();
  expect(rig.kernel.ways()).toEqual([A, B]);
  expect(rig.messages()).toEqual([
    expect.stringMatching(
      /^watching 1 tenant with 2 gateways; changed: ip -4 route replace unreachable default table 100 .*; ip -4 rule add pref 32765/,
    ),
  ]);
  expect(rig.status()).toMatchObject({
    pid: 42,
    conf: "/etc/cni/net.d/10.conflist",
    tenants: [{ name: "a", state: "ok" }],
    repairs: 0,
    lastRepair: null,
  });
});

test("an event leads to a repair after a short pause, and many events to one look", async () => {
  await start();
  forgetRule();
  const before = rig.kernel.looks;
  rig.events.post("changed");
  await settle();
  rig.events.post("changed");
  expect(hasRule()).toBe(false);
  await rig.clock.advance(300);
  expect([hasRule(), rig.kernel.looks]).toEqual([true, before + 1]);
  expect(rig.lines.at(-1)).toMatchObject({
    event: "repair",
    message: expect.stringMatching(
      /^repaired: ip -4 rule add pref 32765 fwmark 0x10\/0xff lookup 100 protocol kernel/,
    ),
  });
  const commands = rig.lines.at(-1)?.commands ?? [];
  expect(commands[0]).toBe("ip -4 rule add pref 32765 fwmark 0x10/0xff lookup 100 protocol kernel");
  expect(rig.status()).toMatchObject({ repairs: commands.length, lastRepair: { commands } });
});

test("without any event the interval is enough", async () => {
  await start();
  forgetRule();
  await rig.clock.advance(1000);
  expect(hasRule()).toBe(true);
});

test("a node that is as it should be makes no line in the log", async () => {
  await start();
  await rig.clock.advance(10_000);
  expect(rig.messages()).toHaveLength(1);
});

test("every look holds the node's lock", async () => {
  await start();
  await rig.clock.advance(3000);
  expect(rig.lock.waits.length).toBeGreaterThanOrEqual(4);
  expect(rig.lock.held).toBe(false);
});

test("a gateway is lost after failAfter probes, and back after the hold-down without a gap", async () => {
  await start();
  rig.silent.add(A);
  await rig.clock.advance(1000);
  expect(rig.kernel.ways()).toEqual([A, B]);
  await rig.clock.advance(1000);
  expect(rig.kernel.ways()).toEqual([B]);
  expect(rig.lost).toEqual([A]);
  expect(rig.messages("gateway")).toEqual([
    `a: gateway ${A} dev eth1 lost (2 probes in a row without an answer); its packets go by ${B} dev eth2 now`,
  ]);
  expect(rig.messages("change")).toEqual([
    `changed for it: ip -4 route replace default via ${B} dev eth2 table 100 protocol kernel`,
  ]);
  expect(rig.status()).toMatchObject({
    repairs: 0,
    tenants: [
      { state: "degraded", gateways: [{ state: "down", lastError: "no answer" }, { state: "up" }] },
    ],
  });
  rig.silent.delete(A);
  await rig.clock.advance(2000);
  expect(rig.status().tenants[0]?.gateways[0]?.state).toBe("hold-down");
  rig.silent.add(A);
  await rig.clock.advance(1000);
  rig.silent.delete(A);
  await rig.clock.advance(3000);
  expect(rig.kernel.ways()).toEqual([B]);
  await rig.clock.advance(1000);
  expect(rig.kernel.ways()).toEqual([A, B]);
  expect(rig.lost).toEqual([]);
  expect(rig.messages("gateway").at(-1)).toBe(
    `a: gateway ${A} dev eth1 is back; its packets go by ${A} dev eth1 and ${B} dev eth2 now`,
  );
});

test.each([
  ["stop", "its packets stop now", "stopped", 1],
  ["fallback", "its packets go by the node's default route now", "fallback", 0],
])("with none left: %s", async (onGatewayLoss, words, state, stops) => {
  await start(watchConf({ onGatewayLoss, gateways: [{ via: A, dev: "eth1" }] }));
  rig.silent.add(A);
  await rig.clock.advance(2000);
  expect(rig.messages("gateway")).toEqual([expect.stringContaining(words)]);
  expect(rig.kernel.ways()).toEqual([]);
  expect(
    rig.kernel.routes.filter(({ type, table }) => type === "unreachable" && table === 100),
  ).toHaveLength(stops);
  expect(rig.status().tenants[0]?.state).toBe(state);
});

test("a gateway that the previous watcher had lost is out from the start, until it has answered for the hold-down", async () => {
  rig.lostBefore = [`a 4 ${A} eth1`, "b 4 192.0.2.77 eth9"];
  await start();
  expect(rig.kernel.ways()).toEqual([B]);
  expect(rig.messages("gateway")).toEqual([
    `a: gateway ${A} dev eth1 is not usable (it was lost when the watcher before ended, and has not answered for long enough since); its packets go by ${B} dev eth2 now`,
  ]);
  await rig.clock.advance(4000);
  expect(rig.kernel.ways()).toEqual([A, B]);
});

test("foreign things in the way of the tenants' packets are reported, in the status too, and when they are over", async () => {
  await start();
  const [before, stray] = [rig.kernel.routes, route("8.0.0.0/8", { table: 100 })];
  rig.kernel.routes = [...before, stray];
  rig.kernel.rules = [
    ...rig.kernel.rules,
    rule(20, { fwmark: { value: 0x10, mask: 0xff }, table: 254, protocol: 3 }),
  ];
  await rig.clock.advance(1000);
  const [text] = rig.messages("trouble");
  expect(text).toContain("table 100 of tenant a has foreign routes");
  expect(text).toContain("ip rule 20");
  expect(rig.status()).toMatchObject({ error: text, tenants: [{ state: "disturbed" }] });
  expect(rig.kernel.routes).toContain(stray);
  rig.kernel.routes = before;
  rig.kernel.rules = rig.kernel.rules.filter(({ priority }) => priority !== 20);
  await rig.clock.advance(1000);
  expect(rig.messages("trouble").at(-1)).toBe(`over: ${text ?? ""}`);
  expect(rig.status()).toMatchObject({ error: null, tenants: [{ state: "ok" }] });
});

test("forwarding that somebody turns off is reported when it may not be turned on again", async () => {
  await start();
  rig.kernel.sysctls = { "net/ipv4/ip_forward": "0" };
  await rig.clock.advance(1000);
  expect(rig.messages("trouble")).toEqual([expect.stringContaining("net.ipv4.ip_forward is 0")]);
  rig.kernel.sysctls = {};
  await rig.clock.advance(1000);
  expect(rig.status().error).toBeNull();
});

test("a cable that is out counts at the next event", async () => {
  await start();
  rig.unplugged.add("eth1");
  rig.events.post("changed");
  await settle();
  await rig.clock.advance(200);
  expect(rig.kernel.ways()).toEqual([B]);
  expect(rig.messages("gateway")).toEqual([expect.stringContaining("lost (no carrier on eth1)")]);
});

test("a device that is down, and comes back, is used after the hold-down", async () => {
  await start();
  const links = rig.kernel.links;
  rig.kernel.links = links.map((each) => (each.name === "eth1" ? { ...each, up: false } : each));
  await rig.clock.advance(1000);
  expect(rig.messages("gateway")).toEqual([expect.stringContaining("lost (device eth1 is down)")]);
  expect(rig.status()).toMatchObject({
    tenants: [{ gateways: [{ state: "device-down", lastError: "device eth1 is down" }, {}] }],
  });
  rig.kernel.links = links;
  await rig.clock.advance(3000);
  expect(rig.kernel.ways()).toEqual([B]);
  await rig.clock.advance(2000);
  expect(rig.kernel.ways()).toEqual([A, B]);
});

test("a gateway that is unusable from the start is reported once", async () => {
  rig.kernel.links = rig.kernel.links.filter(({ name }) => name !== "eth2");
  await start();
  await rig.clock.advance(3000);
  expect(rig.messages("gateway")).toEqual([
    `a: gateway ${B} dev eth2 is not usable (there is no device eth2); its packets go by ${A} dev eth1 now`,
  ]);
});

test("a probe that cannot be made takes no gateway out, and is reported once", async () => {
  await start();
  rig.unknown.add(A);
  await rig.clock.advance(5000);
  expect(rig.kernel.ways()).toEqual([A, B]);
  rig.unknown.delete(A);
  await rig.clock.advance(1000);
  expect(rig.messages("trouble")).toEqual([
    `a: gateway ${A} dev eth1 cannot be probed: ip is broken`,
    `over: a: gateway ${A} dev eth1 cannot be probed: ip is broken`,
  ]);
});

test("a look that fails is reported once and tried again", async () => {
  await start();
  forgetRule();
  rig.kernel.broken = new CniError("io", "ip rule show failed: it said nothing");
  await rig.clock.advance(5000);
  expect([hasRule(), rig.status().error]).toEqual([false, "ip rule show failed: it said nothing"]);
  rig.kernel.broken = undefined;
  await rig.clock.advance(1000);
  expect([hasRule(), rig.status().error]).toEqual([true, null]);
  expect(rig.messages("trouble")).toEqual([
    "ip rule show failed: it said nothing",
    "over: ip rule show failed: it said nothing",
  ]);
});

test("a route that the kernel refuses is reported once, and is no repair", async () => {
  await start();
  rig.kernel.routes = rig.kernel.routes.filter(
    ({ table, type }) => table !== 100 || type !== "unicast",
  );
  rig.kernel.refuse = ({ kind }) => kind === "route";
  await rig.clock.advance(3000);
  expect(rig.messages("trouble")).toEqual([expect.stringContaining("Network is unreachable")]);
  expect(rig.status()).toMatchObject({
    repairs: 0,
    error: expect.stringContaining("Network is unreachable"),
  });
});
