/** The report for programs, against its published schema. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import Ajv from "ajv";
import { CATEGORIES } from "../../../../../lib/checks/finding";
import { statusObject } from "../../../../../lib/checks/report/json";
import type { Verdict } from "../../../../../lib/checks/run";

const SCHEMA = JSON.parse(
  readFileSync(resolve(__dirname, "../../../../../conf/status.schema.json"), "utf8"),
) as { definitions: { category: { enum: unknown }; verdict: { properties: object } } };
const validate = new Ajv({ strict: true, allowUnionTypes: true }).compile(SCHEMA);

const VERDICT: Verdict = {
  ...{ category: "pods", state: "failed", summaries: ["3 pods", ""] },
  blind: [{ check: "one", why: "EACCES" }],
  findings: [
    {
      ...{ kind: "k", code: "TR0601", category: "pods", severity: "failed", subject: undefined },
      ...{ fault: "f", consequence: "c", remedy: "r" },
    },
  ],
};

test("what it prints is what the schema says", () => {
  const object = statusObject("/etc/x", [VERDICT]);
  expect([validate(object), validate.errors]).toEqual([true, null]);
  expect(object).toMatchObject({
    status: 1,
    findings: [{ code: "TR0601", subject: null, page: "docs/checks.md#tr0601" }],
    categories: [{ summaries: ["3 pods"], couldNotLook: [{ check: "one" }] }],
  });
  expect(validate(statusObject(undefined, []))).toBe(true);
});

test("the schema refuses what is missing or unknown, and knows every category", () => {
  const object = statusObject("/etc/x", [VERDICT]);
  expect(validate({ ...object, more: 1 })).toBe(false);
  expect(validate({ ...object, findings: [{ code: "TR0601" }] })).toBe(false);
  expect(SCHEMA.definitions.category.enum).toEqual(Object.keys(CATEGORIES));
});
