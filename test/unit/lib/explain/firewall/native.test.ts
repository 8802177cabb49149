import { nativeRules } from "../../../../../lib/explain/firewall/native";

const PACKET = { family: 4, from: "10.88.0.2", to: "203.0.113.9", iif: "veth1" } as const;
const SADDR = { payload: { protocol: "ip", field: "saddr" } };
const SET = { mangle: { key: { meta: { key: "mark" } }, value: 32 } };

function found(expr: readonly object[], table: object = { family: "inet", table: "other" }) {
  const json = {
    nftables: [
      { metainfo: {} },
      { chain: { ...table, name: "pre", hook: "prerouting" } },
      { chain: { ...table, name: "deep" } },
      { rule: { ...table, chain: "pre", handle: 7, expr } },
      { rule: { ...table, chain: "deep", handle: 8, expr } },
    ],
  };
  return nativeRules(json, PACKET).map(({ effect, matched, removal }) => ({
    effect,
    matched,
    removal,
  }));
}

const REMOVAL = "nft delete rule inet other pre handle 7";

test.each([
  ["an address", { op: "==", left: SADDR, right: "10.88.0.2" }, "yes"],
  [
    "a network",
    { op: "==", left: SADDR, right: { prefix: { addr: "10.88.0.0", len: 24 } } },
    "yes",
  ],
  ["another address", { op: "==", left: SADDR, right: "10.88.0.3" }, undefined],
  ["all but an address", { op: "!=", left: SADDR, right: "10.88.0.3" }, "yes"],
  ["a set", { op: "==", left: SADDR, right: "@pods" }, "maybe"],
  ["a device", { op: "==", left: { meta: { key: "iifname" } }, right: "veth1" }, "yes"],
  ["another device", { op: "==", left: { meta: { key: "iifname" } }, right: "eth0" }, undefined],
  ["a protocol", { op: "==", left: { meta: { key: "l4proto" } }, right: "tcp" }, "maybe"],
])("a rule for %s that sets the mark", (_, match, matched) => {
  const expected = matched === undefined ? [] : [{ effect: "mark", matched, removal: REMOVAL }];
  expect(found([{ match }, SET])).toEqual(expected);
});

test.each([
  ["drop", [{ drop: null }]],
  ["drop", [{ reject: { type: "icmp" } }]],
  ["untrack", [{ notrack: null }]],
  ["translate", [{ masquerade: null }]],
])("%s is an effect", (effect, expr) => {
  expect(found(expr)).toEqual([{ effect, matched: "yes", removal: REMOVAL }]);
});

test.each([
  ["no effect", [{ counter: { packets: 1, bytes: 2 } }], undefined],
  ["a table of ours", [SET], { family: "inet", table: "tenant-routing-marks" }],
  ["a table of iptables", [SET], { family: "ip", table: "mangle" }],
  ["the other family", [SET], { family: "ip6", table: "other" }],
])("%s is nothing", (_, expr, table) => {
  expect(found(expr, table)).toEqual([]);
});

describe("chains that a base chain leads to", () => {
  const table = { family: "inet", table: "other" };
  const of = (chain: string, ...exprs: (readonly object[])[]) =>
    exprs.map((expr, i) => ({ rule: { ...table, chain, handle: i + 1, expr } }));
  const met = (...rules: readonly object[]) =>
    nativeRules(
      {
        nftables: [
          { chain: { ...table, name: "pre", hook: "prerouting" } },
          ...["a", "b"].map((name) => ({ chain: { ...table, name } })),
          ...rules,
        ],
      },
      PACKET,
    ).map(({ where, text, matched }) => `${where.slice(15)} ${text} ${matched}`);
  const to = (target: string) => ({ jump: { target } });
  const goTo = (target: string) => ({ goto: { target } });
  const us = { match: { op: "==", left: SADDR, right: "10.88.0.2" } };
  const others = { match: { op: "==", left: SADDR, right: "10.88.0.3" } };
  const unknown = { match: { op: "==", left: SADDR, right: "@pods" } };

  test.each([
    ["a jump", [...of("pre", [us, to("a")], [SET]), ...of("a", [SET])], ["a 1", "pre 2"]],
    [
      "a jump of a jump",
      [...of("pre", [to("a")]), ...of("a", [to("b")]), ...of("b", [SET])],
      ["b 1"],
    ],
    ["a goto ends the chain", [...of("pre", [goTo("a")], [SET]), ...of("a", [SET])], ["a 1"]],
    [
      "a goto in a jump comes back to the first chain",
      [...of("pre", [to("a")], [SET]), ...of("a", [goTo("b")], [SET]), ...of("b", [SET])],
      ["b 1", "pre 2"],
    ],
    [
      "a return",
      [...of("pre", [to("a")], [SET]), ...of("a", [{ return: null }], [SET])],
      ["pre 2"],
    ],
    ["an accept ends all", [...of("pre", [to("a")], [SET]), ...of("a", [{ accept: null }])], []],
    ["a jump for others", [...of("pre", [others, to("a")]), ...of("a", [SET])], []],
    ["a circle", [...of("pre", [to("a")]), ...of("a", [to("pre")], [SET])], ["a 2"]],
  ])("%s", (_, rules, expected) => {
    expect(met(...rules)).toEqual(expected.map((each) => each.replace(" ", " handle ") + " yes"));
  });

  test("behind a match that is not judged, everything is only perhaps so", () => {
    expect(
      met(...of("pre", [unknown, to("a")], [SET]), ...of("a", [SET], [{ accept: null }])),
    ).toEqual(["a handle 1 maybe", "pre handle 2 yes"]);
  });
});

test("what is no ruleset has no rules", () => {
  for (const json of [undefined, null, 3, {}, { nftables: [3, null] }])
    expect(nativeRules(json, PACKET)).toEqual([]);
});
