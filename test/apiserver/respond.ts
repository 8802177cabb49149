import type { IncomingMessage, ServerResponse } from "node:http";
import { randomUUID } from "node:crypto";
import { gzipSync } from "node:zlib";
import type { Answer } from "./types";

/** The real server compresses from here on; smaller answers are not worth it. */
export const GZIP_MIN_BYTES = 128 * 1024;

/** Go's net/http states a length for what fits its buffer and sends the rest chunked; clients must take both. */
const CHUNKED_MIN_BYTES = 2048;

/** Head and status of an answer, with the headers that the real server puts on everything. */
export function writeHead(
  res: ServerResponse,
  answer: Answer,
  headers: Record<string, string> = {},
): void {
  res.writeHead(answer.status, {
    "Audit-Id": randomUUID(),
    "Cache-Control": "no-cache, private",
    "Content-Type": answer.contentType,
    ...answer.headers,
    ...headers,
  });
}

/** Writes a complete answer: gzip if it is big and the client takes it, chunked if it is not tiny. */
export function writeAnswer(
  req: IncomingMessage,
  res: ServerResponse,
  answer: Answer,
  gzipMinBytes: number = GZIP_MIN_BYTES,
): void {
  const plain = Buffer.from(answer.body);
  const packed = plain.length >= gzipMinBytes && acceptsGzip(req);
  const body = packed ? gzipSync(plain) : plain;
  writeHead(res, answer, {
    ...(packed ? { "Content-Encoding": "gzip", Vary: "Accept-Encoding" } : {}),
    ...(body.length < CHUNKED_MIN_BYTES ? { "Content-Length": String(body.length) } : {}),
  });
  for (let start = 0; start < body.length; start += CHUNKED_MIN_BYTES) {
    res.write(body.subarray(start, start + CHUNKED_MIN_BYTES));
  }
  res.end();
}

function acceptsGzip(req: IncomingMessage): boolean {
  const accepted = String(req.headers["accept-encoding"] ?? "");
  return accepted
    .split(",")
    .some((coding) => /^\s*gzip\s*(?:;\s*q=(?!0(?:\.0*)?\s*$).*)?$/.test(coding));
}
