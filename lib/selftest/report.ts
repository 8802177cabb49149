/** What `wrapper selftest` prints: the same facts for people and for machines. */
import { wrapped } from "../lab/kit/transcript";
import { formatTable } from "../text/table";
import { PROPERTIES, type Check, type Results, type Property } from "./results";

/** Of a cell. */
const WIDTH = 56;

export interface Report {
  readonly conf: string;
  /** What was tested, for people: `tenant-a (0x10/0xff, table 100)`. */
  readonly tested: readonly string[];
  readonly results: Results;
}

/** True when a property does not hold. */
export function isBad(results: Results): boolean {
  return results.checks().some(({ result }) => result === "FAILED");
}

/** For people. */
export function reportText({ conf, tested, results }: Report): string {
  const rows = propertiesOf(results).flatMap((property) =>
    rowsOf(
      property,
      results.checks().filter((check) => check.property === property),
    ),
  );
  return [
    `configuration: ${conf}\n`,
    `tested: ${tested.length === 0 ? "no tenant" : tested.join(", ")}\n`,
    formatTable(["PROPERTY", "RESULT", "REMEDY"], rows.flatMap(broken)),
    ...results.notes().map((text) => `note: ${text}\n`),
  ].join("");
}

/** For machines. */
export function reportJson({ conf, tested, results }: Report): string {
  const properties = propertiesOf(results).map((property) => {
    const checks = results.checks().filter((check) => check.property === property);
    return {
      name: PROPERTIES[property],
      result: worst(checks),
      checks: checks.map(({ property: _, ...check }) => check),
    };
  });
  return `${JSON.stringify({ conf, ok: !isBad(results), tested, properties, notes: results.notes() }, null, 2)}\n`;
}

function propertiesOf(results: Results): readonly Property[] {
  const seen = new Set(results.checks().map(({ property }) => property));
  return (Object.keys(PROPERTIES) as Property[]).filter((property) => seen.has(property));
}

function worst(checks: readonly Check[]): Check["result"] {
  return (
    (["FAILED", "ok", "not applicable"] as const).find((result) =>
      checks.some((check) => check.result === result),
    ) ?? "not applicable"
  );
}

/** One row for all that is well, one for each reason of the rest. */
function rowsOf(property: Property, checks: readonly Check[]): readonly (readonly string[])[] {
  const well = checks.filter(({ result }) => result === "ok");
  const others = checks.filter(({ result }) => result !== "ok");
  const reasons = [
    ...new Set(
      others.map(({ result, reason, remedy }) => JSON.stringify([result, reason, remedy])),
    ),
  ];
  return [
    ...(well.length === 0 ? [] : [[PROPERTIES[property], withTenants("ok", well), ""]]),
    ...reasons.map((key) => {
      const [result = "", reason = "", remedy = ""] = JSON.parse(key) as readonly string[];
      const same = others.filter(
        (check) => check.result === result && check.reason === reason && check.remedy === remedy,
      );
      return [PROPERTIES[property], `${withTenants(result, same)}: ${reason}`, remedy];
    }),
  ];
}

/** A row as lines: its long cells are broken. */
function broken([
  name = "",
  result = "",
  remedy = "",
]: readonly string[]): readonly (readonly string[])[] {
  const [results, remedies] = [wrapped(result, WIDTH), wrapped(remedy, WIDTH)];
  return Array.from({ length: Math.max(results.length, remedies.length) }, (_, n) => [
    n === 0 ? name : "",
    results[n] ?? "",
    remedies[n] ?? "",
  ]);
}

/** `ok (tenant-a, tenant-b: IPv4 and IPv6; vpn: IPv4 only)` */
function withTenants(result: string, checks: readonly Check[]): string {
  const tenants = [...new Set(checks.map(({ tenant }) => tenant))].filter(
    (name) => name !== undefined,
  );
  const families = new Map(
    tenants.map((name) => [name, familiesText(checks.filter(({ tenant }) => tenant === name))]),
  );
  const texts = [...new Set(families.values())].map((text) => {
    const names = tenants.filter((name) => families.get(name) === text).join(", ");
    return text === "" ? names : `${names}: ${text}`;
  });
  return texts.length === 0 ? result : `${result} (${texts.join("; ")})`;
}

function familiesText(checks: readonly Check[]): string {
  const families = [...new Set(checks.map(({ family }) => family))]
    .filter((family) => family !== undefined)
    .sort();
  if (families.length === 0) return "";
  return families.length === 1 ? `IPv${families[0] ?? ""} only` : "IPv4 and IPv6";
}
