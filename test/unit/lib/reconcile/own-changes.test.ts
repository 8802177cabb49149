import { createOwnLines } from "../../../../lib/reconcile/own-changes";

const RULE = "delete rule ip mangle PREROUTING";
const ELEMENT = "delete element inet tenant-routing-marks pods4 { 10.0.0.1";
const LINE = `${ELEMENT} comment "tenant-routing a/b 01234567-89" : goto m_10_ff }`;

function lines() {
  let now = 0;
  const own = createOwnLines({ elapsed: () => now });
  return { own, pass: (ms: number) => (now += ms) };
}

test("each removal of ours explains one line, and no more", () => {
  const { own } = lines();
  own.expect([`${ELEMENT} }`, RULE, RULE, "add element inet t pods4 { 10.0.0.1 }"])(true);
  expect([own.isOwn(LINE), own.isOwn(LINE)]).toEqual([true, false]);
  const rules = Array.from({ length: 3 }, (_, n) => own.isOwn(`${RULE} handle ${n}`));
  expect(rules).toEqual([true, true, false]);
});

test("another address, map, table, chain or family is another's, and so is all that is no element and no rule", () => {
  const { own } = lines();
  own.expect([`${ELEMENT} }`, RULE]);
  for (const other of [
    LINE.replace("10.0.0.1", "10.0.0.10"),
    LINE.replace("pods4", "owners4"),
    LINE.replace("marks", "guard"),
    "delete rule ip6 mangle PREROUTING handle 3",
    "delete rule ip mangle FORWARD handle 3",
    "delete table inet tenant-routing-marks",
    "delete chain inet tenant-routing-marks m_10_ff",
  ])
    expect([other, own.isOwn(other)]).toEqual([other, false]);
  expect(own.isOwn(LINE)).toBe(true);
});

test("what did not happen explains nothing, and what did only for a while", () => {
  const { own, pass } = lines();
  own.expect([ELEMENT])(false);
  expect(own.isOwn(LINE)).toBe(false);
  const tell = own.expect([ELEMENT]);
  // nft may be slow.
  pass(60_000);
  tell(true);
  pass(900);
  expect(own.isOwn(LINE)).toBe(true);
  own.expect([ELEMENT])(true);
  pass(1100);
  expect(own.isOwn(LINE)).toBe(false);
});
