import { parseJson } from "../../../../lib/cni/json";
import { endOfString, faultPosition } from "../../../../lib/cni/json-fault";

const SECRET = "s3cr3t";

test.each([
  [`{"token":"${SECRET}" "x":1}`, "line 1, column 19"],
  [`{"token": ${SECRET}}`, "line 1, column 11"],
  [`{"token":'${SECRET}'}`, "line 1, column 10"],
  [`{"token":"${SECRET}`, "line 1, column 10"],
  [`{"token":"${SECRET}\n"}`, "line 1, column 10"],
  [`{\r\n  "a": [1, 2,\n  "${SECRET}\\x"]}`, "line 3, column 3"],
  [`{"a":1,\n "token":"${SECRET}",}`, "line 2, column 19"],
  [`${SECRET}`, "line 1, column 1"],
  [`{"a":1}\n\n${SECRET}`, "line 3, column 1"],
])("%j: the position, never the text", (text, position) => {
  let error: unknown;
  try {
    parseJson(new TextEncoder().encode(text), "input");
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toMatchObject({ code: 6, message: `input is not valid JSON at ${position}` });
  const everything = JSON.stringify(error, [...Object.getOwnPropertyNames(error), "cause"]);
  expect(everything).not.toContain(SECRET.slice(0, 3));
});

test.each([
  ["{", 2],
  ["[", 2],
  ["[1", 3],
  ['{"a"', 5],
  ['{"a":', 6],
  ['{"a":1', 7],
  ["tru", 1],
  ["[1,]", 4],
  ["[1 2]", 4],
  ["{a:1}", 2],
  ['{"a" 1}', 6],
  ['{"a":1,}', 8],
  ["{]", 2],
  ["[}", 2],
  ["[1}", 3],
  ['{"a":1]', 7],
  ["1,2", 2],
  ["1 2", 3],
  ["]", 1],
  [",", 1],
  [":", 1],
  ["{}{}", 3],
  ['{"a":01}', 6],
  ["[1e]", 2],
  ["[-]", 2],
  ["[.5]", 2],
  ["[NaN]", 2],
  ["{1:2}", 2],
  ['"\\x"', 1],
  ['"\\', 1],
  ["[1]\u00a0", 4],
  ["\ufeff{}", 1],
])("%j ends being JSON at column %i", (text, column) => {
  expect(() => JSON.parse(text) as unknown).toThrow();
  expect(faultPosition(text)).toBe(`line 1, column ${column}`);
});

test("what is JSON has its fault after the end only", () => {
  const text =
    ' {"a" : [ 1 , -2.5e+3, true, null, {}, [] , "x\\"\\u00e9\\\\" ] , "b":{ "c":false } } ';
  JSON.parse(text);
  expect(faultPosition(text)).toBe(`line 1, column ${text.length + 1}`);
});

test("endOfString: after the closing quote", () => {
  expect(endOfString('["a\\"b",1]', 1)).toBe(7);
});
