/** `wrapper routes apply` works on the test node, and a second time there is nothing to do. */
import { isObject, own, parseJson, type Json, type JsonObject } from "../../cni/json";
import type { Fixture } from "../fixture";

/** The outcome of an apply. */
export interface Applied {
  readonly status: number;
  readonly output: string;
  readonly said: JsonObject;
}

type Part = Pick<Fixture, "setup" | "topology" | "conflist" | "results">;

/** Applies the routes, kernel settings too, as the unit of the installation does. */
export async function applyRoutes(
  { setup, topology, conflist }: Pick<Fixture, "setup" | "topology" | "conflist">,
  ...more: readonly string[]
): Promise<Applied> {
  const ran = await topology.node.run([
    setup.binary,
    "routes",
    "apply",
    "--sysctl",
    "-o",
    "json",
    "--conf",
    conflist,
    ...more,
  ]);
  const said = ran.stdout.trim().startsWith("{")
    ? parseJson(Buffer.from(ran.stdout), "the answer of wrapper routes apply")
    : null;
  return { status: ran.status, output: ran.output, said: isObject(said) ? said : {} };
}

/** Both applies. Nothing else makes sense where the first one fails, but it is tried. */
export async function checkNodeRoutes(part: Part, routed: boolean): Promise<void> {
  const { results } = part;
  if (!routed)
    return results.skip(
      "routes",
      {},
      "no tenant has a table, so the conflist asks for no routes",
      'write "table" and "gateways" into "tenants", if wrapper routes shall lead marks to gateways',
    );
  const first = await applyRoutes(part);
  for (const finding of list(first.said, "findings")) reportFinding(part, finding);
  for (const { text } of list(first.said, "collisions"))
    results.fail(
      "routes",
      {},
      String(text),
      "change the conflist as it says; wrapper routes plan looks at the real node",
    );
  for (const failure of texts(first.said, "failures"))
    results.fail("routes", {}, failure, "correct the gateway or route that it names");
  if (
    first.status !== 0 &&
    list(first.said, "findings", "collisions").length + texts(first.said, "failures").length === 0
  ) {
    return results.fail(
      "routes",
      {},
      `wrapper routes apply fails: ${failureOf(first)}`,
      "correct what it names",
    );
  }
  const second = await applyRoutes(part);
  const changes = list(second.said, "changes").map(({ command }) => String(command));
  if (changes.length === 0) results.ok("routes");
  else
    results.fail(
      "routes",
      {},
      `a second wrapper routes apply changes something again: ${changes.join("; ")}`,
      "two programs or two entries of the conflist want different things: look for tables, priorities or gateways that occur twice",
    );
}

function reportFinding({ results }: Part, { severity, tenant, text }: JsonObject): void {
  const about = typeof tenant === "string" ? { tenant } : {};
  if (severity === "problem")
    results.fail("routes", about, String(text), "correct the conflist as it says");
  else results.note(`wrapper routes: ${String(text)}`);
}

function list(said: JsonObject, ...keys: readonly string[]): readonly JsonObject[] {
  return keys.flatMap((key) => items(said, key)).filter(isObject);
}

function texts(said: JsonObject, key: string): readonly string[] {
  return items(said, key).filter((item) => typeof item === "string");
}

function items(said: JsonObject, key: string): readonly Json[] {
  const value = own(said, key);
  return Array.isArray(value) ? (value as readonly Json[]) : [];
}

/** Whether it changed nothing because of collisions. */
export function isRefused({ status, said }: Applied): boolean {
  return status !== 0 && list(said, "collisions").length > 0;
}

/** Why an apply failed, as it says itself. */
export function failureOf({ said, output }: Applied): string {
  const problems = [
    ...list(said, "collisions"),
    ...list(said, "findings").filter(({ severity }) => severity === "problem"),
  ].map(({ text }) => String(text));
  // The last line of an output without JSON: what went wrong comes last.
  return [...problems, ...texts(said, "failures")][0] ?? output.trimEnd().split("\n").at(-1) ?? "";
}
