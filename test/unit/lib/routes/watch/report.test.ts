import { hopText } from "../../../../../lib/net/hop";
import {
  commandsText,
  gatewayChanges,
  problemText,
  reportChanges,
  type WatchLine,
} from "../../../../../lib/routes/watch/report";
import {
  gatewayState,
  type GatewayState,
  statusObject,
} from "../../../../../lib/routes/watch/status";
import { ASSUMED_UP } from "../../../../../lib/routes/watch/health";
import type { Action, ResolvedGateway } from "../../../../../lib/routes/model";
import { confWith, tenantWith } from "../../../../helpers/conf-object";
import { watchConf } from "./rig";

const gateway = (change: Partial<ResolvedGateway> = {}): ResolvedGateway => ({
  tenant: "a",
  family: 4,
  via: "192.0.2.1",
  dev: "eth1",
  weight: 1,
  check: undefined,
  unusable: undefined,
  ...change,
});
const STATUS = {
  pid: 1,
  path: "/c",
  disturbed: [],
  repairs: 0,
  lastRepair: undefined,
  error: undefined,
};
const why = (): string => "no answer";
const told = (
  before: readonly ResolvedGateway[] | undefined,
  ...now: ResolvedGateway[]
): readonly string[] =>
  gatewayChanges(watchConf(), before, now, why).map(({ line }) => line.message);

test.each([
  [gateway(), "192.0.2.1 dev eth1"],
  [gateway({ via: undefined }), "dev eth1"],
  [gateway({ dev: undefined }), "192.0.2.1"],
])("a gateway by its names: %#", (each, text) => expect(hopText(each)).toBe(text));

test.each([
  [{ unusable: "device-missing" as const }, "there is no device eth1"],
  [{ unusable: "device-down" as const }, "device eth1 is down"],
  [{ unusable: "own-address" as const }, "192.0.2.1 is an address of this node"],
  [{ unusable: "off-link" as const }, "192.0.2.1 is on no network of eth1"],
  [{ unusable: "off-link" as const, dev: undefined }, "192.0.2.1 is on no network of this node"],
  [{ unusable: "failed" as const }, "no answer"],
])("what is wrong with it: %#", (change, text) =>
  expect(problemText(gateway(change), why)).toBe(text),
);

test("the family is named where the tenant has both", () => {
  const six = gateway({ family: 6, via: "2001:db8::1" });
  expect(told([gateway(), six], gateway({ unusable: "failed" }), six)).toEqual([
    "a: gateway 192.0.2.1 dev eth1 lost (no answer); its IPv4 packets stop now",
  ]);
});

test("a gateway whose device was looked up and is gone is the same gateway", () => {
  const lost = gateway({ dev: undefined, unusable: "off-link" });
  expect(told([gateway()], lost)).toEqual([
    "a: gateway 192.0.2.1 lost (192.0.2.1 is on no network of this node); its packets stop now",
  ]);
  expect(told([lost], gateway())).toEqual([
    "a: gateway 192.0.2.1 dev eth1 is back; its packets go by 192.0.2.1 dev eth1 now",
  ]);
  expect(told([lost], lost)).toEqual([]);
});

test("another reason for the same loss is no news, nor is a new gateway that works", () => {
  expect(told([gateway({ unusable: "failed" })], gateway({ unusable: "device-down" }))).toEqual([]);
  expect(told([], gateway())).toEqual([]);
});

test("commands on one line of a log: the first ones, each short", () => {
  const sysctls = Array.from({ length: 9 }, (_, i) => ({
    kind: "sysctl" as const,
    path: "a/b",
    value: String(i),
  }));
  expect(commandsText(sysctls)).toBe(
    "sysctl -w a.b=0; sysctl -w a.b=1; sysctl -w a.b=2; sysctl -w a.b=3; sysctl -w a.b=4; sysctl -w a.b=5; and 3 more",
  );
  expect(
    commandsText([
      { kind: "nat", text: "table\n" },
      { kind: "nat", text: undefined },
    ]),
  ).toBe("nft -f - (table inet tenant-routing); nft delete table inet tenant-routing");
  expect(
    commandsText([
      { kind: "file", path: "/x", text: "a\nb\n" },
      { kind: "sysctl", path: "net/ipv4/ip_forward", value: "1" },
    ]),
  ).toBe("write /x; sysctl -w net.ipv4.ip_forward=1");
});

