/** What a run of the packed binary left behind for a test to look at. */
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { ERRORS, type ErrorKind } from "../../lib/cni/error";

/** One start of a fixture delegate, as it recorded it. */
export interface Call {
  readonly verb: string;
  readonly type: string;
  /** The path that it was started by. */
  readonly path: string;
  readonly env: Readonly<Record<string, string>>;
  readonly stdin: string;
  readonly netconf: Readonly<Record<string, unknown>>;
}

export interface ErrorBody {
  readonly cniVersion: string;
  readonly code: number;
  readonly msg: string;
  readonly details?: string;
}

export interface Outcome {
  /** CNI_CONTAINERID of the run. */
  readonly id: string;
  readonly exit: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly ms: number;
  /** Peak resident memory; NaN unless the run was measured. */
  readonly maxRssMiB: number;
  readonly calls: readonly Call[];
  /** stdout parsed; undefined when it is no JSON. */
  readonly json: Readonly<Record<string, unknown>> | undefined;
}

/** Reads the calls that fixtures recorded in `dir`, oldest first. */
export function readCalls(dir: string): readonly Call[] {
  return readdirSync(dir)
    .sort()
    .filter((name) => existsSync(join(dir, name, "stdin")))
    .map((name) => readCall(join(dir, name)));
}

function readCall(dir: string): Call {
  const env = Object.fromEntries(
    readFileSync(join(dir, "env"), "utf8")
      .split("\0")
      .filter((pair) => pair !== "")
      .map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)]),
  );
  const path = readFileSync(join(dir, "path"), "utf8");
  const stdin = readFileSync(join(dir, "stdin"), "utf8");
  return {
    verb: env["CNI_COMMAND"] ?? "",
    type: basename(path),
    path,
    env,
    stdin,
    netconf: parse(stdin) ?? {},
  };
}

/** JSON text as an object, or undefined. */
export function parse(text: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

/** The verbs that reached delegates, in order. */
export function verbs(outcome: Outcome): readonly string[] {
  return outcome.calls.map((call) => call.verb);
}

/** Asserts success; says what the plugin complained about otherwise. */
export function expectOk(outcome: Outcome): Outcome {
  if (outcome.exit !== 0) {
    throw new Error(
      `expected success, got exit ${outcome.exit} ${outcome.signal ?? ""}\nstdout: ${outcome.stdout}\nstderr: ${outcome.stderr}`,
    );
  }
  return outcome;
}

/**
 * Asserts the error form of the specification: exit status 1, one JSON document on stdout with the
 * code, a message that is not empty and matches `patterns` (details included).
 */
export function expectError(
  outcome: Outcome,
  kind: ErrorKind | number | readonly ErrorKind[],
  ...patterns: (RegExp | string)[]
): ErrorBody {
  const codes = [kind]
    .flat()
    .map((each) => (typeof each === "number" ? each : ERRORS[each as ErrorKind].code));
  const body = outcome.json as ErrorBody | undefined;
  if (outcome.exit !== 1 || body === undefined || !codes.includes(body.code)) {
    throw new Error(
      `expected error ${codes.join(" or ")}, got exit ${outcome.exit} ${outcome.signal ?? ""}\nstdout: ${outcome.stdout.slice(0, 4000)}\nstderr: ${outcome.stderr.slice(0, 2000)}`,
    );
  }
  expect(typeof body.msg === "string" && body.msg !== "").toBe(true);
  expect(typeof body.cniVersion).toBe("string");
  const text = body.details === undefined ? body.msg : `${body.msg}; ${body.details}`;
  for (const pattern of patterns) expect(text).toMatch(pattern);
  return body;
}

/** Asserts that no delegate ran and nothing of ours is left: an ADD that fails before it makes anything. */
export function expectNothingMade(
  world: { leftovers(): readonly string[] },
  outcome: Outcome,
): void {
  expect(outcome.calls).toEqual([]);
  expect(world.leftovers()).toEqual([]);
}

/** Asserts that no runtime would swallow this error of a DEL (go-cni and ocicni look for these words). */
export function expectNotSwallowed(outcome: Outcome): void {
  expect(outcome.stdout).not.toMatch(/not found|no such file or directory/i);
}
