import { desiredRoutes } from "../../../../../lib/routes/plan/desired";
import type { NodeState, RoutesPlan, RoutesRecord } from "../../../../../lib/routes/model";
import {
  restoredSysctls,
  staleSysctls,
  sysctlChanges,
  sysctlsAfter,
} from "../../../../../lib/routes/changes/sysctls";
import { confOf, stateOf } from "../node-rig";

const RP = "net/ipv4/conf/eth1/rp_filter";
const FORWARDING = "net/ipv4/ip_forward";
const SIX = "net/ipv6/conf/all/forwarding";

const planOf = (state: NodeState, conf = confOf()): RoutesPlan => desiredRoutes(conf, state);
const pairs = (changes: readonly { readonly path: string; readonly value: string }[]): string[] =>
  changes.map(({ path, value }) => `${path}=${value}`);
const needs = (values: Readonly<Record<string, string>>): string[] =>
  pairs(sysctlChanges(planOf(stateOf({}, values)), stateOf({}, values)));

test("a node where all is well needs no change", () => {
  expect(needs({})).toEqual([]);
});

test.each([
  ["strict", { [RP]: "1" }, [`${RP}=2`]],
  ["off", { [RP]: "0" }, []],
  ["off, but strict for all", { [RP]: "0", "net/ipv4/conf/all/rp_filter": "1" }, [`${RP}=2`]],
  ["strict, but loose for all", { [RP]: "1", "net/ipv4/conf/all/rp_filter": "2" }, []],
  ["loose, strict for all", { "net/ipv4/conf/all/rp_filter": "1" }, []],
])("reverse-path filter %s", (_, values: Readonly<Record<string, string>>, changes) => {
  expect(needs(values)).toEqual(changes);
});

test("forwarding, for the families that are routed", () => {
  expect(needs({ [FORWARDING]: "0", [SIX]: "0" })).toEqual([`${FORWARDING}=1`]);
  const [state, six] = [stateOf({}, { [SIX]: "0" }), { via: "fe80::1", dev: "eth1" }];
  const conf = confOf({ tenants: { a: { fwmark: "0x10/0xff", table: 100, gateways: [six] } } });
  expect(pairs(sysctlChanges(planOf(state, conf), state))).toEqual([`${SIX}=1`]);
  const two = stateOf({}, { [SIX]: "2" });
  expect(sysctlChanges(planOf(two, conf), two)).toEqual([]);
});

test("node routes and accepted forwarding need it too, without any gateway", () => {
  const state = stateOf({}, { [FORWARDING]: "0", [SIX]: "0" });
  const tenants = { a: { fwmark: "0x10" } };
  const routes = (more: object): RoutesPlan =>
    planOf(state, confOf({ tenants, routes: more as never }));
  expect(
    pairs(
      sysctlChanges(routes({ nodeRoutes: [{ dst: "10.9.0.0/16", via: "198.51.100.7" }] }), state),
    ),
  ).toEqual([`${FORWARDING}=1`]);
  expect(
    pairs(sysctlChanges(routes({ acceptForward: true, podNetworks: ["fd00::/48"] }), state)),
  ).toEqual([`${SIX}=1`]);
  expect(routes({}).sysctls).toEqual([]);
});

test("a kernel without the file needs no change", () => {
  const state = stateOf({ sysctl: () => undefined });
  expect(sysctlChanges(planOf(state), state)).toEqual([]);
});

describe("the record", () => {
  const OFF = {
    [FORWARDING]: "0",
    [RP]: "1",
    "net/ipv4/conf/all/accept_redirects": "0",
    "net/ipv4/conf/eth0/forwarding": "1",
    "net/ipv4/conf/eth1/forwarding": "0",
  };
  const before = stateOf({}, OFF);
  const recorded: RoutesRecord["sysctls"] = sysctlsAfter(planOf(before), before, {});
  const applied = { ...OFF, [FORWARDING]: "1", [RP]: "2", "net/ipv4/conf/eth1/forwarding": "1" };

  test("keeps the value before, and what forwarding changes along with it", () => {
    expect(recorded).toEqual({
      [FORWARDING]: {
        before: "0",
        written: "1",
        sides: {
          "net/ipv4/conf/all/accept_redirects": { before: "0", written: "0" },
          "net/ipv4/conf/eth0/forwarding": { before: "1", written: "1" },
        },
      },
      [RP]: { before: "1", written: "2" },
    });
  });

  test("is the same when nothing is left to do, and keeps the first value when others changed it back", () => {
    const now = stateOf({}, applied);
    expect(sysctlsAfter(planOf(now), now, recorded)).toEqual(recorded);
    const again = stateOf({}, { ...applied, [RP]: "1", [FORWARDING]: "0" });
    expect(sysctlsAfter(planOf(again), again, recorded)).toEqual(recorded);
  });

  test("puts back what is still as it was left, the sides after it", () => {
    expect(pairs(restoredSysctls(recorded, stateOf({}, applied)))).toEqual([
      `${FORWARDING}=0`,
      "net/ipv4/conf/all/accept_redirects=0",
      "net/ipv4/conf/eth0/forwarding=1",
      `${RP}=1`,
    ]);
    expect(
      pairs(
        restoredSysctls(
          recorded,
          stateOf({}, { ...applied, [RP]: "0", "net/ipv4/conf/eth0/forwarding": "0" }),
        ),
      ),
    ).toEqual([`${FORWARDING}=0`, "net/ipv4/conf/all/accept_redirects=0"]);
    expect(
      restoredSysctls(recorded, stateOf({}, { ...applied, [FORWARDING]: "0", [RP]: "0" })),
    ).toEqual([]);
  });

  test("what a later plan does not need is put back, and forgotten", () => {
    const now = stateOf({}, applied);
    const nothing = planOf(now, confOf({ tenants: { a: { fwmark: "0x10" } } }));
    expect(pairs(staleSysctls(nothing, now, recorded))).toHaveLength(4);
    expect(sysctlsAfter(nothing, now, recorded)).toEqual({});
    expect(staleSysctls(planOf(now), now, recorded)).toEqual([]);
  });

  test("IPv6 forwarding sets every device's", () => {
    const conf = confOf({
      tenants: { a: { fwmark: "0x10", table: 100, gateways: [{ via: "fe80::1", dev: "eth1" }] } },
    });
    const state = stateOf(
      {},
      { [SIX]: "0", "net/ipv6/conf/default/forwarding": "1", "net/ipv6/conf/eth0/forwarding": "0" },
    );
    expect(sysctlsAfter(planOf(state, conf), state, {})).toEqual({
      [SIX]: {
        before: "0",
        written: "1",
        sides: { "net/ipv6/conf/default/forwarding": { before: "1", written: "1" } },
      },
    });
  });
});