describe("a change that a look led to", () => {
  const route = (table: number): Action => ({
    kind: "route",
    op: "del",
    route: {
      family: 4,
      table,
      dst: "default",
      type: "unicast",
      metric: 0,
      protocol: 2,
      nexthops: [],
    },
  });
  const nat: Action = { kind: "nat", text: undefined };
  const look = (
    before: readonly ResolvedGateway[],
    now: readonly ResolvedGateway[],
    actions: readonly Action[],
    made: readonly Action[] = actions,
  ): { lines: WatchLine[]; repaired: readonly string[] } => {
    const lines: WatchLine[] = [];
    const view = { plan: { gateways: now } } as never;
    return {
      lines,
      repaired: reportChanges(
        { conf: watchConf(), before, view, made, why, cause: undefined },
        (line) => lines.push(line),
      ),
    };
  };

  test("follows from a lost gateway in its tenant's table and in the translation, and is a repair elsewhere", () => {
    const { lines, repaired } = look(
      [gateway()],
      [gateway({ unusable: "failed" })],
      [route(100), nat, route(254)],
    );
    expect(lines.map(({ event }) => event)).toEqual(["gateway", "change", "repair"]);
    expect(repaired).toEqual(["ip -4 route del default table main protocol kernel"]);
  });

  test("is a repair while the gateways stay as they are", () => {
    expect(look([gateway()], [gateway()], [route(100), nat]).repaired).toEqual([
      "ip -4 route del default table 100 protocol kernel",
      "nft delete table inet tenant-routing",
    ]);
  });

  test("is not reported when the kernel refused it", () => {
    expect(look([gateway()], [gateway()], [route(100)], [])).toEqual({
      lines: [],
      repaired: [],
    });
  });
});

test("a gateway's state follows from what the last look made of its device and its health", () => {
  const down = { ...ASSUMED_UP, up: false };
  const failed = gateway({ unusable: "failed" });
  expect([
    gatewayState(gateway(), ASSUMED_UP),
    gatewayState(failed, down),
    gatewayState(failed, { ...down, answeringSince: 1 }),
  ]).toEqual(["up", "down", "hold-down"]);
  // The probes have said so, and the routes do not follow yet.
  expect([gatewayState(gateway(), down), gatewayState(failed, ASSUMED_UP)]).toEqual(["up", "down"]);
  for (const unusable of ["device-missing", "device-down", "own-address", "off-link"] as const)
    expect(gatewayState(gateway({ unusable }), ASSUMED_UP)).toBe(unusable);
});

test("a family that has lost all its gateways is lost, however well the other one does", () => {
  const both = [gateway(), gateway({ family: 6, via: "2001:db8::1" })];
  const state = (onGatewayLoss: string, ...states: GatewayState[]): unknown => {
    const gateways = both.map((each, i) => ({
      gateway: each,
      state: states[i] ?? "up",
      since: new Date(0),
      lastError: undefined,
    }));
    const { tenants } = statusObject({
      ...STATUS,
      conf: watchConf({ onGatewayLoss }),
      gateways,
    }) as { tenants: { state: string }[] };
    return tenants[0]?.state;
  };
  expect([
    state("stop", "up", "down"),
    state("fallback", "up", "down"),
    state("fallback", "up", "up"),
  ]).toEqual(["stopped", "fallback", "ok"]);
});

test("a tenant without any gateway is stopped; what there is not is null", () => {
  expect(
    statusObject({
      ...STATUS,
      conf: confWith({ tenants: [tenantWith({ name: "a", table: 100 })] }),
      gateways: [],
    }),
  ).toEqual({
    pid: 1,
    conf: "/c",
    tenants: [{ name: "a", state: "stopped", gateways: [], routes: [] }],
    repairs: 0,
    lastRepair: null,
    error: null,
  });
  const seen = {
    gateway: gateway({ via: undefined, dev: undefined }),
    state: "up" as const,
    since: new Date(0),
    lastError: undefined,
  };
  expect(statusObject({ ...STATUS, conf: watchConf(), gateways: [seen] })).toMatchObject({
    tenants: [
      {
        state: "ok",
        gateways: [
          {
            family: 4,
            via: null,
            dev: null,
            state: "up",
            since: "1970-01-01T00:00:00.000Z",
            lastError: null,
          },
        ],
      },
    ],
  });
});
