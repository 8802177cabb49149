import { desiredRoutes } from "../../../../../lib/routes/plan/desired";
import { tableText } from "../../../../../lib/routes/plan/nft-table";
import { TENANTS, confOf, stateOf } from "../node-rig";

/** The rules of the table. */
function rules(changes: object): string[] {
  const nat = tableText(desiredRoutes(confOf(changes as never), stateOf()));
  if (nat === undefined) return [];
  expect(nat).toMatch(
    /^table inet tenant-routing \{\n {2}chain postrouting \{\n {4}type nat hook postrouting priority 90; policy accept;\n[^]*\n {2}\}\n\}\n$/,
  );
  return nat
    .split("\n")
    .slice(3, -3)
    .map((line) => line.trim());
}

const one = (snat: unknown, gateways: readonly object[] = TENANTS.a.gateways): object => ({
  tenants: { a: { ...TENANTS.a, gateways, snat } },
});
const MATCH = 'meta mark & 0xff == 0x10 oifname "eth1"';

test("without snat there is no table", () => {
  expect(rules({})).toEqual([]);
});

test("each translation, on the tenant's device alone", () => {
  expect(rules(one("none"))).toEqual([
    `${MATCH} snat ip to ip saddr comment "a"`,
    `${MATCH} snat ip6 to ip6 saddr comment "a"`,
  ]);
  expect(rules(one("masquerade"))).toEqual([`${MATCH} masquerade comment "a"`]);
  expect(rules(one("192.0.2.77"))).toEqual([`${MATCH} snat ip to 192.0.2.77 comment "a"`]);
  expect(rules(one(["192.0.2.77", "FD00:0::77"]))).toEqual([
    `${MATCH} snat ip to 192.0.2.77 comment "a"`,
    `${MATCH} snat ip6 to fd00::77 comment "a"`,
  ]);
});

test("several devices, each once; a gateway whose device is unknown has none", () => {
  const gateways = [
    { via: "192.0.2.1" },
    { via: "192.0.2.2" },
    { dev: "eth0" },
    { via: "203.0.113.1" },
  ];
  expect(rules(one("masquerade", gateways))).toEqual([
    'meta mark & 0xff == 0x10 oifname "eth0" masquerade comment "a"',
    `${MATCH} masquerade comment "a"`,
  ]);
});

test("masquerade of pods passes over every tenant's packets, and over what stays among pods", () => {
  const routes = {
    masquerade: true,
    podNetworks: ["10.200.0.0/16", "10.201.0.7", "fd00:200::/48"],
  };
  const unmarked = "meta mark & 0xff != 0x10 meta mark & 0xff != 0x20";
  const rest = (word: string, set: string): string =>
    `${word} saddr { ${set} } ${word} daddr != { ${set} } fib daddr type != multicast masquerade comment "pods"`;
  expect(rules({ routes })).toEqual([
    `${unmarked} ${rest("ip", "10.200.0.0/16, 10.201.0.7/32")}`,
    `${unmarked} ${rest("ip6", "fd00:200::/48")}`,
  ]);
  expect(rules({ routes: { ...routes, podNetworks: ["10.200.0.0/16"] } })).toHaveLength(1);
});
