import type { ResolvedGateway } from "../../../../../lib/routes/model";
import { FailoverCounter, gatewayFigures } from "../../../../../lib/routes/watch/failovers";
import { confOf } from "../node-rig";

const at = (via: string, change: Partial<ResolvedGateway> = {}): ResolvedGateway => ({
  tenant: "a",
  family: 4,
  via,
  dev: "eth1",
  weight: 1,
  check: undefined,
  unusable: undefined,
  ...change,
});
const LOST = { unusable: "failed" } as const;
const [ONE, TWO] = ["192.0.2.1", "192.0.2.2"];

test.each<[string, readonly (readonly ResolvedGateway[])[], number]>([
  [
    "nothing happens",
    [
      [at(ONE), at(TWO)],
      [at(ONE), at(TWO)],
    ],
    0,
  ],
  [
    "one is lost and another is left",
    [
      [at(ONE), at(TWO)],
      [at(ONE, LOST), at(TWO)],
    ],
    1,
  ],
  [
    "it comes back",
    [
      [at(ONE, LOST), at(TWO)],
      [at(ONE), at(TWO)],
    ],
    0,
  ],
  ["the last one is lost", [[at(ONE)], [at(ONE, LOST)]], 0],
  ["it was lost at the start", [[at(ONE, LOST), at(TWO)]], 0],
  [
    "it stays lost",
    [
      [at(ONE), at(TWO)],
      [at(ONE, LOST), at(TWO)],
      [at(ONE, LOST), at(TWO)],
    ],
    1,
  ],
  [
    "only the other family has one left",
    [
      [at(ONE), at("fd00::1", { family: 6 })],
      [at(ONE, LOST), at("fd00::1", { family: 6 })],
    ],
    0,
  ],
  [
    "one after the other is lost",
    [
      [at(ONE), at(TWO)],
      [at(ONE, LOST), at(TWO)],
      [at(ONE), at(TWO, LOST)],
    ],
    2,
  ],
])("failovers when %s", (_, seen, count) => {
  const counter = new FailoverCounter();
  for (const gateways of seen) counter.see(confOf(), gateways);
  expect(counter.byTenant()).toEqual({ a: count, b: 0 });
});

test("a gateway by its device alone is up where it is so in both families; each is named as it is configured", () => {
  const conf = confOf({
    tenants: {
      a: { fwmark: "0x10", table: 100, gateways: [{ via: ONE, dev: "eth1" }, { via: TWO }] },
    },
  });
  const tunnel = { via: undefined, dev: "tun0" } as const;
  expect(
    gatewayFigures(conf, [
      at("", tunnel as never),
      at("", { ...(tunnel as object), family: 6, ...LOST }),
      at(ONE),
      at(TWO, { dev: undefined }),
    ]),
  ).toEqual([
    { tenant: "a", gateway: "dev tun0", isUp: false, via: undefined, dev: "tun0" },
    { tenant: "a", gateway: "192.0.2.1 dev eth1", isUp: true, via: ONE, dev: "eth1" },
    { tenant: "a", gateway: "192.0.2.2", isUp: true, via: TWO, dev: undefined },
  ]);
});
