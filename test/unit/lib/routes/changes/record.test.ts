import { changesFor, changesToRemove } from "../../../../../lib/routes/changes/changes";
import { joinRecords, recordAfter } from "../../../../../lib/routes/changes/record";
import { type RoutesRecord } from "../../../../../lib/routes/model";
import { KERNEL_RULES, route, rule, stateOf, TENANTS } from "../node-rig";
import { done, inputOf, NAMES, texts } from "./rig";

test("a foreign rule that does the same is used, not recorded, and left by remove", () => {
  const theirs = rule(32764, { table: 254, suppressPrefixLength: 0, protocol: 3 });
  const input = inputOf({ state: stateOf({ families: [4], rules: [...KERNEL_RULES, theirs] }) });
  expect(texts(changesFor(input)).filter((text) => text.includes("32764"))).toEqual([]);
  expect(recordAfter(input).rules.map(({ priority }) => priority)).toEqual([
    32765, 32765, 32765, 32765,
  ]);
  // Once recorded, what others put in the place of ours is theirs.
  const ours = recordAfter(inputOf());
  expect(texts(changesToRemove(ours, input.state, input.own))).toEqual([]);
});

test("a rule with our protocol is ours, also without a record", () => {
  const ours = rule(32764, { table: 254, suppressPrefixLength: 0 });
  expect(
    recordAfter(inputOf({ state: stateOf({ families: [4], rules: [...KERNEL_RULES, ours] }) }))
      .rules,
  ).toHaveLength(5);
});

test("joined records: everything of both, once; what was displaced and changed first is kept", () => {
  const a = {
    ...done(inputOf()).record,
    displaced: [route("default", { protocol: 4 })],
    sysctls: { x: { before: "0", written: "1" } },
  };
  const b: RoutesRecord = {
    ...recordAfter(inputOf({ tenants: { b: TENANTS.b } })),
    nat: undefined,
    names: undefined,
    displaced: [route("default")],
  };
  const joined = joinRecords(a, b);
  expect(joined.rules).toHaveLength(a.rules.length);
  expect(joined.routes).toHaveLength(a.routes.length);
  expect(joined).toMatchObject({ displaced: [{ protocol: 4 }], sysctls: a.sysctls, names: NAMES });
  expect(joinRecords(b, { ...a, nat: { text: "t", listing: "l" } })).toMatchObject({
    nat: { text: "t" },
    names: NAMES,
  });
  const [x, y] = [
    { family: 4 as const, spec: "x" },
    { family: 6 as const, spec: "x" },
  ];
  expect(joinRecords({ ...a, forward: [x] }, { ...b, forward: [x, y] }).forward).toEqual([x, y]);
});
