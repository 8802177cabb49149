import { isObject, isRawNumber, own, parseJson, quote } from "../../../../lib/cni/json";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const parse = (text: string): unknown => parseJson(bytes(text), "input");

describe("parseJson", () => {
  test("reads an object", () => {
    expect(parse('{"a":[1,null,"x"]}')).toEqual({ a: [1, null, "x"] });
  });

  test("keeps integers beyond 2^53 and unusual number forms exactly", () => {
    const text = '{"big":12345678901234567890,"float":1.50,"exp":1e3,"small":7}';
    expect(JSON.stringify(parse(text))).toBe(text);
  });

  test.each(["", "   ", "{", "nope", '{"a":1} x', "{}{}"])("refuses %j", (text) => {
    expect(() => parse(text)).toThrow(expect.objectContaining({ code: 6 }));
  });

  test("refuses invalid UTF-8 instead of substituting", () => {
    expect(() => parseJson(Uint8Array.of(0x22, 0xff, 0x22), "input")).toThrow(/not valid UTF-8/);
  });

  test("refuses deep nesting, but does not count brackets in strings", () => {
    expect(() => parse("[".repeat(101) + "]".repeat(101))).toThrow(/nested deeper/);
    expect(() => parse("[".repeat(100_000))).toThrow(/nested deeper/);
    expect(parse(`"${"[".repeat(500)}\\"["`)).toHaveLength(502);
  });

  test("refuses more than 8 MiB, or than the caller allows", () => {
    expect(() => parse(`"${"x".repeat(8 * 1024 * 1024)}"`)).toThrow(/larger than 8388608 bytes/);
    expect(() => parseJson(new Uint8Array(11), "it", 10)).toThrow(/it is larger than 10 bytes/);
  });

  test("a scan of hostile quotes and escapes stays linear", () => {
    expect(() => parse(`["${'\\"'.repeat(1_000_000)}`)).toThrow(/not valid JSON/);
  });

  test("__proto__ is an ordinary own key", () => {
    const value = parse('{"__proto__":{"polluted":true}}');
    if (!isObject(value as never)) throw new Error("not an object");
    expect(Object.hasOwn(value as object, "__proto__")).toBe(true);
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  });
});

test("a number is kept exactly whatever comes after it, and text that looks like one is text", () => {
  const texts = ["1e3", "-0.10", "12345678901234567", "1234567890123456.5", "2E+1"].flatMap((n) => [
    `{"a":${n}}`,
    `[${n}]`,
    `[${n},1]`,
    `[1, ${n} ]`,
    `{"a":\t${n}\n,"b":2}`,
  ]);
  const compact = (text: string): string => text.replace(/\s/g, "");
  for (const text of texts) expect(JSON.stringify(parse(text))).toBe(compact(text));
  const since = { since: "2026-11-30T22:27:41.382Z", more: ["at :1.5", ", 1e9 ", "[2.50]"] };
  expect(parse(JSON.stringify(since))).toEqual(since);
});

test("isObject tells objects from everything else, exact numbers included", () => {
  const exact = (parse('{"n":12345678901234567890}') as Record<string, never>)["n"];
  expect(isRawNumber(exact)).toBe(true);
  expect([{}, null, [], "x", 1, undefined, exact].map((v) => isObject(v as never))).toEqual([
    true,
    false,
    false,
    false,
    false,
    false,
    false,
  ]);
});

test("own never looks at the prototype", () => {
  expect(own({}, "constructor")).toBeUndefined();
  expect(own({ a: 1 }, "a")).toBe(1);
});

test("quote escapes and truncates", () => {
  expect(quote('a"\n\u001b[31m\u202e')).toBe('"a\\"\\n\\u001b[31m\\u202e"');
  expect(quote("x".repeat(1000))).toBe(`"${"x".repeat(80)}..."`);
  expect(quote({ a: 1 })).toBe('"{\\"a\\":1}"');
  expect(quote(undefined)).toBe('"undefined"');
});
