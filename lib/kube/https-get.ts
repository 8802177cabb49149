import { Agent, request } from "node:https";
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import type { Credentials } from "./credentials";
import { DeadlineError, MAX_BODY_BYTES, OversizeError } from "./errors";

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Uint8Array;
}

export interface GetOptions {
  /** From `verifyingAgent`. */
  readonly agent: Agent;
  readonly credentials: Credentials;
  /** From now to the last byte of the body. */
  readonly timeoutMs: number;
}

/** Metadata only; a server that cannot do it sends the whole object, which holds the same metadata. */
const ACCEPT = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";

/**
 * Connections with these credentials and a verified server. An agent of our own, so that
 * HTTPS_PROXY, NODE_USE_ENV_PROXY and NODE_TLS_REJECT_UNAUTHORIZED have no effect.
 */
export function verifyingAgent(credentials: Credentials): Agent {
  const { secureContext, servername } = credentials;
  return new Agent({
    keepAlive: true,
    rejectUnauthorized: true,
    secureContext,
    ...(servername === undefined ? {} : { servername }),
  });
}

/**
 * One GET. Redirects are not followed, compression is not asked for; a server that switches
 * protocols has answered 101. Always settles, at the latest when the connection is closed.
 * Rejects with Node's own error, `DeadlineError` or `OversizeError`.
 */
export function httpsGet(url: URL, options: GetOptions): Promise<Answer> {
  const { credentials, agent, timeoutMs } = options;
  return new Promise((resolve, reject) => {
    const outgoing = request(url, {
      agent,
      headers: { accept: ACCEPT, "user-agent": "tenant-routing-wrapper" },
    });
    // Set here and not in the options, which NODE_DEBUG in the runtime's environment would print.
    for (const [name, value] of Object.entries(credentials.headers))
      outgoing.setHeader(name, value);
    const settle: Settle = (error, answer) => {
      clearTimeout(timer);
      if (answer === undefined) reject(error ?? cutOff());
      else resolve(answer);
    };
    // A request that is already destroyed does not emit the error.
    const timer = setTimeout(() => {
      settle(new DeadlineError());
      outgoing.destroy();
    }, timeoutMs);
    let answered = false;
    outgoing.on("error", settle);
    outgoing.on("response", (response) => {
      answered = true;
      readBody(response, settle);
    });
    outgoing.on("upgrade", (response, socket) => {
      settle(undefined, {
        status: response.statusCode ?? 0,
        headers: response.headers,
        body: Buffer.alloc(0),
      });
      socket.destroy();
    });
    // A body that ends with its connection may end after the request is closed: the response reports that.
    outgoing.on("close", () => answered || settle(undefined));
    outgoing.end();
  });
}

/** Only the first call counts. Neither answer nor error means that the connection was closed. */
type Settle = (error: Error | undefined, answer?: Answer) => void;

function cutOff(): Error {
  return Object.assign(new Error("the connection was closed before the answer was complete"), {
    code: "ECONNRESET",
  });
}

function readBody(response: IncomingMessage, settle: Settle): void {
  const chunks: Buffer[] = [];
  let size = 0;
  response.on("data", (chunk: Buffer) => {
    size += chunk.byteLength;
    if (size > MAX_BODY_BYTES) response.destroy(new OversizeError());
    else chunks.push(chunk);
  });
  response.on("error", settle);
  response.on("end", () => {
    settle(undefined, {
      status: response.statusCode ?? 0,
      headers: response.headers,
      body: Buffer.concat(chunks),
    });
  });
  response.on("close", () => settle(undefined));
}
