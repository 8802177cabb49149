import { OversizeError } from "../../../../../../lib/kube/errors";
import { ListReader } from "../../../../../../lib/kube/watch/stream/list-body";

/** Reads `text` in chunks of `size` bytes. */
function read(text: string, size: number) {
  const items: unknown[] = [];
  const reader = new ListReader((item) => items.push(item));
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size) reader.push(bytes.subarray(at, at + size));
  return { ...reader.end(), items };
}
const ITEMS = [
  { metadata: { name: "a", annotations: { x: '}]{["\\"' } }, spec: [[{}], { y: [1] }] },
  {},
  { metadata: { name: "ö", list: [{ deep: "\\" }] } },
];
const list = (
  items: unknown,
  metadata: object = { resourceVersion: "7", continue: "tok" },
): string => JSON.stringify({ kind: "PodList", metadata, items, apiVersion: "v1" });

test.each([1, 2, 7, 64, 100_000])("items come out whole, in chunks of %d", (size) => {
  expect(read(list(ITEMS), size)).toEqual({ items: ITEMS, resourceVersion: "7", next: "tok" });
  expect(read(JSON.stringify(JSON.parse(list(ITEMS)), null, 2), size).items).toEqual(ITEMS);
});

test("a list may be empty, or null as Go writes it, and say so before or after its items", () => {
  for (const items of [[], null])
    expect(read(list(items, { resourceVersion: "7" }), 5)).toEqual({
      ...{ items: [], resourceVersion: "7", next: "" },
    });
  expect(read('{"items":[{"a":1}],"metadata":{"resourceVersion":"9"}}', 4)).toEqual({
    ...{ items: [{ a: 1 }], resourceVersion: "9", next: "" },
  });
});

test.each([
  ["", "empty"],
  ["[1]", "not a list"],
  ['{"kind":"Status"}', "not a list"],
  [list([1, "x"]), "not a list of objects"],
  [list({ a: 1 }), "not a list of objects"],
  ['{"metadata":{"resourceVersion":"1"},"others":[{}],"items":[{}]}', "not a list of objects"],
  [list([], {}), "no resourceVersion"],
  [list(ITEMS).slice(0, -5), "not valid JSON"],
  [list(ITEMS).slice(0, 60), "not valid JSON"],
  [list([{}]).replace("[{}", "[{,}"), "not valid JSON"],
])("%j is refused", (text, problem) => {
  expect(() => read(text, 10)).toThrow(problem);
});

test("one item may have 4 MiB and no more, all of them together more", () => {
  const big = { x: "x".repeat(1024 * 1024) };
  expect(read(list(Array(6).fill(big)), 65_536).items).toHaveLength(6);
  expect(() => read(list([{ x: "x".repeat(4 * 1024 * 1024) }]), 65_536)).toThrow(OversizeError);
  expect(() => read(list([], { x: "x".repeat(1024 * 1024) }), 65_536)).toThrow(OversizeError);
});
