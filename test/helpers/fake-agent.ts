/** An agent as the launcher sees it: speaks the frames of decision 0078, and does what a test says. */
import { createServer, type Socket } from "node:net";

/** Where a result has no exit status. */
export const NO_STATUS = 0xffffffff;
export const TOKEN = "4711 99 3";

export interface Program {
  readonly path: string;
  readonly args?: readonly string[];
  readonly env?: readonly string[];
  readonly stdin?: string | Buffer;
  readonly timeoutMs?: number;
  readonly maxStdout?: number;
  readonly maxStderr?: number;
}

export interface Result {
  readonly status: number;
  readonly signal: number;
  readonly flags: number;
  readonly errno: number;
  readonly stdout: Buffer;
  readonly stderr: Buffer;
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

export function frame(type: string, ...parts: readonly (Buffer | string)[]): Buffer {
  const body = Buffer.concat(parts.map((part) => Buffer.from(part)));
  return Buffer.concat([Buffer.from(type), u32(body.length), body]);
}

function strings(all: readonly string[]): Buffer {
  return Buffer.from(all.map((each) => `${each}\0`).join(""));
}

function block(bytes: Buffer): Buffer {
  return Buffer.concat([u32(bytes.length), bytes]);
}

export function programFrame(program: Program): Buffer {
  const { timeoutMs = 60_000, maxStdout = 8 << 20, maxStderr = 1 << 20 } = program;
  return frame(
    "X",
    u32(timeoutMs),
    u32(maxStdout),
    u32(maxStderr),
    block(Buffer.from(program.path)),
    block(strings(program.args ?? [])),
    block(strings(program.env ?? ["PATH=/usr/bin:/bin"])),
    program.stdin ?? "",
  );
}

/** The agent's end of one connection. */
export class Peer {
  private chunks: Buffer[] = [];
  private size = 0;
  private over = false;
  private wake = (): void => {};

  constructor(readonly socket: Socket) {
    socket.on("data", (bytes: Buffer) => {
      this.chunks.push(bytes);
      this.size += bytes.length;
      this.wake();
    });
    socket.on("error", () => undefined);
    socket.on("close", () => {
      this.over = true;
      this.wake();
    });
  }

  /** The next bytes; throws when the launcher is gone before they have come. */
  async take(count: number): Promise<Buffer> {
    while (this.size < count) {
      if (this.over) throw new Error(`the launcher is gone, ${count} bytes were awaited`);
      await new Promise<void>((resolve) => (this.wake = resolve));
    }
    const all = Buffer.concat(this.chunks);
    this.chunks = [all.subarray(count)];
    this.size -= count;
    return all.subarray(0, count);
  }

  async frame(): Promise<{ readonly type: string; readonly body: Buffer }> {
    const head = await this.take(5);
    return { type: head.toString("latin1", 0, 1), body: await this.take(head.readUInt32LE(1)) };
  }

  async expect(type: string): Promise<Buffer> {
    const got = await this.frame();
    if (got.type !== type) throw new Error(`the launcher sent ${got.type} instead of ${type}`);
    return got.body;
  }

  send(type: string, ...parts: readonly (Buffer | string)[]): void {
    this.socket.write(frame(type, ...parts));
  }

  /** Until the launcher has hung up. */
  async gone(): Promise<void> {
    while (!this.over) await new Promise<void>((resolve) => (this.wake = resolve));
  }

  async request(): Promise<{ readonly env: readonly Buffer[]; readonly stdin: Buffer }> {
    const hello = await this.take(8);
    if (hello.toString("latin1") !== "TRAGENT\x01") throw new Error(`hello: ${hello.toString()}`);
    const body = await this.expect("Q");
    const end = 4 + body.readUInt32LE(0);
    const env: Buffer[] = [];
    for (let at = 4, next; at < end; at = next + 1) {
      next = body.indexOf(0, at);
      env.push(body.subarray(at, next));
    }
    return { env, stdin: body.subarray(end) };
  }

  /** Takes the request and lets the launcher go on. */
  async accept(): Promise<{ readonly env: readonly Buffer[]; readonly stdin: Buffer }> {
    const request = await this.request();
    this.send("H", TOKEN);
    await this.expect("G");
    return request;
  }

  async run(program: Program): Promise<Result> {
    this.socket.write(programFrame(program));
    return this.result();
  }

  async result(): Promise<Result> {
    const body = await this.expect("R");
    const number = (at: number): number => body.readUInt32LE(4 * at);
    const end = 20 + number(4);
    return {
      status: number(0),
      signal: number(1),
      flags: number(2),
      errno: number(3),
      stdout: body.subarray(20, end),
      stderr: body.subarray(end),
    };
  }

  /** Answers; the errno with which the launcher wrote the answer. */
  async finish(status: number, text: string | Buffer = ""): Promise<number> {
    this.send("F", u32(status), text);
    return (await this.expect("D")).readUInt32LE(0);
  }
}

export interface FakeAgent {
  /** Settles when the one connection has been served; rejects when the script threw. */
  readonly served: Promise<void>;
  close(): Promise<void>;
}

/** Listens on a socket and serves each connection with the script. */
export async function startAgent(
  path: string,
  script: (peer: Peer) => Promise<void> | void,
): Promise<FakeAgent> {
  let resolve = (): void => {};
  let reject = (_: Error): void => {};
  const promise = new Promise<void>((...both) => ([resolve, reject] = both));
  promise.catch(() => undefined);
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    Promise.resolve(script(new Peer(socket))).then(resolve, (error: unknown) => {
      socket.destroy();
      reject(error as Error);
    });
  });
  await new Promise<void>((listening) => server.listen(path, listening));
  return {
    served: promise,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((closed) => server.close(closed));
    },
  };
}
