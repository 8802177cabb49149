import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { createGzip } from "node:zlib";
import type { FaultAction } from "./faults";
import { writeAnswer, writeHead } from "./respond";
import { statusAnswer } from "./status";
import type { Answer } from "./types";

/** What a fault has to work with. */
export interface Stage {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  /** The TCP connection under the TLS one. */
  readonly raw: Socket | undefined;
  /** What a healthy server would have said. */
  readonly answer: Answer;
}

type Kind = FaultAction["kind"];
type Of<K extends Kind> = Extract<FaultAction, { kind: K }>;
type Actions = {
  readonly [K in Exclude<Kind, "latency" | "cutStream" | "halfLine" | "silence">]: (
    stage: Stage,
    fault: Of<K>,
  ) => void | Promise<void>;
};

const DEFAULT_MESSAGES: Readonly<Record<number, string>> = {
  401: "Unauthorized",
  429: "the server has received too many requests and has asked us to try again later",
  500: "Internal error occurred: etcdserver: request timed out",
  503: "apiserver is shutting down",
};

const ACTIONS: Actions = {
  hang: () => undefined,
  status: ({ req, res }, fault) => {
    const message =
      fault.message ?? DEFAULT_MESSAGES[fault.code] ?? `injected status ${fault.code}`;
    const extra = fault.retryAfter === undefined ? {} : { retryAfter: fault.retryAfter };
    writeAnswer(req, res, statusAnswer(fault.code, { message, ...extra }));
  },
  reset: ({ raw }) => void raw?.resetAndDestroy(),
  drip,
  huge,
  nonJson: ({ req, res }) =>
    writeAnswer(req, res, {
      status: 200,
      contentType: "text/html",
      body: "<html><body>Please log in</body></html>\n",
    }),
  body: ({ res }, fault) => {
    writeHead(res, {
      status: fault.status ?? 200,
      contentType: fault.contentType ?? "application/json",
      body: "",
    });
    res.end(fault.base64 === undefined ? (fault.text ?? "") : Buffer.from(fault.base64, "base64"));
  },
  redirect: ({ res }, fault) => {
    const Location = fault.location ?? "/elsewhere";
    writeHead(
      res,
      { status: fault.code ?? 302, contentType: "text/plain", body: "" },
      { Location },
    );
    res.end();
  },
  switchProtocols: ({ res }) => {
    res.writeHead(101, { Connection: "Upgrade", Upgrade: "websocket" });
    res.flushHeaders();
  },
  empty: ({ res }) => {
    writeHead(
      res,
      { status: 200, contentType: "application/json", body: "" },
      { "Content-Length": "0" },
    );
    res.end();
  },
  wrongUid: ({ req, res, answer }, fault) =>
    writeAnswer(req, res, {
      ...answer,
      body: withUid(answer.body, fault.uid ?? "00000000-0000-4000-8000-000000000000"),
    }),
  truncated: ({ res, raw, answer }) => {
    const body = Buffer.from(answer.body);
    writeHead(res, answer, { "Content-Length": String(body.length) });
    res.write(body.subarray(0, body.length >> 1), () => raw?.end());
  },
};

/** Plays one fault other than latency. Resolves when nothing more will be written. */
export async function playFault(stage: Stage, fault: FaultAction): Promise<void> {
  if (fault.kind === "latency") return;
  // The table is typed kind by kind; TypeScript cannot see that key and argument agree.
  const action = ACTIONS[fault.kind as keyof Actions] as
    ((stage: Stage, fault: FaultAction) => void | Promise<void>) | undefined;
  // A fault of watches strikes nothing else.
  if (action === undefined) writeAnswer(stage.req, stage.res, stage.answer);
  else await action(stage, fault);
}

async function drip({ res, answer }: Stage, fault: Of<"drip">): Promise<void> {
  const step = Math.max(1, fault.bytes ?? 1);
  const body = Buffer.from(answer.body);
  writeHead(res, answer, { "Content-Length": String(body.length) });
  for (let at = 0; at < body.length && !res.destroyed; at += step) {
    res.write(body.subarray(at, at + step));
    await sleep(fault.ms ?? 50, undefined, { ref: false });
  }
  res.end();
}

async function huge({ res, answer }: Stage, fault: Of<"huge">): Promise<void> {
  const encoding: Record<string, string> =
    fault.gzip === true ? { "Content-Encoding": "gzip" } : {};
  writeHead(res, { ...answer, status: 200 }, encoding);
  const source = Readable.from(hugeObject(fault.bytes ?? 100_000_000));
  const sent =
    fault.gzip === true ? pipeline(source, createGzip({ level: 1 }), res) : pipeline(source, res);
  await sent.catch(() => undefined); // the client hung up, which is what it should do
}

function* hugeObject(bytes: number): Generator<Buffer> {
  const head =
    '{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":{"annotations":{"filler":"';
  const tail = '"}}}';
  const filler = Buffer.alloc(64 * 1024, "x");
  yield Buffer.from(head);
  let left = bytes - head.length - tail.length;
  for (; left > 0; left -= filler.length)
    yield left < filler.length ? filler.subarray(0, left) : filler;
  yield Buffer.from(tail);
}

function withUid(body: string, uid: string): string {
  const object = JSON.parse(body) as { metadata?: Record<string, unknown> };
  return JSON.stringify({ ...object, metadata: { ...object.metadata, uid } });
}
