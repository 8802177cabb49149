import { isUnprintable, printable } from "../../../../lib/text/printable";

test.each([
  ["\u001b]0;owned\u0007", "\\u001b]0;owned\\u0007"],
  ["\u009b2J", "\\u009b2J"],
  ["a\rb\u0000\u007f", "a\\u000db\\u0000\\u007f"],
  ["\u202eabc\u2066\u200f", "\\u202eabc\\u2066\\u200f"],
  ["a\u2028b\u2029", "a\\u2028b\\u2029"],
  ["\u{e0041}", "\\udb40\\udc41"],
])("%j is shown as %s", (text, shown) => {
  expect(isUnprintable(text)).toBe(true);
  expect(printable(text)).toBe(shown);
  expect(printable(shown)).toBe(shown);
});

test("what people write stays: newlines, tabs, quotes, backslashes, every script", () => {
  const text = "a\tb\nüß 漢字 عربي 🙂 \"\\'`$";
  expect(printable(text)).toBe(text);
  expect(isUnprintable("eth0 üß 漢字 🙂")).toBe(false);
});

test("JSON keeps its meaning", () => {
  const value = { "k\u009b": "\u007f\u202e\u001b\n\u2028\u{e0041}" };
  const text = printable(JSON.stringify(value, null, 2));
  expect(JSON.parse(text)).toEqual(value);
  expect(text).toMatch(/^[\x20-\x7e\n]*$/);
});
