import { mergePatch } from "../../../conf/merge-patch";
import { parseJson, type Json } from "../../../lib/cni/json";

const parse = (text: string): Json => parseJson(new TextEncoder().encode(text), "the test");

describe("mergePatch", () => {
  // RFC 7396, appendix A: original, patch, result.
  test.each([
    ['{"a":"b"}', '{"a":"c"}', '{"a":"c"}'],
    ['{"a":"b"}', '{"b":"c"}', '{"a":"b","b":"c"}'],
    ['{"a":"b"}', '{"a":null}', "{}"],
    ['{"a":"b","b":"c"}', '{"a":null}', '{"b":"c"}'],
    ['{"a":["b"]}', '{"a":"c"}', '{"a":"c"}'],
    ['{"a":"c"}', '{"a":["b"]}', '{"a":["b"]}'],
    ['{"a":{"b":"c"}}', '{"a":{"b":"d","c":null}}', '{"a":{"b":"d"}}'],
    ['{"a":[{"b":"c"}]}', '{"a":[1]}', '{"a":[1]}'],
    ['["a","b"]', '["c","d"]', '["c","d"]'],
    ['{"a":"b"}', '["c"]', '["c"]'],
    ['{"a":"foo"}', "null", "null"],
    ['{"a":"foo"}', '"bar"', '"bar"'],
    ['{"e":null}', '{"a":1}', '{"e":null,"a":1}'],
    ["[1,2]", '{"a":"b","c":null}', '{"a":"b"}'],
    ["{}", '{"a":{"bb":{"ccc":null}}}', '{"a":{"bb":{}}}'],
  ])("%s patched with %s is %s", (target, patch, result) => {
    expect(JSON.stringify(mergePatch(parse(target), parse(patch)))).toBe(result);
  });

  test("changes neither argument", () => {
    const target = parse('{"ipam":{"subnet":"10.0.0.0/8"}}');
    const patch = parse('{"ipam":{"subnet":"10.1.0.0/16"}}');
    mergePatch(target, patch);
    expect(JSON.stringify([target, patch])).toBe(
      '[{"ipam":{"subnet":"10.0.0.0/8"}},{"ipam":{"subnet":"10.1.0.0/16"}}]',
    );
  });

  test("a key called __proto__ reaches no prototype and does not survive", () => {
    const evil = parse(
      '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}},"a":1}',
    );
    for (const merged of [mergePatch({}, evil), mergePatch(evil, { b: 2 })]) {
      expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
      expect((merged as Record<string, unknown>)["polluted"]).toBeUndefined();
      expect(Object.keys(merged as object)).not.toContain("__proto__");
      expect((merged as Record<string, unknown>)["a"]).toBe(1);
    }
  });

  test("inherited keys of the target are not there", () => {
    expect(JSON.stringify(mergePatch({}, { toString: { a: null } }))).toBe('{"toString":{}}');
  });

  test("an integer beyond 2^53 keeps its digits", () => {
    const merged = mergePatch(
      parse('{"a":12345678901234567890}'),
      parse('{"b":98765432109876543210}'),
    );
    expect(JSON.stringify(merged)).toBe('{"a":12345678901234567890,"b":98765432109876543210}');
  });
});
