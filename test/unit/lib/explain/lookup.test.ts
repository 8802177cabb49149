import { lookUp, selects } from "../../../../lib/explain/lookup";
import { KERNEL_RULES, route, rule } from "../routes/node-rig";

const PACKET = {
  family: 4,
  from: "10.88.0.2",
  to: "203.0.113.9",
  iif: "veth1",
  mark: 0x10,
} as const;
const MARKED = rule(100, { fwmark: { value: 0x10, mask: 0xff }, table: 100 });
const MAIN = route("default");
const TENANT = route("default", { table: 100 });

function tableOf(
  rules: readonly ReturnType<typeof rule>[],
  routes: readonly ReturnType<typeof route>[],
) {
  return lookUp({ rules: [...rules, ...KERNEL_RULES], routes }, PACKET)?.route?.table;
}

test("the first rule whose table knows a way decides", () => {
  expect(tableOf([MARKED], [MAIN, TENANT])).toBe(100);
  expect(tableOf([MARKED], [MAIN])).toBe(254);
  expect(tableOf([], [])).toBeUndefined();
});

test("a rule that refuses decides without a route", () => {
  const stop = rule(101, { fwmark: { value: 0x10, mask: 0xff }, unreachable: true });
  expect(lookUp({ rules: [MARKED, stop], routes: [MAIN] }, PACKET)).toEqual({
    rule: stop,
    route: undefined,
  });
});

test("a rule passes over routes that are too broad, and over throw", () => {
  const specific = rule(50, { table: 254, suppressPrefixLength: 0 });
  expect(tableOf([specific, MARKED], [MAIN, TENANT])).toBe(100);
  expect(tableOf([specific, MARKED], [route("203.0.113.0/24"), TENANT])).toBe(254);
  expect(tableOf([MARKED], [MAIN, route("default", { table: 100, type: "throw" })])).toBe(254);
});

test("the longest prefix wins, then the least metric", () => {
  const far = route("default", { metric: 9 });
  const near = route("203.0.113.0/24");
  expect(lookUp({ rules: KERNEL_RULES, routes: [far, MAIN, near] }, PACKET)?.route).toBe(near);
  expect(lookUp({ rules: KERNEL_RULES, routes: [far, MAIN] }, PACKET)?.route).toBe(MAIN);
});

test.each([
  [{ from: "10.88.0.0/24" }, true],
  [{ from: "10.99.0.0/24" }, false],
  [{ to: "203.0.113.9" }, true],
  [{ from: "default" }, true],
  [{ from: "10.88.0.0/24", not: true }, false],
  [{ fwmark: { value: 0x20, mask: 0xff } }, false],
  [{ fwmark: { value: 0x20, mask: 0xff }, not: true }, true],
  [{ other: "iif veth1" }, true],
  [{ other: "iif eth9" }, false],
  [{ other: "uid_start 0" }, false],
] as const)("a rule with %j: %s", (change, expected) => {
  expect(selects(rule(1, change), PACKET)).toBe(expected);
});

test("packets of the node itself come in by lo", () => {
  const own = { ...PACKET, iif: undefined, from: undefined };
  expect(selects(rule(1, { other: "iif lo" }), own)).toBe(true);
  expect(selects(rule(1, { from: "10.88.0.0/24" }), own)).toBe(false);
});
