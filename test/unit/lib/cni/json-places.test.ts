import { jsonPlaces } from "../../../../lib/cni/json-places";

test("keys and items by their path", () => {
  const text = '{"a": [ {"b":1}, 2 ,\n"x"], "c\\"d": {"a": {}}, "e": []}';
  const at = (...path: string[]) => jsonPlaces(text).at.get(JSON.stringify(path));
  expect(at("a")).toBe(1);
  expect(at("a", "0")).toBe(text.indexOf('{"b"'));
  expect(at("a", "0", "b")).toBe(text.indexOf('"b"'));
  expect(at("a", "1")).toBe(text.indexOf("2 ,"));
  expect(at("a", "2")).toBe(text.indexOf('"x"'));
  expect(at('c"d')).toBe(text.indexOf('"c'));
  expect(at('c"d', "a")).toBe(text.lastIndexOf('"a"'));
  expect(at("b")).toBeUndefined();
  expect(jsonPlaces(text).duplicates).toEqual([]);
});

test("keys that one object has twice, also in different spellings of the same text", () => {
  const text = String.raw`{"t": {"a": 1, "b": "a", "\u0061": 2}, "u": [{"a":1},{"a":1}], "a": "b"}`;
  expect(jsonPlaces(text).duplicates).toEqual([
    { path: ["t", "a"], offsets: [text.indexOf('"a"'), text.indexOf('"\\u0061"')] },
  ]);
});
