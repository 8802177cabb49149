import type { Agent } from "node:https";
import { request } from "node:https";
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { DeadlineError } from "../../errors";
import type { Credentials } from "../../credentials";
import type { After } from "./timer";

/** The head of an answer, and its body as it comes. */
export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** What the server asked for (Retry-After), 0 for nothing. */
  readonly retryAfterMs: number;
  /** Rejects when the connection is cut. */
  readonly body: AsyncIterable<Uint8Array>;
  /** Cuts the connection if the body has not ended. */
  end(): void;
}

export interface StreamOptions {
  readonly agent: Agent;
  readonly credentials: Credentials;
  readonly accept: string;
  /** From now to the head of the answer. */
  readonly headTimeoutMs: number;
  readonly after: After;
  /** Ends the request at any time, its body too. */
  readonly signal: AbortSignal;
}

/** A peer that is gone is noticed after this time and ten probes, a second apart (libuv). */
const KEEPALIVE_MS = 15_000;
/** A longer wait is not a server's to ask for. */
const MAX_RETRY_AFTER_S = 300;

/**
 * One GET whose body is not waited for. No redirect is followed, no compression asked for.
 * Rejects with Node's own error, or `DeadlineError` when no head came in time.
 */
export function openStream(url: URL, options: StreamOptions): Promise<Reply> {
  const { agent, credentials, accept, headTimeoutMs, after, signal } = options;
  return new Promise((resolve, reject) => {
    const outgoing = request(url, {
      agent,
      signal,
      headers: { accept, "user-agent": "tenant-routing-wrapper" },
    });
    // Set here and not in the options, which NODE_DEBUG in the environment would print.
    for (const [name, value] of Object.entries(credentials.headers))
      outgoing.setHeader(name, value);
    const cancel = after(headTimeoutMs, () => outgoing.destroy(new DeadlineError()));
    outgoing.on("socket", (socket) => socket.setKeepAlive(true, KEEPALIVE_MS));
    outgoing.on("error", reject);
    outgoing.on("close", cancel);
    outgoing.on("response", (response) => {
      cancel();
      resolve({
        status: response.statusCode ?? 0,
        headers: response.headers,
        retryAfterMs: retryAfter(response),
        body: response,
        end: () => response.destroy(),
      });
    });
    outgoing.end();
  });
}

function retryAfter({ headers }: IncomingMessage): number {
  const text = headers["retry-after"] ?? "";
  return /^[0-9]{1,6}$/.test(text) ? Math.min(Number(text), MAX_RETRY_AFTER_S) * 1000 : 0;
}
