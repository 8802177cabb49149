import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { TLSSocket } from "node:tls";
import { answer } from "./answer";
import { authenticate, type TokenTable } from "./authenticate";
import { playFault } from "./fault-actions";
import type { FaultAction, Faults } from "./faults";
import type { NodeAuthorization } from "./node-authorizer";
import type { ObjectStore } from "./object-store";
import type { RequestLog, RequestRecord } from "./request-log";
import { readRequestInfo } from "./request-info";
import { writeAnswer } from "./respond";
import type { StreamFault, Watches, WatchRequest } from "./watch";

/** What serving needs to know; the owner may change objects, tokens and faults at any time. */
export interface Serving {
  readonly objects: ObjectStore;
  readonly tokens: TokenTable;
  readonly faults: Faults;
  readonly requests: RequestLog;
  readonly watches: Watches;
  readonly nodeAuthorization: NodeAuthorization;
  readonly gzipMinBytes: number;
  /** The TCP socket under a TLS one. */
  readonly under: (tls: Socket) => Socket | undefined;
}

/** One request from start to end: who, record, faults in force, else the answer. */
export async function serveRequest(
  serving: Serving,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  const { method = "GET", url = "/" } = req;
  const path = pathOf(url);
  const user = authenticate(req.socket as TLSSocket, req.headers.authorization, serving.tokens);
  const struck = serving.faults.takeForRequest(method, path, verbOf(method, url));
  const raw = serving.under(req.socket);
  const record: RequestRecord = {
    method,
    url,
    path,
    headers: req.headers,
    user: user?.name,
    at: Date.now(),
    faults: struck.map((fault) => fault.kind),
    complete: false,
    bytesSent: 0,
  };
  serving.requests.add(record);
  follow(record, res, raw);
  await delay(struck);
  if (res.destroyed) return;
  const question = { method, url, accept: req.headers.accept, user };
  const good = answer(question, serving.objects, serving.nodeAuthorization);
  const last = struck.at(-1);
  if (good.watch !== undefined && (last === undefined || isStreamFault(last)))
    return serveWatch(serving, good.watch, { req, res, fault: last });
  if (last === undefined || last.kind === "latency")
    writeAnswer(req, res, good, serving.gzipMinBytes);
  else await playFault({ req, res, raw, answer: good }, last);
}

async function serveWatch(
  { watches, gzipMinBytes }: Serving,
  watch: WatchRequest,
  io: { req: IncomingMessage; res: ServerResponse; fault: StreamFault | undefined },
): Promise<void> {
  const refusal = watches.refusal(watch);
  if (refusal === undefined) await watches.serve(watch, io, io.fault);
  else writeAnswer(io.req, io.res, refusal, gzipMinBytes);
}

async function delay(struck: readonly FaultAction[]): Promise<void> {
  for (const fault of struck)
    if (fault.kind === "latency") await sleep(fault.ms, undefined, { ref: false });
}

const STREAM_FAULTS = ["cutStream", "halfLine", "silence"];

const isStreamFault = (fault: FaultAction): fault is StreamFault =>
  STREAM_FAULTS.includes(fault.kind);

const pathOf = (url: string): string => url.split("?", 1)[0] ?? url;

function verbOf(method: string, url: string): string | undefined {
  try {
    return readRequestInfo(method, url).verb;
  } catch {
    return undefined;
  }
}

/** Keeps the record up to date with what really left this process. */
function follow(record: RequestRecord, res: ServerResponse, raw: Socket | undefined): void {
  const before = raw?.bytesWritten ?? 0;
  const update = (): void => {
    if (res.headersSent) record.status = res.statusCode;
    record.complete = res.writableFinished;
    record.bytesSent = (raw?.bytesWritten ?? 0) - before;
  };
  // "finish" comes before the client can have read the end, "close" also after a break.
  res.once("finish", update).once("close", update);
}
