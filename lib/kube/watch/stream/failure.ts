import { CniError } from "../../../cni/error";
import { isObject, own, parseJson, quote, type JsonObject } from "../../../cni/json";
import { RejectedCredentials, Transient } from "../../errors";
import { heard } from "./heard";
import type { Reply } from "./request";
import type { After } from "./timer";

/** The server no longer has the changes since our version: everything must be listed again. */
export class GoneError extends Error {}

/** A request that did not bring what it should. */
export class WatchFailure extends Error {
  constructor(
    message: string,
    /** HTTP status; 0 where none came. */
    readonly status: number,
    readonly retryAfterMs = 0,
  ) {
    super(message);
    this.name = "WatchFailure";
  }
}

/** Between two chunks of an answer that is not a watch. */
export const ANSWER_SILENCE_MS = 30_000;
/** A Status object has a sentence and no more. */
const MAX_STATUS_BYTES = 64 * 1024;

/** What an answer other than 200 means. `who` is the server and the request, for the message. */
export async function readFailure(reply: Reply, who: string, after: After): Promise<Error> {
  const status = parseStatus(await readShort(reply, after));
  const message = status === undefined ? "" : textOf(own(status, "message"));
  if (reply.status === 410) return new GoneError(message);
  const said = message === "" ? "" : `: ${harmless(message)}`;
  return new WatchFailure(
    `${who} answered ${reply.status}${said}`,
    reply.status,
    reply.retryAfterMs,
  );
}

/** What an ERROR event means: its object is a Status. */
export function eventFailure(status: JsonObject, who: string): Error {
  const [code, reason] = [own(status, "code"), own(status, "reason")];
  const message = textOf(own(status, "message"));
  if (code === 410 || reason === "Expired" || reason === "Gone") return new GoneError(message);
  const number = typeof code === "number" ? code : 0;
  return new WatchFailure(`${who} reported an error: ${harmless(message)}`, number);
}

/** For people, one sentence. */
export function describe(error: unknown, who: string): string {
  if (error instanceof WatchFailure || error instanceof CniError) return error.message;
  if (error instanceof Transient) return error.final.message;
  if (error instanceof RejectedCredentials)
    return `${who}: the server does not accept the credentials: ${quote(error.reason)}`;
  if (error instanceof GoneError) return `${who}: the server no longer has the changes since then`;
  const { code, message } = error as NodeJS.ErrnoException;
  return `${who}: the connection ended: ${code ?? quote(message)}`;
}

async function readShort(reply: Reply, after: After): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of heard(reply, () => ANSWER_SILENCE_MS, after)) {
      parts.push(chunk);
      size += chunk.byteLength;
      if (size > MAX_STATUS_BYTES) break;
    }
  } catch {
    // The status line says enough.
  }
  return Buffer.concat(parts);
}

function parseStatus(body: Uint8Array): JsonObject | undefined {
  try {
    const value = parseJson(body, "Status");
    return isObject(value) && own(value, "kind") === "Status" ? value : undefined;
  } catch {
    return undefined;
  }
}

/** The reason stands at the end of it, so it is not cut as short as `quote` does. */
function harmless(message: string): string {
  return message.slice(0, 500).replace(/[^\x20-\x7e]/g, "?");
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
