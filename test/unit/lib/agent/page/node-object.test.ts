import {
  nodeObject,
  type NodeFacts,
  type Sighting,
} from "../../../../../lib/agent/page/node-object";
import { confWith, tenantWith } from "../../../../helpers/conf-object";
import { record } from "../../../../helpers/context";
import { apiProblems } from "./schema";

const A = { value: 0x10, mask: 0xff };
const B = { value: 0x20, mask: 0xff };
const GATEWAYS = [{ via: "10.0.0.1", dev: "eth1" }, { via: "10.0.1.1" }, { dev: "tun0" }];
const CONF = confWith({
  tenants: [
    tenantWith({ name: "a", mark: A, table: 100, gateways: GATEWAYS, onGatewayLoss: "fallback" }),
    tenantWith({ name: "b", mark: B }),
  ],
});

const row = (tag: string, packets: number | undefined, change: object = {}) => ({
  ...{ pod: `n/${tag}`, tag, tenant: "a", mark: A, backend: "nft", addresses: ["10.1.0.1"] },
  ...{ pieces: 1, recorded: true, packets, bytes: packets },
  ...change,
});

function sighting(at: number, packets: number, change: Partial<Sighting> = {}): Sighting {
  return {
    ...{ at, time: new Date(at), dropped: undefined, gateways: [], records: new Map() },
    traffic: [{ backend: "nft", mark: A, tag: "one", packets, bytes: packets * 100 }],
    pods: [row("one", packets)],
    devices: new Map([["eth1", { packets: packets * 2, bytes: 0 }]]),
    ...change,
  };
}

function objectOf(now: Sighting, change: Partial<NodeFacts> = {}) {
  const object = nodeObject({
    ...{ conf: CONF, path: "/etc/cni/net.d/x", node: "node-1", version: "1", conditions: ["c"] },
    ...{ lastEvent: 3, kept: [], before: undefined, now, ...change },
  });
  expect(apiProblems("node", object)).toEqual([]);
  return object;
}

test("at the first look no rate is known", () => {
  const object = objectOf(sighting(1000, 50));
  expect(object).toMatchObject({ interval: null, conf: "/etc/cni/net.d/x", lastEvent: 3 });
  expect(object.groups).toMatchObject([
    {
      ...{ tenant: "a", mark: "0x10/0xff", table: 100, onGatewayLoss: "fallback" },
      ...{ packetsPerSecond: null, bytesPerSecond: null, leaked: null, leaksPerSecond: null },
      leakedToDefaultRoute: null,
      pods: [{ pod: "n/one", state: "marked", packets: 50, packetsPerSecond: null }],
      gateways: [
        { gateway: "10.0.0.1 dev eth1", dev: "eth1", state: "unknown", neighbour: "none" },
        { gateway: "10.0.1.1", dev: null, devicePacketsPerSecond: null },
        { gateway: "dev tun0", dev: "tun0" },
      ],
    },
    { tenant: "b", table: null, onGatewayLoss: null, pods: [], gateways: [] },
  ]);
});

test("rates of tenant, pod, device and leaks; counters that were made again began at 0", () => {
  const dropped = (packets: number) => [
    { reason: "no_mark" as const, mark: A, packets: packets - 1 },
    { reason: "default_route" as const, mark: A, packets: 1 },
  ];
  const before = sighting(1000, 50, { dropped: dropped(5) });
  const now = sighting(3000, 90, { dropped: dropped(11) });
  expect(objectOf(now, { before })).toMatchObject({
    interval: 2,
    groups: [
      {
        ...{ packetsPerSecond: 20, bytesPerSecond: 2000, leaked: 11, leaksPerSecond: 3 },
        leakedToDefaultRoute: 1,
        pods: [{ packetsPerSecond: 20 }],
        gateways: [{ devicePacketsPerSecond: 40 }, {}, {}],
      },
      { leaked: 0, leaksPerSecond: 0, leakedToDefaultRoute: 0 },
    ],
  });
  const again = objectOf(sighting(3000, 6, { dropped: dropped(2) }), { before });
  expect(again.groups[0]).toMatchObject({
    ...{ leaksPerSecond: 1, pods: [{ packetsPerSecond: 3 }] },
    gateways: [{ devicePacketsPerSecond: 6 }, {}, {}],
  });
});

test("gateways that the agent keeps are up or lost", () => {
  const kept = [
    { tenant: "a", gateway: "10.0.0.1 dev eth1", isUp: false, via: "10.0.0.1", dev: "eth1" },
    { tenant: "a", gateway: "dev tun0", isUp: true, via: undefined, dev: "tun0" },
  ];
  const gateways = [
    { tenant: "a", gateway: "10.0.0.1", state: "FAILED" },
    { tenant: "a", gateway: "tun0", state: "UNKNOWN" },
  ];
  expect(objectOf(sighting(0, 0, { gateways }), { kept }).groups[0]?.gateways).toMatchObject([
    { gateway: "10.0.0.1 dev eth1", state: "lost", neighbour: "FAILED" },
    { gateway: "dev tun0", state: "up", neighbour: "UNKNOWN" },
  ]);
});

test("pods that are not well stay with their tenant, those without a mark are a group", () => {
  const pods = [
    row("damaged", 1, { mark: undefined }),
    row("stray", 1, { recorded: false }),
    row("lost", 1, { mark: undefined, tenant: undefined }),
  ];
  const named = (name: string, change: object = {}) =>
    record({ pod: { namespace: "n", name }, addresses: [], state: "complete", ...change });
  const records = new Map([
    ["missing", named("missing", { mark: A, tenant: "a" })],
    ["plain", named("plain", { mark: undefined, tenant: undefined })],
    ["begun", named("begun", { state: "intent", mark: undefined })],
  ]);
  const { groups } = objectOf(sighting(0, 0, { pods, records }));
  const states = groups.map((group) => [
    group.tenant,
    group.pods.map(({ pod, state }) => `${pod} ${state}`),
  ]);
  expect(states).toEqual([
    ["a", ["n/damaged damaged", "n/missing missing", "n/stray unknown"]],
    ["b", []],
    [null, ["n/lost damaged", "n/plain plain"]],
  ]);
});

test("a mark that is nobody's has a group without a way", () => {
  const mark = { value: 0x30, mask: 0xff };
  const { groups } = objectOf(
    sighting(0, 0, { pods: [row("x", undefined, { mark, tenant: undefined })] }),
  );
  expect(groups[2]).toMatchObject({
    ...{ tenant: null, mark: "0x30/0xff", table: null, gateways: [] },
    pods: [{ packets: null, packetsPerSecond: null }],
  });
});
