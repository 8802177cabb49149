/** The report for programs, against its published schema. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import Ajv from "ajv";
import { loadConf } from "../../../../../conf/load";
import { effectOf } from "../../../../../lib/checks/conflist/effect";
import { readConflist } from "../../../../../lib/checks/conflist/read";
import { ownNetconf } from "../../../../../lib/checks/conflist/settings";
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

test("what validate adds is in it too", () => {
  const object = statusObject("/etc/x", []);
  const { conflist } = readConflist(Buffer.from(JSON.stringify(LIST)), "x.conflist");
  const netconf = conflist === undefined ? undefined : ownNetconf(conflist);
  if (conflist === undefined || netconf === undefined) throw new Error("not read");
  const effect: unknown = JSON.parse(
    JSON.stringify(effectOf(conflist, loadConf(netconf, "DEL").conf)),
  );
  for (const each of [effect, null])
    expect([validate({ ...object, effect: each }), validate.errors]).toEqual([true, null]);
  expect(validate({ ...object, effect: { network: "x" } })).toBe(false);
});

const LIST = {
  cniVersion: "1.0.0",
  name: "pods",
  plugins: [
    {
      type: "tenant-routing-wrapper",
      delegate: { type: "ptp", ipam: { type: "host-local", subnet: "10.88.0.0/24" } },
      tenants: {
        a: { fwmark: "0x10/0xff", table: 100, gateways: [{ via: "10.0.0.1" }] },
        b: { fwmark: "0x20/0xff", namespaces: ["shop"] },
      },
    },
  ],
};
