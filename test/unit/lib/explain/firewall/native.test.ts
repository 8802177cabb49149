import { nativeRules } from "../../../../../lib/explain/firewall/native";

const PACKET = {
  family: 4,
  from: "10.88.0.2",
  to: "203.0.113.9",
  port: undefined,
  iif: "veth1",
  oif: undefined,
  mark: 0x10,
} as const;
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
  return nativeRules(json, PACKET, "prerouting").map(({ effect, matched, removal }) => ({
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
      "prerouting",
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

describe("verdict maps and policies", () => {
  const table = { family: "inet", table: "site" };
  const to = (target: string) => ({ jump: { target } });
  const vmap = (key: unknown, data: unknown) => ({ vmap: { key, data } });
  const onward = (name: string, prio: number, policy?: string) => ({
    chain: { ...table, name, hook: "forward", prio, policy },
  });
  const rule = (chain: string, handle: number, ...expr: readonly object[]) => ({
    rule: { ...table, chain, handle, expr },
  });
  const met = (...entries: readonly object[]) =>
    nativeRules({ nftables: entries }, { ...PACKET, oif: "eth1" }, "forward").map(
      ({ text, matched, removal }) => [text, matched, removal],
    );
  const zones = {
    map: {
      ...{ ...table, name: "zones", type: "ipv4_addr" },
      elem: [
        ["10.88.0.3", to("others")],
        [{ elem: { val: "10.88.0.2", comment: "web" } }, to("ours")],
      ],
    },
  };
  const BLOCKED = {
    ...zones.map,
    elem: [[{ prefix: { addr: "10.88.0.0", len: 24 } }, { drop: null }]],
  };
  const delRule = (chain: string, handle: number) =>
    `nft delete rule inet site ${chain} handle ${handle}`;

  test("a named map leads to the chain of the pod's address alone", () => {
    expect(
      met(
        ...[onward("f", 0), zones, rule("f", 1, vmap(SADDR, "@zones"))],
        ...[rule("ours", 2, { drop: null }), rule("others", 3, { drop: null })],
      ),
    ).toEqual([["handle 2", "yes", delRule("ours", 2)]]);
  });

  test("an element that drops is named, and can be taken out of a named map", () => {
    const named = [onward("f", 0), { map: BLOCKED }, rule("f", 1, vmap(SADDR, "@zones"))];
    const text = "handle 1, element 10.88.0.0/24";
    expect(met(...named)).toEqual([
      [text, "yes", "nft delete element inet site zones '{ 10.88.0.0/24 }'"],
    ]);
    const data = { set: BLOCKED.elem };
    expect(met(onward("f", 0), rule("f", 1, vmap(SADDR, data)))).toEqual([
      [text, "yes", delRule("f", 1)],
    ]);
  });

  test("without its key the packet goes on, and with an unknown one nothing is certain", () => {
    const data = (key: unknown) => ({ set: [[key, { accept: null }]] });
    const drop = rule("f", 2, { drop: null });
    const meta = { meta: { key: "iifname" } };
    expect(met(onward("f", 0), rule("f", 1, vmap(meta, data("eth0"))), drop)).toHaveLength(1);
    expect(met(onward("f", 0), rule("f", 1, vmap(meta, data("veth*"))), drop)).toEqual([]);
    const numgen = { numgen: { mode: "random", mod: 2 } };
    const either = {
      set: [
        [0, to("a")],
        [1, { goto: { target: "b" } }],
      ],
    };
    expect(
      met(
        ...[onward("f", 0), rule("f", 1, vmap(numgen, either)), drop],
        ...[rule("a", 3, { drop: null }), rule("b", 4, { drop: null })],
      ).map(([text, matched]) => `${text} ${matched}`),
    ).toEqual(["handle 3 maybe", "handle 4 maybe", "handle 2 yes"]);
  });

  const STATE = { ct: { key: "state" } };
  const established = rule(
    "f",
    1,
    vmap(STATE, {
      set: [
        ["established", { accept: null }],
        ["invalid", { drop: null }],
      ],
    }),
  );
  const POLICY = "nft insert rule inet site f ip saddr 10.88.0.2 accept";
  const unknown = { match: { op: "==", left: { meta: { key: "length" } }, right: 60 } };

  test.each([
    ["drops what no rule accepts", [established], [["policy drop", "yes", POLICY]]],
    ["is not asked behind an accept", [rule("f", 2, { accept: null })], []],
    [
      "is not certain where a rule may accept",
      [rule("f", 2, unknown, { accept: null })],
      [["policy drop", "maybe", POLICY]],
    ],
    [
      "is not certain where a map is not listed",
      [rule("f", 2, vmap(SADDR, "@none"))],
      [["policy drop", "maybe", POLICY]],
    ],
  ])("the policy %s", (_, rules, expected) => {
    expect(met(onward("f", 0, "drop"), ...rules)).toEqual(expected);
    expect(met(onward("f", 0, "accept"), ...rules)).toEqual([]);
  });

  test("chains of one hook are passed by their priority, each to its end", () => {
    const chains = [onward("late", 10), onward("early", -10)];
    const rules = [rule("early", 1, SET, { accept: null }), rule("late", 2, { drop: null })];
    expect(met(...chains, ...rules).map(([text]) => text)).toEqual(["handle 1", "handle 2"]);
    const is = { match: { op: "==", left: { meta: { key: "mark" } }, right: 32 } };
    expect(met(...chains, rules[0] ?? {}, rule("late", 3, is, { drop: null }))).toHaveLength(2);
  });

  test("a mark by a map; without the pod's address there is none", () => {
    const marks = (address: string) => ({
      mangle: {
        key: { meta: { key: "mark" } },
        value: { map: { key: SADDR, data: { set: [[address, 0x20]] } } },
      },
    });
    const sets = (address: string) =>
      nativeRules(
        { nftables: [onward("f", 0), rule("f", 1, marks(address))] },
        { ...PACKET, oif: "eth1" },
        "forward",
      ).map((each) => each.sets);
    expect([sets("10.88.0.2"), sets("10.88.0.9")]).toEqual([[0x20], []]);
  });

  test("a limit lets some packets by", () => {
    const limit = { limit: { rate: 5, per: "second" } };
    expect(met(onward("f", 0), rule("f", 1, limit, { drop: null }))[0]?.[1]).toBe("maybe");
  });
});

test("what is no ruleset has no rules", () => {
  for (const json of [undefined, null, 3, {}, { nftables: [3, null] }])
    expect(nativeRules(json, PACKET, "prerouting")).toEqual([]);
});
