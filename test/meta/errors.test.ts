import { readFileSync } from "node:fs";
import { join } from "node:path";
import { CniError, ERRORS, errorJson, toCniError } from "../../lib/cni/error";

const page = readFileSync(join(__dirname, "../../docs/errors.md"), "utf8");
const rows = [...page.matchAll(/^\| (\d+) \| `(\w+)` \| (.+) \| (.+) \|$/gm)].map(
  ([, code, kind, cause, remedy]) => ({ code: Number(code), kind, cause, remedy }),
);

test("docs/errors.md lists exactly the codes of the registry", () => {
  expect(rows.map(({ code, kind }) => [kind, code])).toEqual(
    Object.entries(ERRORS).map(([kind, { code }]) => [kind, code]),
  );
});

test("every row has a cause and a remedy", () => {
  for (const { cause, remedy } of rows)
    expect([cause?.length, remedy?.length].every((length) => (length ?? 0) > 10)).toBe(true);
});

test("codes are distinct, and ours start at 100", () => {
  const codes = Object.values(ERRORS).map(({ code }) => code);
  expect(new Set(codes).size).toBe(codes.length);
  expect(codes.filter((code) => code > 51 && code < 100)).toEqual([]);
});

test("the error JSON always has a message", () => {
  expect(JSON.parse(errorJson(new CniError(7, ""), "1.0.0"))).toEqual({
    cniVersion: "1.0.0",
    code: 7,
    msg: "error 7",
  });
  expect(
    JSON.parse(errorJson(new CniError("io", "m").withDetails("a").withDetails("b"), "1.0.0")),
  ).toEqual({ cniVersion: "1.0.0", code: 5, msg: "m", details: "a; b" });
});

test("whatever was thrown becomes a CniError with its text", () => {
  const own = new CniError("rules", "x");
  expect(toCniError(own)).toBe(own);
  expect(toCniError(Object.assign(new Error("disk"), { code: "ENOSPC" }))).toMatchObject({
    code: 5,
    message: expect.stringContaining("disk"),
  });
  expect(toCniError("boom")).toMatchObject({ code: 199, message: expect.stringContaining("boom") });
});
