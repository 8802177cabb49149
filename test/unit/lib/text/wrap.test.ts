import { shellWord } from "../../../../lib/text/shell";
import { formatBytes } from "../../../../lib/text/units";
import { wrap, wrapBehind } from "../../../../lib/text/wrap";

test("lines are as wide as they may be, and a longer word has a line of its own", () => {
  expect(wrap("aa bb cc", 5)).toEqual(["aa bb", "cc"]);
  expect(wrap("aa bbbbbbbb cc", 5)).toEqual(["aa", "bbbbbbbb", "cc"]);
  expect(wrap("", 5)).toEqual([""]);
});

test("lines after the first are indented as far as its heading", () => {
  const [first, second] = wrapBehind("  put right ", "word ".repeat(30).trim()).split("\n");
  expect(first).toMatch(/^ {2}put right word/);
  expect(second).toMatch(/^ {12}word/);
  expect(Math.max(first?.length ?? 0, second?.length ?? 0)).toBeLessThanOrEqual(100);
});

test.each([
  ["10.1.0.5/32", "10.1.0.5/32"],
  ["", "''"],
  ["a b", "'a b'"],
  ["it's $(id)", "'it'\\''s $(id)'"],
])("%j is %s for a shell", (word, quoted) => {
  expect(shellWord(word)).toBe(quoted);
});

test.each([
  [0, "0 B"],
  [1023, "1023 B"],
  [1536, "1.5 KiB"],
  [3 * 1024 ** 3, "3.0 GiB"],
])("%d bytes are %s", (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});
