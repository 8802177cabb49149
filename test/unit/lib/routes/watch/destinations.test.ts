/** The watcher and networks with gateways of their own. */
import type { ResolvedGateway } from "../../../../../lib/routes/model";
import { FailoverCounter, gatewayFigures } from "../../../../../lib/routes/watch/failovers";
import { gatewayChanges } from "../../../../../lib/routes/watch/report";
import { type GatewayState, statusObject } from "../../../../../lib/routes/watch/status";
import { A, B, createRig, watchConf } from "./rig";

const TO = "203.0.113.0/24";
const LOST = { unusable: "failed" } as const;
const entry = (onGatewayLoss: "stop" | "fallback"): object => ({
  gateways: [{ via: A, dev: "eth1" }],
  routes: [{ to: [TO], gateways: [{ via: B, dev: "eth2" }], onGatewayLoss }],
});
const own = (change: Partial<ResolvedGateway> = {}): ResolvedGateway => ({
  ...{ tenant: "a", family: 4, via: A, dev: "eth1", weight: 1 },
  ...{ check: undefined, unusable: undefined },
  ...change,
});
const there = (change: Partial<ResolvedGateway> = {}): ResolvedGateway =>
  own({ to: TO, via: B, dev: "eth2", ...change });

describe("what is said of a loss", () => {
  test.each<["stop" | "fallback", ResolvedGateway, string]>([
    ["stop", own(), "its packets there stop now"],
    ["fallback", own(), `its packets there go by the tenant's ${A} dev eth1 now`],
    ["fallback", own(LOST), "its packets there stop now"],
  ])("%s", (loss, others, text) => {
    const conf = watchConf({ ...entry(loss), onGatewayLoss: "fallback" });
    const [change] = gatewayChanges(
      conf,
      [others, there()],
      [others, there(LOST)],
      () => "no answer",
    );
    expect(change?.line.message).toBe(
      `a to ${TO}: gateway ${B} dev eth2 lost (no answer); ${text}`,
    );
  });

  test("and of its return", () => {
    const [change] = gatewayChanges(
      watchConf(entry("stop")),
      [own(), there(LOST)],
      [own(), there()],
      () => "",
    );
    expect(change?.line.message).toBe(
      `a to ${TO}: gateway ${B} dev eth2 is back; its packets there go by ${B} dev eth2 now`,
    );
  });
});

test.each([
  ["stop", 0],
  ["fallback", 1],
] as const)("a loss with %s is %i failovers", (loss, count) => {
  const counter = new FailoverCounter();
  for (const each of [there(), there(LOST)]) counter.see(watchConf(entry(loss)), [own(), each]);
  expect(counter.byTenant()).toEqual({ a: count });
});

test("a gateway of several ways is one figure", () => {
  const shared = there({ via: A, dev: "eth1" });
  expect(gatewayFigures(watchConf(entry("stop")), [own(), shared, there()])).toMatchObject([
    { gateway: `${A} dev eth1` },
    { gateway: `${B} dev eth2` },
  ]);
});

describe("the status", () => {
  const status = (tenant: object, mine: GatewayState, its: GatewayState): unknown => {
    const seen = (gateway: ResolvedGateway, state: GatewayState) => ({
      ...{ gateway, state, since: new Date(0), lastError: undefined },
    });
    const { tenants } = statusObject({
      ...{ pid: 1, path: "/c", disturbed: [], repairs: 0, lastRepair: undefined, error: undefined },
      conf: watchConf(tenant),
      gateways: [seen(own(), mine), seen(there(), its)],
    });
    return tenants;
  };

  test.each([
    { mine: "up", its: "up", loss: "stop", state: "ok", route: "ok" },
    { mine: "up", its: "down", loss: "stop", state: "degraded", route: "stopped" },
    { mine: "up", its: "down", loss: "fallback", state: "degraded", route: "fallback" },
    { mine: "down", its: "up", loss: "stop", state: "stopped", route: "ok" },
  ] as const)("$mine and $its there, with $loss", ({ mine, its, loss, state, route }) => {
    expect(status(entry(loss), mine, its)).toMatchObject([
      {
        ...{ name: "a", state, gateways: [{ via: A }] },
        routes: [{ to: [TO], state: route, gateways: [{ via: B, state: its }] }],
      },
    ]);
  });

  test("a tenant with networks alone is as well as these", () => {
    expect(status({ ...entry("stop"), gateways: undefined }, "up", "up")).toMatchObject([
      { state: "ok" },
    ]);
    expect(status({ ...entry("stop"), gateways: undefined }, "up", "down")).toMatchObject([
      { state: "degraded" },
    ]);
  });
});

test("a silent gateway is taken out of its network alone, and the tenant's own take over", async () => {
  const rig = createRig();
  const running = rig.run(watchConf(entry("fallback")));
  await rig.clock.advance(500);
  const ways = (): readonly string[] =>
    rig.kernel.routes
      .filter(({ dst, type }) => dst === TO && type === "unicast")
      .map(({ metric, nexthops }) => `${metric} ${nexthops[0]?.via ?? ""}`);
  expect([...ways()].sort()).toEqual([`0 ${B}`, `2048 ${A}`]);
  rig.silent.add(B);
  await rig.clock.advance(4000);
  expect(ways()).toEqual([`2048 ${A}`]);
  expect(rig.kernel.ways()).toEqual([A]);
  rig.silent.delete(B);
  await rig.clock.advance(6000);
  expect([...ways()].sort()).toEqual([`0 ${B}`, `2048 ${A}`]);
  rig.events.post("stop");
  await rig.clock.advance(1500);
  await running;
});
