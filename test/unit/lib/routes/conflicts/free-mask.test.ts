import { freeMarks, proposeMarks } from "../../../../../lib/routes/conflicts/free-mask";
import { freeMarksText } from "../../../../../lib/routes/conflicts/text";
import type { MarkUse } from "../../../../../lib/routes/model";
import { useOf } from "../node-rig";

const use = (mask: number, where = "ip rule 100"): MarkUse => useOf(where, mask);
const text = (tenants: readonly string[], uses: readonly MarkUse[]): string =>
  freeMarksText(freeMarks(tenants, uses));

test("on an empty node one tenant gets the one bit that no known user claims", () => {
  expect(proposeMarks(1, [])).toEqual({
    mask: 0x1000,
    marks: [{ value: 0x1000, mask: 0x1000 }],
    alsoUsedBy: [],
  });
});

test("where every run is claimed by somebody, the one that the fewest claim is taken", () => {
  const proposal = proposeMarks(2, []);
  expect(proposal?.alsoUsedBy.length).toBe(1);
  expect(
    proposal?.marks.map(({ value }) => value / ((proposal.mask & -proposal.mask) >>> 0)),
  ).toEqual([1, 2]);
});

test("bits that are used on this node are never proposed", () => {
  for (const taken of [0x1000, 0xf000, 0xffff, 0xfffff0ff]) {
    const proposal = proposeMarks(3, [use(taken)]);
    expect(proposal).toBeDefined();
    expect((proposal?.mask ?? 0) & taken).toBe(0);
  }
});

test("the value 0 is nobody's, so three tenants fit two bits and four need three", () => {
  const bits = (count: number): number =>
    (proposeMarks(count, [])?.mask ?? 0).toString(2).replaceAll("0", "").length;
  expect([1, 2, 3, 4, 7, 8].map(bits)).toEqual([1, 2, 2, 3, 3, 4]);
});

test("every value is inside the mask, and no two are the same, up to the highest bit", () => {
  const { mask, marks } = proposeMarks(3, [use(0x3fffffff)]) ?? { mask: 0, marks: [] };
  expect(mask).toBe(0xc0000000);
  expect(marks.map(({ value }) => value)).toEqual([0x40000000, 0x80000000, 0xc0000000]);
});

test("where no run is wide enough, it says so", () => {
  expect(proposeMarks(2, [use(0x55555555)])).toBeUndefined();
  expect(text(["a", "b"], [use(0x55555555)])).toBe(
    "no run of bits is free on this node for 2 tenants",
  );
});

test("users of the whole mark are left aside, and named", () => {
  expect(text(["a"], [use(0xffffffff, "nft inet vpn mark")])).toBe(
    "free on this node: a 0x1000/0x1000, apart from nft inet vpn mark, whose use of the whole mark no mask avoids",
  );
});

test("known users that are not here are named with the bits that they would use", () => {
  expect(text(["a"], [use(0x1fff)])).toBe(
    "free on this node: a 0x2000/0x2000 (elsewhere used by portmap)",
  );
});

test("a long list of tenants is cut", () => {
  expect(
    text(
      Array.from({ length: 12 }, (_, i) => `t${i}`),
      [],
    ),
  ).toMatch(/t7 0x[0-9a-f]+\/0x[0-9a-f]+ and 4 more/);
});
