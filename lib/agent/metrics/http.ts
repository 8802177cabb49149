/** /metrics, /healthz and /readyz, on connections that others accept and on an address of their own. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { CniError } from "../../cni/error";
import { reasonOf } from "../../text/reason";
import { refusalOf } from "./local";
import { createPace } from "./remember";

/** One answer. */
export interface Page {
  readonly status: number;
  /** MIME type. */
  readonly type: string;
  readonly text: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** More pages, by their paths. */
export type Site = Readonly<Record<string, () => Page | Promise<Page>>>;

/** What the pages say. */
export interface Pages {
  /** Pages that name pods: for this machine alone, and for no web page that only pretends to be of it. */
  readonly site?: Site;
  readonly contentType: string;
  readonly metrics: () => Promise<string>;
  /** Why the agent cannot do its work at all; each names its remedy. None: all is well. */
  readonly sickness: () => readonly string[];
  /** Why pods cannot be given their marks at the moment; each names its remedy. */
  readonly unready: () => Promise<readonly string[]>;
}

export interface HttpDoor {
  /** Answers on a connection from elsewhere. */
  accept(socket: Socket): void;
  /**
   * Answers on this address, and on none that was given before; undefined: on none at all. Throws CniError
   * `io` when that is not possible.
   */
  listen(at: { readonly address: string; readonly port: number } | undefined): Promise<void>;
  /** Ends everything at once. */
  close(): void;
}

/** Whoever exceeds these is cut off: a scrape needs a small part of each. Times in ms. */
const MOST_CONNECTIONS = 32;
const MOST_REQUESTS_PER_CONNECTION = 20;
const REQUESTS_PER_SECOND = 20;
const SERVER_OPTIONS = {
  maxHeaderSize: 8 * 1024,
  headersTimeout: 5000,
  requestTimeout: 5000,
  keepAliveTimeout: 20_000,
  connectionsCheckingInterval: 1000,
};
const IDLE_MS = 20_000;
/** Node.js watches over the times of headers and requests, and over connections, only where it listens by itself. */
const ACCEPTED_MS = 30_000;

/** A door that is closed to the network until it is told to listen. */
export function createHttpDoor(pages: Pages): HttpDoor {
  const pace = createPace(REQUESTS_PER_SECOND);
  const make = (connections = new Set<Socket>()): Server => {
    const server = createServer(SERVER_OPTIONS, (request, response) => {
      void answer(request, response, pages, pace);
    });
    server.maxRequestsPerSocket = MOST_REQUESTS_PER_CONNECTION;
    server.timeout = IDLE_MS;
    // It was told that its connection would be closed.
    server.on("dropRequest", (_request, socket) => socket.destroy());
    server.on("connection", (socket: Socket) => {
      connections.add(socket);
      socket.on("error", () => {}).once("close", () => connections.delete(socket));
      if (connections.size > MOST_CONNECTIONS) socket.destroy();
    });
    return server;
  };
  const accepted = new Set<Socket>();
  const inner = make(accepted);
  let outer: Server | undefined;
  const hangUp = (): void => {
    outer?.close();
    outer?.closeAllConnections();
    outer = undefined;
  };
  return {
    accept: (socket) => {
      // Else a client that has said all it wants to say gets no answer.
      socket.allowHalfOpen = true;
      const timer = setTimeout(() => socket.destroy(), ACCEPTED_MS);
      socket.once("close", () => clearTimeout(timer));
      inner.emit("connection", socket);
      socket.resume();
    },
    listen: async (at) => {
      hangUp();
      if (at === undefined) return;
      const server = make();
      await listening(server, at.address, at.port);
      outer = server;
    },
    close: () => {
      hangUp();
      for (const socket of accepted) socket.destroy();
    },
  };
}

async function listening(server: Server, host: string, port: number): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject).listen({ host, port, backlog: MOST_CONNECTIONS }, resolve);
    });
  } catch (error) {
    server.close();
    throw new CniError(
      "io",
      `metrics cannot be served on ${host} port ${port}: ${reasonOf(error)}: ` +
        'see "agent.metricsAddress" and "agent.metricsPort" in the conflist',
    );
  }
}

const TEXT = "text/plain; charset=utf-8";

const PAGES: Readonly<Record<string, (pages: Pages) => Promise<Page>>> = {
  "/metrics": async ({ contentType, metrics }) => ({
    status: 200,
    type: contentType,
    text: await metrics(),
  }),
  "/healthz": async ({ sickness }) => verdict(sickness()),
  "/readyz": async ({ sickness, unready }) => verdict([...sickness(), ...(await unready())]),
};

function hint({ site = {} }: Pages): string {
  return `the pages are ${Object.keys({ ...PAGES, ...site }).join(", ")}; ask with GET\n`;
}

function verdict(reasons: readonly string[]): Page {
  return reasons.length === 0
    ? { status: 200, type: TEXT, text: "ok\n" }
    : { status: 503, type: TEXT, text: reasons.map((reason) => `${reason}\n`).join("") };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  pages: Pages,
  pace: () => Promise<void>,
): Promise<void> {
  await pace();
  const { status, type, text, headers } = await pageFor(request, pages);
  response.writeHead(status, {
    "content-type": type,
    "content-length": Buffer.byteLength(text),
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    ...headers,
    ...(status === 405 && { allow: "GET, HEAD" }),
    // What else it wants to send is not read.
    ...(status === 405 && { connection: "close" }),
  });
  response.end(text);
}

async function pageFor(request: IncomingMessage, pages: Pages): Promise<Page> {
  const { method, url = "" } = request;
  const [path = ""] = url.split("?");
  const make = makerOf(path, request, pages);
  if (make === undefined) return { status: 404, type: TEXT, text: hint(pages) };
  if (method !== "GET" && method !== "HEAD") return { status: 405, type: TEXT, text: hint(pages) };
  try {
    return await make();
  } catch (error) {
    return { status: 500, type: TEXT, text: `${reasonOf(error)}\n` };
  }
}

function makerOf(
  path: string,
  { headers, socket }: IncomingMessage,
  pages: Pages,
): (() => Page | Promise<Page>) | undefined {
  const own = Object.hasOwn(PAGES, path) ? PAGES[path] : undefined;
  if (own !== undefined) return () => own(pages);
  const { site = {} } = pages;
  const more = Object.hasOwn(site, path) ? site[path] : undefined;
  if (more === undefined) return undefined;
  const refusal = refusalOf({ host: headers.host, localAddress: socket.localAddress });
  return refusal === undefined ? more : () => ({ status: 403, type: TEXT, text: `${refusal}\n` });
}
