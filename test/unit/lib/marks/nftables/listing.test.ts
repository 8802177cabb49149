/** Reading our tables as different versions of nft print them. */
import { GUARD, guardChain, markChain, MARKS } from "../../../../../lib/marks/nftables/layout";
import {
  isBaseIntact,
  isChainIntact,
  parseListing,
} from "../../../../../lib/marks/nftables/listing";

const TAG = "6c4e506b-b76f9a5d7987fd815ec0ff8e";
const table = (...rules: readonly string[]): string =>
  [
    "table inet tenant-routing-marks {",
    "\tmap pods4 {",
    "\t\ttypeof ip saddr : verdict",
    `\t\telements = { 10.0.0.5 comment "tenant-routing a/b ${TAG}" : goto m_10_ff, 10.0.0.6 comment "10.0.0.7 : drop" : accept,`,
    "\t\t\t     10.0.0.8 : return }",
    "\t}",
    "",
    "\tmap owners4 {",
    "\t\ttypeof ip saddr : meta mark",
    "\t\telements = { 10.0.0.5 : 0x000ff8e }",
    "\t}",
    "",
    "\tchain prerouting {",
    "\t\ttype filter hook prerouting priority mangle; policy accept;",
    "\t\tip saddr vmap @pods4",
    "\t\tip6 saddr vmap @pods6",
    "\t}",
    "",
    "\tchain m_10_ff {",
    ...rules.map((rule) => `\t\t${rule}`),
    "\t}",
    "}",
    "",
  ].join("\n");
const SET = 'counter name "m_10_ff"';

test("elements, whose they are, and where they lead; what is in a comment is no element", () => {
  const listing = parseListing(table());
  expect(listing.elements.map(({ address, owner, chain }) => [address, owner?.tag, chain])).toEqual(
    [
      ["10.0.0.5", TAG, "m_10_ff"],
      ["10.0.0.6", undefined, ""],
      ["10.0.0.8", undefined, ""],
    ],
  );
  expect([...listing.owners]).toEqual([["10.0.0.5", "0xff8e"]]);
  expect(isBaseIntact(MARKS, listing)).toBe(true);
});

test.each([
  `meta mark set meta mark & 0xffffff10 | 0x00000010 ${SET}`,
  `meta mark set meta mark & 0xffffff00 | 0x10 ${SET}`,
])("intact however the numbers are printed: %s", (rule) => {
  const listing = parseListing(table("ct direction reply return", rule));
  expect(isChainIntact(markChain({ value: 0x10, mask: 0xff }, false), listing)).toBe(true);
});

test.each([
  [[]],
  [[`meta mark set meta mark & 0xffffff10 | 0x00000010 ${SET}`]],
  [["ct direction reply return", `meta mark set meta mark & 0xffffff20 | 0x00000020 ${SET}`]],
  [["ct direction reply return", `meta mark set meta mark | 0x00000010 ${SET}`]],
  [["ct direction reply return", `meta mark set 0x00000010 ${SET}`]],
  [
    [
      "ct direction reply return",
      `meta mark set meta mark & 0xffffff10 | 0x00000010 ${SET}`,
      "drop",
    ],
  ],
])("not intact: %j", (rules) => {
  const listing = parseListing(table(...rules));
  expect(isChainIntact(markChain({ value: 0x10, mask: 0xff }, false), listing)).toBe(false);
});

test("a name says what its chain does, in both tables", () => {
  for (const replies of [false, true]) {
    const [mark, old] = [
      { value: 0x10, mask: 0xff },
      { value: 0xdeadbeef, mask: 0xffffffff },
    ];
    for (const chain of [markChain(mark, replies), markChain(old, replies)])
      expect(MARKS.chain(chain.name)).toEqual(chain);
    for (const chain of [guardChain([mark], replies), guardChain([mark, old], replies)])
      expect(GUARD.chain(chain.name)).toEqual(chain);
  }
  for (const name of ["prerouting", "m_10", "x_10_ff", "m_10_ff_1"]) {
    expect(MARKS.chain(name)).toBeUndefined();
    expect(GUARD.chain(name)).toBeUndefined();
  }
});

test("a table that does not exist, or is dormant, sees no packet", () => {
  expect(isBaseIntact(MARKS, parseListing(""))).toBe(false);
  const dormant = table().replace("{\n", "{\n\tflags dormant\n\n");
  expect(isBaseIntact(MARKS, parseListing(dormant))).toBe(false);
});
