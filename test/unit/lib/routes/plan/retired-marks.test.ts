import { desiredRoutes } from "../../../../../lib/routes/plan/desired";
import { hasRetiredMarks, retiredMarks } from "../../../../../lib/routes/plan/retired-marks";
import { type CarriedMark, EMPTY_RECORD, type RoutesRecord } from "../../../../../lib/routes/model";
import { retiredMarkText } from "../../../../../lib/routes/text";
import { confOf, KERNEL_RULES, rule, stateOf, TENANTS } from "../node-rig";

const mark = (value: number, mask = 0xff): CarriedMark["mark"] => ({ value, mask });
const recorded = (...marks: CarriedMark["mark"][]): RoutesRecord => ({
  ...EMPTY_RECORD,
  rules: marks.map((fwmark) => rule(32765, { fwmark, table: 100 })),
});
const pods = (...marks: CarriedMark["mark"][]): CarriedMark[] =>
  marks.map((each, i) => ({ mark: each, pod: `shop/web-${i}`, addresses: [] }));

test("a mark that had rules, that pods carry, and that no tenant has", () => {
  const record = recorded(mark(0x10), mark(0x30));
  expect(hasRetiredMarks(confOf(), record)).toBe(true);
  expect(
    retiredMarks(confOf(), record, pods(mark(0x30), mark(0x10), mark(0x30), mark(0x40))),
  ).toEqual([{ mark: mark(0x30), stop: mark(0x30), pods: ["shop/web-0", "shop/web-2"] }]);
  expect(retiredMarks(confOf(), record, [])).toEqual([]);
});

test.each([
  ["its tenant is as before", confOf(), recorded(mark(0x10)), false],
  [
    "its tenant has another mask",
    confOf({ tenants: { a: { ...TENANTS.a, fwmark: "0x10/0xf0" } } }),
    recorded(mark(0x10)),
    true,
  ],
  [
    "its tenant has no table here any more",
    confOf({ tenants: { a: { fwmark: "0x10/0xff" } } }),
    recorded(mark(0x10)),
    false,
  ],
  ["it never had rules", confOf({ tenants: { b: TENANTS.b } }), EMPTY_RECORD, false],
])("served, or not ours to stop: %s", (_, conf, record, former) => {
  expect(hasRetiredMarks(conf, record)).toBe(former);
  expect(retiredMarks(conf, record, pods(mark(0x10)))).toEqual([]);
});

test("a rule for the unmarked packets of a pool is about no mark that could be retired", () => {
  const record = recorded(mark(0, 0xff), mark(0x10));
  expect(hasRetiredMarks(confOf(), record)).toBe(false);
  expect(
    retiredMarks(confOf({ tenants: { b: TENANTS.b } }), record, pods(mark(0x100, 0xf00))),
  ).toEqual([]);
});

test("the stop takes no packets of a tenant whose mark has more bits", () => {
  const conf = confOf({ tenants: { a: { ...TENANTS.a, fwmark: "0x110/0xfff" } } });
  expect(retiredMarks(conf, recorded(mark(0x10)), pods(mark(0x10)))).toMatchObject([
    { mark: mark(0x10), stop: mark(0x10, 0xfff) },
  ]);
});

test("what is local stays local for them, also without any tenant", () => {
  const conf = confOf({ tenants: { c: { fwmark: "0x80" } } });
  const retired = retiredMarks(conf, recorded(mark(0x10)), pods(mark(0x10)));
  const { rules, routes } = desiredRoutes(
    conf,
    stateOf({ families: [4], rules: KERNEL_RULES }),
    undefined,
    retired,
  );
  expect(rules.map(({ item }) => item).filter(({ to }) => to === undefined)).toEqual([
    rule(32764, { table: 254, suppressPrefixLength: 0 }),
    rule(32765, { fwmark: mark(0x10), unreachable: true }),
  ]);
  expect(routes).toEqual([]);
});

test("the sentence names the pods and the mark, and what to do", () => {
  const retired = { mark: mark(0x10), stop: mark(0x10), pods: ["shop/web-0"] };
  expect(retiredMarkText(retired)).toBe(
    "shop/web-0 still carries mark 0x10/0xff, which no tenant of this configuration has any more, so its packets beyond the cluster are stopped: delete the pod, to have it made anew with a mark of today, or give a tenant this mark again",
  );
  expect(retiredMarkText({ ...retired, pods: ["a/b", "c/d"] })).toMatch(
    /^a\/b, c\/d still carry mark/,
  );
});
