import { readConflist } from "../../../../../lib/checks/conflist/read";
import { brief, read } from "./set-up";

const findings = (text: string | Buffer) => readConflist(Buffer.from(text), "f").findings;

test.each<[string, string | Buffer, string]>([
  ["a fault in JSON", '{"a":1,}', "TR0401 f"],
  ["a byte-order mark", "\ufeff{}", "TR0402 f"],
  ["a byte-order mark and another fault", "\ufeff{", "TR0402 f"],
  ["nothing", "", "TR0403 f"],
  ["no UTF-8", Buffer.from([0x7b, 0xff]), "TR0403 f"],
  ["too deep", "[".repeat(200), "TR0403 f"],
  ["a key twice", '{"a":{"b":1,"b":2}}', "TR0404 /a/b"],
  ["a list", "[]", "TR0405 f"],
  ["an object", "{}", ""],
])("%s", (_, text, found) => {
  expect(brief(findings(text)).join()).toBe(found);
});

test("the line of a fault is shown, cut around its column, and not when it may hold a credential", () => {
  const long = `{"a": "${"x".repeat(200)}" "b": 1, "c": 2}`;
  const [cut] = findings(long);
  expect(cut?.fault).toContain('x" "b": 1, "c": 2}');
  expect(cut?.fault).toMatch(/: \.\.\.x/);
  expect(cut?.fault.length).toBeLessThan(200);
  const [hidden] = findings('{"password": "abc" "b": 1}');
  expect(hidden?.fault).toContain("(the line is hidden");
  expect(JSON.stringify(hidden)).not.toContain("abc");
});

test("lines of keys, and of what is not written the nearest above it", () => {
  const { lineOf, pathOf } = read({ name: "n", plugins: [{ type: "x" }, { type: "y" }] });
  expect(lineOf(["name"])).toBe(2);
  expect(lineOf([...pathOf(1), "type"])).toBe(8);
  expect(lineOf([...pathOf(1), "tenants", "a"])).toBe(7);
  expect(lineOf(["cniVersion"])).toBeUndefined();
});
