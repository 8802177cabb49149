/** Runs a delegate for a verb: the one place that knows how plugins fail. */
import type { Clock, Exec, ExecOutcome } from "../lib/ports";
import type { Verb } from "../lib/cni/request";
import { CniError } from "../lib/cni/error";
import {
  MAX_RESULT_BYTES,
  isObject,
  own,
  parseJson,
  quote,
  type JsonObject,
} from "../lib/cni/json";
import { findPlugin } from "./find";
import { delegateType } from "./netconf";

/** For people. */
const MAX_STDERR = 64 * 1024;
/** A plugin binary that is being replaced answers ETXTBSY for a moment (libcni tries as often). */
const BUSY_TRIES = 6;
const BUSY_WAIT_MS = 1000;

/** A delegate that could not be started, so there is nothing to undo. */
export class DelegateNotStarted extends CniError {
  constructor(who: string, errno: string) {
    super("delegateFailed", `${who} could not be started: ${errno}`);
    this.name = "DelegateNotStarted";
  }
}

export interface DelegateContext {
  readonly exec: Exec;
  readonly clock: Clock;
  /** The runtime's environment, passed on untouched except for CNI_COMMAND. */
  readonly env: Readonly<Record<string, string>>;
  readonly path: readonly string[];
  readonly timeoutMs: number;
  /** Where the delegate's stderr goes (SPEC.md: to ours). */
  readonly stderr: (text: string) => void;
}

/**
 * Execs the delegate with CNI_COMMAND=verb and the netconf on stdin; returns its stdout. With `ready` it
 * is started at once and gets the netconf, without which it can do nothing, when `ready` has resolved
 * (decision 0081).
 * Throws CniError: the delegate's own code and text when it gave an error, `tryAgainLater` when it
 * was killed at the deadline, `delegateMissing`, `delegateFailed` otherwise.
 */
export async function runDelegate(
  context: DelegateContext,
  verb: Verb,
  netconf: JsonObject,
  ready?: Promise<void>,
): Promise<Uint8Array> {
  const type = delegateType(netconf);
  return runPlugin(
    context,
    verb,
    { type, who: `delegate "${type}" (${verb})` },
    { netconf, ready },
  );
}

/** The same for an IPAM plugin alone, which gets what its delegate would hand on. */
export async function runIpam(
  context: DelegateContext,
  verb: Verb,
  type: string,
  netconf: JsonObject,
): Promise<void> {
  await runPlugin(context, verb, { type, who: `IPAM plugin "${type}" (${verb})` }, { netconf });
}

async function runPlugin(
  context: DelegateContext,
  verb: Verb,
  { type, who }: { readonly type: string; readonly who: string },
  { netconf, ready }: { readonly netconf: JsonObject; readonly ready?: Promise<void> | undefined },
): Promise<Uint8Array> {
  const path = findPlugin(type, context.path);
  const outcome = await execWhileBusy(context, verb, path, {
    stdin: JSON.stringify(netconf),
    ready,
  });
  if (outcome.stderr !== "") context.stderr(outcome.stderr);
  const error = failureOf(outcome, who, context.timeoutMs);
  if (error !== undefined) throw error;
  return outcome.stdout;
}

async function execWhileBusy(
  context: DelegateContext,
  verb: Verb,
  path: string,
  { stdin, ready }: { stdin: string; ready: Promise<void> | undefined },
): Promise<ExecOutcome> {
  const request = {
    path,
    args: [],
    env: { ...context.env, CNI_COMMAND: verb },
    timeoutMs: context.timeoutMs,
    maxStdout: MAX_RESULT_BYTES,
    maxStderr: MAX_STDERR,
  };
  let early = ready === undefined ? undefined : context.exec.start?.(request);
  await ready;
  for (let tries = 1; ; tries++) {
    const outcome = await (early?.finish(stdin) ?? context.exec.run({ ...request, stdin }));
    if (outcome.spawnError !== "ETXTBSY" || tries === BUSY_TRIES) return outcome;
    early = undefined;
    await context.clock.sleep(BUSY_WAIT_MS);
  }
}

function failureOf(outcome: ExecOutcome, who: string, timeoutMs: number): CniError | undefined {
  if (outcome.spawnError !== undefined) {
    return new DelegateNotStarted(who, outcome.spawnError);
  }
  if (outcome.timedOut) {
    return new CniError(
      "tryAgainLater",
      `${who} did not finish within ${timeoutMs} ms and was killed with its children; see "delegateTimeout"`,
    );
  }
  if (outcome.overflow)
    return new CniError(
      "delegateFailed",
      `${who} printed more than ${MAX_RESULT_BYTES} bytes and was killed`,
    );
  if (outcome.exitCode === 0) return undefined;
  return declaredError(outcome, who) ?? undeclaredError(outcome, who);
}

function declaredError(outcome: ExecOutcome, who: string): CniError | undefined {
  const json = errorObject(outcome.stdout);
  const code = json === undefined ? undefined : own(json, "code");
  if (json === undefined || typeof code !== "number" || !Number.isInteger(code) || code <= 0)
    return undefined;
  const text = textOf(json, "msg") || `error ${code}`;
  return new CniError(code, `${who}: ${text}`, { details: textOf(json, "details") });
}

function errorObject(stdout: Uint8Array): JsonObject | undefined {
  try {
    const json = parseJson(stdout, "error");
    return isObject(json) ? json : undefined;
  } catch {
    return undefined;
  }
}

function textOf(json: JsonObject, key: string): string {
  const text = own(json, key);
  return typeof text === "string" ? bounded(text) : "";
}

function undeclaredError(outcome: ExecOutcome, who: string): CniError {
  const how =
    outcome.signal === null ? `exit status ${outcome.exitCode}` : `killed by ${outcome.signal}`;
  const said =
    outcome.stderr.trim() || new TextDecoder().decode(outcome.stdout.subarray(0, 1024)).trim();
  const text = said === "" ? `${how}, and said nothing` : `${how}: ${quoteLong(said)}`;
  return new CniError("delegateFailed", `${who} failed: ${text}`);
}

function bounded(text: string): string {
  return text.length > 2048 ? `${text.slice(0, 2048)}...` : text;
}

// A plugin's last lines say the cause.
function quoteLong(text: string): string {
  const tail = text.length > 1024 ? `...${text.slice(-1024)}` : text;
  return tail.replace(/\p{Cc}+/gu, (c) => (c === "\n" ? " | " : quote(c).slice(1, -1)));
}
