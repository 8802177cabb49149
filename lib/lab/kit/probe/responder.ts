/** The probe's server: answers with its name and the address from which the call came. */
import { writeFileSync } from "node:fs";
import { createServer, type Socket } from "node:net";

/** What a caller may ask for in its first line. */
export interface Question {
  /** Bytes that follow the question. */
  readonly upload: number;
  /** Bytes that shall follow the answer. */
  readonly download: number;
}

export interface Answer {
  readonly name: string;
  /** The caller's address as it arrived here. */
  readonly from: string;
  /** Bytes that arrived after the question. */
  readonly received: number;
}

const FILLER = Buffer.alloc(64 * 1024, "x");

/** Answers calls to the port on every address, both families, until it is killed; writes `ready` when it listens. */
export function respond(name: string, port: number, ready: string): Promise<never> {
  const server = createServer({ allowHalfOpen: true }, (socket) => answer(name, socket));
  return new Promise((_, reject) => {
    server.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EAFNOSUPPORT") server.listen(port, "0.0.0.0");
      else reject(error);
    });
    server.on("listening", () => writeFileSync(ready, ""));
    server.listen(port, "::");
  });
}

function answer(name: string, socket: Socket): void {
  const from = (socket.remoteAddress ?? "").replace(/^::ffff:/, "");
  let head = "";
  let received = 0;
  socket.on("data", (chunk: Buffer) => {
    if (head.includes("\n")) {
      received += chunk.length;
      return;
    }
    head += chunk.toString("latin1");
    const end = head.indexOf("\n");
    received = end < 0 ? 0 : head.length - end - 1;
    // People who look around have curl.
    if (head.startsWith("GET ") && end >= 0)
      socket.end(`HTTP/1.0 200 OK\r\n\r\n${name} here; you came from ${from}\n`);
  });
  socket.on("end", () => {
    if (!socket.writable) return;
    socket.write(`${JSON.stringify({ name, from, received } satisfies Answer)}\n`);
    fill(socket, downloadOf(head));
  });
  // A caller that went away is its own affair.
  socket.on("error", () => {});
}

function downloadOf(head: string): number {
  try {
    return Number((JSON.parse(head.slice(0, head.indexOf("\n"))) as Question).download);
  } catch {
    return 0;
  }
}

/** Writes so many bytes, as fast as the other side takes them, and ends. */
export function fill(socket: Socket, bytes: number): void {
  let left = bytes;
  while (left > 0) {
    const piece = FILLER.subarray(0, Math.min(left, FILLER.length));
    left -= piece.length;
    if (!socket.write(piece) && left > 0) {
      socket.once("drain", () => fill(socket, left));
      return;
    }
  }
  socket.end();
}
