/** Calls between the machines of a lab: TCP connections by the probe. */
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { CniError } from "../../cni/error";
import type { Setup } from "./lab";
import type { Background, Machine } from "./machines";
import type { CallOutcome, CallRequest } from "./probe/caller";

/** Errors by which a router refuses a packet, so that the caller need not wait. */
const REFUSED: readonly string[] = ["EHOSTUNREACH", "ENETUNREACH", "EACCES"];
/**
 * "At once" (ms): long before the 3 s after which a neighbour that does not answer is given up. A
 * refusal that arrives while the kernel still holds the socket takes effect only at the next try,
 * 1000 ms later, which is regular for IPv6.
 */
const AT_ONCE_MS = 1500;
const DEFAULT_TIMEOUT_MS = 2000;

export interface CallOptions extends Partial<Omit<CallRequest, "address" | "port">> {
  /** Nothing is shown. */
  readonly quiet?: boolean;
}

export interface Call extends CallOutcome {
  /** Who answered; "" when nobody did. */
  readonly by: string;
  /** The caller's address as the answerer saw it; "" when nobody answered. */
  readonly from: string;
  /** There was an answer, and all bytes came through. */
  readonly ok: boolean;
  /** A router answered "unreachable" within that time. */
  readonly refusedAtOnce: boolean;
}

/** Starts a responder on the machine, both families, every address. Returns when it listens. Throws CniError `io`. */
export async function startResponder(
  setup: Setup,
  on: Machine,
  port: number,
  name = on.name,
): Promise<Background> {
  const ready = join(setup.dir, `ready-${on.netns}-${port}`);
  rmSync(ready, { force: true });
  const background = await on.background([
    setup.binary,
    "lab",
    "probe",
    "respond",
    name,
    String(port),
    ready,
  ]);
  if (await setup.shell.until(() => existsSync(ready), 10_000)) return background;
  throw new CniError(
    "io",
    `the responder ${name} does not listen on port ${port}: see ${join(setup.dir, "background.log")}`,
  );
}

/** Calls a responder at `address:port` or `[address]:port` and shows the outcome. Never throws because of what the network does. */
export async function call(
  setup: Setup,
  from: Machine,
  target: string,
  options: CallOptions = {},
): Promise<Call> {
  const { quiet = false, ...asked } = options;
  const request: CallRequest = {
    ...addressAndPort(target),
    source: "",
    timeoutMs: DEFAULT_TIMEOUT_MS,
    upload: 0,
    download: 0,
    ...asked,
  };
  const ran = await from.run([setup.binary, "lab", "probe", "call", JSON.stringify(request)], {
    timeoutMs: 3 * request.timeoutMs + 10_000,
  });
  if (!ran.stdout.startsWith("{"))
    throw new CniError("io", `the probe on ${from.name} failed: ${ran.output}`);
  const outcome = JSON.parse(ran.stdout) as CallOutcome;
  const result: Call = {
    ...outcome,
    by: outcome.answer?.name ?? "",
    from: outcome.answer?.from ?? "",
    ok: outcome.error === "",
    refusedAtOnce: REFUSED.includes(outcome.error) && outcome.ms < AT_ONCE_MS,
  };
  if (!quiet)
    setup.transcript.command(from.name, callText(target, request), outcomeText(request, result));
  return result;
}

/** `address:port` as it is written, with brackets where they are needed. */
export function target(address: string, port: number): string {
  return `${address.includes(":") ? `[${address}]` : address}:${port}`;
}

function addressAndPort(text: string): Pick<CallRequest, "address" | "port"> {
  const colon = text.lastIndexOf(":");
  return {
    address: text.slice(0, colon).replace(/^\[|\]$/g, ""),
    port: Number(text.slice(colon + 1)),
  };
}

function callText(to: string, { source, upload, download }: CallRequest): string {
  return [
    `call ${to}`,
    ...(source === "" ? [] : [`from ${source}`]),
    ...(upload === 0 ? [] : [`sending ${upload} bytes`]),
    ...(download === 0 ? [] : [`fetching ${download} bytes`]),
  ].join(" ");
}

function outcomeText(
  { upload, download }: CallRequest,
  { answer, by, from, downloaded, error, ms }: Call,
): string {
  const failure = error === "" ? [] : [`${error} after ${ms} ms`];
  if (answer === undefined) return failure.join("");
  const bulk =
    upload + download === 0
      ? []
      : [`${answer.received} bytes arrived there, ${downloaded} here, ${ms} ms`];
  return [`${by} here; you came from ${from}`, ...bulk, ...failure].join("; ");
}
