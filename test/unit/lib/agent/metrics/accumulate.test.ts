import { createAccumulator } from "../../../../../lib/agent/metrics/accumulate";

const mark = { value: 0x10, mask: 0xff };
const reading = (packets: number, bytes = packets * 100) => [{ mark, packets, bytes }];

/** The totals after these readings, one after the other. */
function after(...readings: (readonly { packets: number; bytes: number }[])[]) {
  const all = createAccumulator();
  for (const each of readings) all.add(each.map((counter) => ({ ...counter, mark })));
  return all.totals();
}

test("what the first reading has counts, then only what came since", () => {
  expect(after(reading(5))).toEqual(reading(5));
  expect(after(reading(5), reading(5), reading(8))).toEqual(reading(8));
});

test("a counter that began again goes on where it was", () => {
  expect(after(reading(5), reading(2), reading(3))).toEqual(reading(8));
  expect(after(reading(5), reading(0))).toEqual(reading(5));
});

test("both counters of a rule begin again together", () => {
  expect(after(reading(5, 500), reading(5, 300))).toEqual(reading(10, 800));
});

test("a rule that was gone for a while begins at 0", () => {
  expect(after(reading(5), [], reading(7))).toEqual(reading(12));
});

test("several counters of one mark are one", () => {
  expect(after([...reading(1), ...reading(2)], [...reading(2), ...reading(2)])).toEqual(reading(4));
});

test("marks are told apart by value and mask", () => {
  const all = createAccumulator();
  all.add([
    { mark, packets: 1, bytes: 1 },
    { mark: { value: 0x10, mask: 0xffff }, packets: 2, bytes: 2 },
  ]);
  expect(all.totals()).toHaveLength(2);
});

test("a counter that goes with its attachment takes nothing of what the others have counted", () => {
  const all = createAccumulator();
  const of = (tag: string, packets: number) => ({
    mark: { value: 0x10, mask: 0xff },
    backend: "nft",
    tag,
    packets,
    bytes: 10 * packets,
  });
  all.add([of("a", 1000), of("b", 500)]);
  all.add([of("b", 510)]);
  all.add([of("b", 520), of("a", 5)]);
  expect(all.totals()).toEqual([
    { mark: { value: 0x10, mask: 0xff }, packets: 1525, bytes: 15250 },
  ]);
});

test("each reason is counted apart, and begins again by itself", () => {
  const all = createAccumulator();
  const add = (no: number, by: number): void =>
    all.add([
      { mark, reason: "no_mark", packets: no, bytes: no },
      { mark, reason: "default_route", packets: by, bytes: by },
    ]);
  add(5, 7);
  add(6, 2);
  expect(all.totals()).toEqual([
    { mark, reason: "no_mark", packets: 6, bytes: 6 },
    { mark, reason: "default_route", packets: 9, bytes: 9 },
  ]);
});
