import { parseJson } from "../../../../lib/cni/json";
import { endOfString, jsonFault } from "../../../../lib/cni/json-fault";

const SECRET = "s3cr3t";

test.each([
  [`{"token":"${SECRET}" "x":1}`, "line 1, column 19"],
  [`{"token": ${SECRET}}`, "line 1, column 11"],
  [`{"token":'${SECRET}'}`, "line 1, column 10"],
  [`{"token":"${SECRET}`, "line 1, column 10"],
  [`{"token":"${SECRET}\n"}`, "line 1, column 10"],
  [`{\r\n  "a": [1, 2,\n  "${SECRET}\\x"]}`, "line 3, column 3"],
  [`{"a":1,\n "token":"${SECRET}",}`, "line 2, column 18"],
  [`${SECRET}`, "line 1, column 1"],
  [`{"a":1}\n\n${SECRET}`, "line 3, column 1"],
])("%j: the position, never the text", (text, position) => {
  let error: unknown;
  try {
    parseJson(new TextEncoder().encode(text), "input");
  } catch (thrown) {
    error = thrown;
  }
  const message = expect.stringMatching(`^input is not valid JSON at ${position}: `) as string;
  expect(error).toMatchObject({ code: 6, message });
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
  ["[1,]", 3],
  ["[1 2]", 4],
  ["{a:1}", 2],
  ['{"a" 1}', 6],
  ['{"a":1,}', 7],
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
  expect(jsonFault(text)).toMatchObject({ line: 1, column });
});

test("what is JSON has its fault after the end only", () => {
  const text =
    ' {"a" : [ 1 , -2.5e+3, true, null, {}, [] , "x\\"\\u00e9\\\\" ] , "b":{ "c":false } } ';
  JSON.parse(text);
  expect(jsonFault(text)).toMatchObject({ line: 1, column: text.length + 1 });
});

test("endOfString: after the closing quote", () => {
  expect(endOfString('["a\\"b",1]', 1)).toBe(7);
});

test.each([
  ["\ufeff{}", "a byte-order mark"],
  ['{"a":1} // b', "a comment"],
  ['{ /* b */ "a":1}', "a comment"],
  ['{"a":1, # b\n"c":2}', "a comment"],
  ['{"a":[1,2,]}', "a comma that nothing follows"],
  ['{"a":[1,2', "the end of the file"],
  ["{'a':1}", "a single quote"],
  ['{"a":"b\n,"c":1}', "a text that does not end on its line"],
  ['{"a":1 "c":1}', "a comma is missing before it"],
  ['{"a":"b, "c":1}', "a comma is missing before it (or a double quote further up)"],
  ['{"a: "b"}', 'a text where a ":" is expected'],
  ["{a: 1}", "a key without its double quote"],
  ['{"a": ptp}', "a text without its double quotes"],
  ['{"a": True}', "a text without its double quotes"],
  ['{"a": 1}}', "more text behind the end"],
  ['{"a": 01}', "a character that cannot stand where a value is expected"],
])("%j: %s", (text, problem) => {
  const fault = jsonFault(text);
  expect(fault.problem).toContain(problem);
  expect(fault.remedy).toMatch(/^[a-z]/);
});

test("the brackets that are missing are named, the innermost first", () => {
  expect(jsonFault('{"plugins":[{"a":1').remedy).toContain("add } ] } at the end");
});
