import { usesInNft } from "../../../../../lib/routes/kernel/mark-uses-nft";
import { markUserText } from "../../../../../lib/routes/conflicts/text";

const ALL = 0xffffffff;
const META = { meta: { key: "mark" } };
const CT = { ct: { key: "mark" } };
const set = (value: unknown, key: unknown = META) => ({ mangle: { key, value } });
const match = (left: unknown, right: unknown, op = "==") => ({ match: { op, left, right } });

/** Mask and value of each use of one statement. */
function uses(statement: unknown) {
  const rule = { family: "inet", table: "t", chain: "c", handle: 1, expr: [statement] };
  return usesInNft({ nftables: [{ rule }] }).uses.map(({ mask, value }) => [mask, value]);
}

test.each([
  ["mark & 0xff == 0x10", match({ "&": [META, 255] }, 16), [[0xff, 0x10]]],
  ["mark 0x11", match(META, 0x11), [[ALL, 0x11]]],
  [
    "mark in a set",
    match({ "&": [META, 0xf0] }, { set: [16, 32] }, "!="),
    [
      [0xf0, 16],
      [0xf0, 32],
    ],
  ],
  [
    "mark in a set with comments",
    match(META, { set: [{ elem: { val: 5, comment: "x" } }] }),
    [[ALL, 5]],
  ],
  [
    "mark in a short range",
    match(META, { range: [1, 3] }),
    [
      [ALL, 1],
      [ALL, 2],
      [ALL, 3],
    ],
  ],
  ["mark in a long range", match(META, { range: [1, 300] }), [[ALL, undefined]]],
  ["mark in a named set", match(META, "@s"), [[ALL, undefined]]],
  ["mark > 5", match(META, 5, ">"), [[ALL, undefined]]],
  [
    "a mark in a concatenation",
    match({ concat: [{ payload: { protocol: "ip", field: "saddr" } }, META] }, { set: [] }),
    [[ALL, undefined]],
  ],
  [
    "a mark in a verdict map",
    { vmap: { key: { "&": [META, 255] }, data: { set: [[8, { accept: null }]] } } },
    [[0xff, undefined]],
  ],
  ["mark set 0x40", set(64), [[ALL, 64]]],
  ["mark set mark & ~0xff | 0x40", set({ "|": [{ "&": [META, 0xffffff00] }, 64] }), [[0xff, 64]]],
  [
    "the same in the flat form",
    set({ "|": [{ "&": [META, 0xffffffff, 0xffffff00] }, 64] }),
    [[0xff, 64]],
  ],
  [
    "a value outside the cleared bits",
    set({ "|": [{ "&": [META, 0xfffffff0] }, 64] }),
    [[0x4f, 64]],
  ],
  ["mark set mark | 0x40", set({ "|": [META, 64] }), [[64, 64]]],
  ["mark set mark & ~0xf0", set({ "&": [META, 0xffffff0f] }), [[0xf0, 0]]],
  ["mark set mark ^ 0x40", set({ "^": [META, 64] }), [[64, undefined]]],
  ["mark set mark & ~0xf ^ 0x4", set({ "^": [{ "&": [META, 0xfffffff0] }, 4] }), [[0xf, 4]]],
  ["ct mark set mark", set(META, CT), [[ALL, undefined]]],
  ["ct mark set mark & 0xff", set({ "&": [META, 255] }, CT), [[0xff, undefined]]],
  ["mark set ct mark", set(CT), [[ALL, undefined]]],
  [
    "mark set ct mark & 0xf0 | 1",
    set({ "|": [{ "&": [CT, 0xf1] }, 1] }),
    [
      [ALL, undefined],
      [0xf0, undefined],
    ],
  ],
  ["ct mark set 5", set(5, CT), []],
  ["ct mark set ct mark & ~0xf | 3", set({ "|": [{ "&": [CT, 0xfffffff0] }, 3] }, CT), [[0xf, 3]]],
  ["ct mark & 0xf == 3", match({ "&": [CT, 15] }, 3), [[0xf, 3]]],
  ["ct mark != 0", match(CT, 0, "!="), []],
  [
    "mark set from a map",
    set({
      map: {
        key: { payload: { protocol: "ip", field: "saddr" } },
        data: { set: [["10.0.0.1", 5]] },
      },
    }),
    [[ALL, 5]],
  ],
  [
    "mark set from a named map",
    set({ map: { key: { payload: { protocol: "ip", field: "saddr" } }, data: "@m" } }),
    [[ALL, undefined]],
  ],
  [
    "mark set by a number generator",
    set({ numgen: { mode: "inc", mod: 2, offset: 0 } }),
    [[ALL, undefined]],
  ],
  [
    "something else set from the mark",
    {
      mangle: {
        key: { payload: { protocol: "ip", field: "dscp" } },
        value: { map: { key: META, data: "@m" } },
      },
    },
    [[ALL, undefined]],
  ],
  ["nothing of the mark", match({ payload: { protocol: "ip", field: "saddr" } }, "10.0.0.1"), []],
])("%s", (_title, statement, expected) => {
  expect(uses(statement)).toEqual(expected);
});

test("our table and those of iptables-nft are passed over, all others are named", () => {
  const rule = (family: string, table: string) => ({
    rule: { family, table, chain: "c", expr: [match(META, 1)] },
  });
  const table = (family: string, name: string) => ({ table: { family, name, handle: 1 } });
  const pairs = [
    ["ip", "mangle"],
    ["ip6", "nat"],
    ["inet", "tenant-routing"],
    ["inet", "mangle"],
    ["ip", "kube-proxy"],
  ] as const;
  const { uses: found, tables } = usesInNft({
    nftables: pairs.flatMap(([family, name]) => [table(family, name), rule(family, name)]),
  });
  expect(tables).toEqual(["inet mangle", "ip kube-proxy"]);
  expect(found.map(({ by }) => markUserText(by))).toEqual([
    "nft inet mangle c",
    "nft ip kube-proxy c",
  ]);
});

test.each([
  undefined,
  null,
  7,
  [],
  {},
  { nftables: 3 },
  { nftables: [null, { rule: null }, { rule: { expr: "x" } }] },
])("%j is not a ruleset and has no use", (json) => {
  expect(usesInNft(json).uses).toEqual([]);
});
