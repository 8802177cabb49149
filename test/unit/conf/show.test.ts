import { showValue, valueAt } from "../../../conf/problem";

describe("showValue", () => {
  test.each([
    ["text", '"text"'],
    [16, "16"],
    [null, "null"],
    [["a", 1], '["a",1]'],
    [{ a: { b: true } }, '{"a":{"b":true}}'],
    [{ path: 'C:\\"x"' }, '{"path":"C:\\\\\\"x\\""}'],
    [undefined, "absent"],
  ])("%j is shown as %s", (value, shown) => {
    expect(showValue(["key"], value)).toBe(shown);
  });

  test("control characters, colours and direction marks are escaped", () => {
    const shown =
      showValue(["key"], "a\nb\u001b[31m\u202ec\u0000") +
      showValue(["key"], { "\u202e": "\n\u009b" });
    expect(shown).toMatch(/^[\x20-\x7e]+$/);
  });

  test("a long value is cut", () => {
    expect(showValue(["key"], "x".repeat(1 << 20)).length).toBeLessThan(100);
    expect(showValue(["key"], Array(1 << 16).fill("x")).length).toBeLessThan(400);
  });

  test.each([
    [["token"], "abc"],
    [["client-key-data"], "abc"],
    [["apiKey"], "abc"],
    [["x"], "-----BEGIN PRIVATE KEY-----"],
    [["x"], "Bearer abc"],
    [["x"], "eyJhbGciOiJSUzI1NiJ9.e30.c2ln"],
  ])("a credential at %j stays hidden", (path, value) => {
    expect(showValue(path, value)).toBe("(hidden)");
  });

  test("credentials inside an object stay hidden, the rest is shown", () => {
    expect(showValue(["user"], { password: "hunter2", list: ["Bearer abc"], name: "n" })).toBe(
      '{"password":"(hidden)","list":["(hidden)"],"name":"n"}',
    );
  });
});

test("valueAt follows own keys and indices only", () => {
  const root = { a: [{ b: 1 }] };
  expect(valueAt(root, ["a", "0", "b"])).toBe(1);
  expect(valueAt(root, ["a", "1", "b"])).toBeUndefined();
  expect(valueAt(root, ["constructor"])).toBeUndefined();
  expect(valueAt(root, ["a", "0", "b", "c"])).toBeUndefined();
});
