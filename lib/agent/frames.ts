/**
 * What a launcher and the agent say to each other, as bytes and as values. The launcher speaks first: eight
 * bytes with the version of the protocol, then frames go both ways: a type (one byte), the length of the
 * payload (four bytes, little-endian like all numbers here), the payload. cmd/launcher/launcher.c is the
 * other side.
 */
import { CniError } from "../cni/error";
import { MAX_INPUT_BYTES } from "../cni/json";
import type { ExecOutcome, ExecRequest } from "../ports";

/** The first bytes of a launcher; the last one is the version of the protocol. */
export const GREETING = Buffer.from("TRAGENT\u0001", "latin1");

/** Bytes of one frame at most: stdin or a delegate's output, an environment and arguments (execve allows 2 MiB). */
const MAX_FRAME = 2 * MAX_INPUT_BYTES + 8 * 1024 * 1024;
const HEADER_BYTES = 5;
const NONE = 0xffffffff;

/** From the launcher. */
export type FromLauncher =
  /** What the runtime asked. */
  | {
      readonly type: "request";
      readonly env: Readonly<Record<string, string>>;
      readonly stdin: Uint8Array;
    }
  /** The launcher, which has that PID, has heard us and waits: from now on the request is ours. */
  | { readonly type: "go"; readonly pid: number | undefined }
  | { readonly type: "result"; readonly outcome: RawOutcome }
  /** errno of writing the final answer; 0: it was written. */
  | { readonly type: "delivered"; readonly errno: number };

/** What became of a program that the launcher ran. Signals and errors are numbers of this machine. */
export interface RawOutcome {
  readonly status: number | undefined;
  readonly signal: number;
  readonly timedOut: boolean;
  readonly overflow: boolean;
  /** Why it could not be started; 0: it was. */
  readonly errno: number;
  readonly stdout: Uint8Array;
  readonly stderr: string;
}

/** Reads frames from pieces as they come. */
export class FrameReader {
  private held: Buffer[] = [];
  private size = 0;
  private greeted = false;

  /** Returns the frames that are complete with this piece. Throws CniError `decode` for what no launcher says. */
  read(piece: Uint8Array): readonly FromLauncher[] {
    this.held.push(Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength));
    this.size += piece.byteLength;
    const frames: FromLauncher[] = [];
    for (let frame = this.next(); frame !== undefined; frame = this.next()) frames.push(frame);
    return frames;
  }

  private next(): FromLauncher | undefined {
    if (!this.greeted) {
      if (this.size < GREETING.byteLength) return undefined;
      if (!this.take(GREETING.byteLength).equals(GREETING))
        throw garbled("its first bytes are not those of protocol version 1");
      this.greeted = true;
    }
    if (this.size < HEADER_BYTES) return undefined;
    const header = this.peek(HEADER_BYTES);
    const length = header.readUInt32LE(1);
    if (length > MAX_FRAME) throw garbled(`a frame of ${length} bytes`);
    if (this.size < HEADER_BYTES + length) return undefined;
    this.take(HEADER_BYTES);
    return decode(String.fromCharCode(header[0] ?? 0), this.take(length));
  }

  private peek(bytes: number): Buffer {
    if ((this.held[0]?.byteLength ?? 0) < bytes) this.held = [Buffer.concat(this.held)];
    return (this.held[0] as Buffer).subarray(0, bytes);
  }

  private take(bytes: number): Buffer {
    if (bytes === 0) return Buffer.alloc(0);
    const taken = this.peek(bytes);
    const [first, ...rest] = this.held as [Buffer, ...Buffer[]];
    this.held = first.byteLength === bytes ? rest : [first.subarray(bytes), ...rest];
    this.size -= bytes;
    return taken;
  }
}

function decode(type: string, payload: Buffer): FromLauncher {
  switch (type) {
    case "Q":
      return decodeRequest(payload);
    case "G":
      return { type: "go", pid: payload.byteLength === 0 ? undefined : number(payload, 0) };
    case "R":
      return { type: "result", outcome: decodeOutcome(payload) };
    case "D":
      return { type: "delivered", errno: number(payload, 0) };
    default:
      throw garbled("a frame of an unknown type");
  }
}

function decodeRequest(payload: Buffer): FromLauncher {
  const bytes = number(payload, 0);
  if (4 + bytes > payload.byteLength) throw garbled("an environment that is longer than its frame");
  return {
    type: "request",
    env: environment(payload.subarray(4, 4 + bytes)),
    stdin: payload.subarray(4 + bytes),
  };
}

// Of a name that is there twice, getenv(3) finds the first.
function environment(bytes: Buffer): Readonly<Record<string, string>> {
  const env: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const pair of bytes.toString("utf8").split("\0")) {
    const at = pair.indexOf("=");
    const name = pair.slice(0, at);
    if (at > 0 && !(name in env)) env[name] = pair.slice(at + 1);
  }
  return env;
}

function decodeOutcome(payload: Buffer): RawOutcome {
  const [status, signal, flags, errno, bytes] = [0, 4, 8, 12, 16].map((at) => number(payload, at));
  const end = 20 + (bytes ?? 0);
  if (end > payload.byteLength) throw garbled("an output that is longer than its frame");
  return {
    status: status === NONE ? undefined : status,
    signal: signal ?? 0,
    timedOut: ((flags ?? 0) & 1) !== 0,
    overflow: ((flags ?? 0) & 2) !== 0,
    errno: errno ?? 0,
    stdout: payload.subarray(20, end),
    stderr: payload.toString("utf8", end),
  };
}

function number(payload: Buffer, at: number): number {
  if (at + 4 > payload.byteLength) throw garbled("a frame that is too short");
  return payload.readUInt32LE(at);
}

function garbled(what: string): CniError {
  return new CniError(
    "decode",
    `the launcher sent ${what}: install launcher and agent of one version`,
  );
}

/** The request was heard, and has this name from now on (see TAKEOVER in lib/attachment/takeover). */
export function hello(token: string): Buffer {
  return frame("H", Buffer.from(token, "latin1"));
}

/** The agent is stopping; the launcher does the request with the packed binary. */
export const notNow = (): Buffer => frame("N");

/** The request is waiting or being worked on. */
export const keepalive = (): Buffer => frame("K");

/** Asks the launcher to run a program; the outcome comes back. */
export function runProgram(request: ExecRequest): Buffer {
  const { path, args, env, stdin, timeoutMs, maxStdout, maxStderr } = request;
  const pairs = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  return frame(
    "X",
    ...[timeoutMs, maxStdout, maxStderr].map(numberBytes),
    ...sized(Buffer.from(path)),
    ...sized(strings(args)),
    ...sized(strings(pairs)),
    typeof stdin === "string" ? Buffer.from(stdin) : stdin,
  );
}

/** Text for the launcher's stderr. */
export function stderrText(text: string): Buffer {
  return frame("E", Buffer.from(text));
}

/** The answer, for the launcher's stdout, and its exit status once that is written. */
export function finalAnswer(status: number, text: string): Buffer {
  return frame("F", numberBytes(status), Buffer.from(text));
}

/** The end of a launcher that could not write the answer. */
export function end(status: number): Buffer {
  return frame("Z", numberBytes(status));
}

function frame(type: string, ...parts: readonly Uint8Array[]): Buffer {
  const header = Buffer.allocUnsafe(HEADER_BYTES);
  header[0] = type.charCodeAt(0);
  header.writeUInt32LE(
    parts.reduce((sum, part) => sum + part.byteLength, 0),
    1,
  );
  return Buffer.concat([header, ...parts]);
}

function sized(bytes: Buffer): readonly Buffer[] {
  return [numberBytes(bytes.byteLength), bytes];
}

function strings(texts: readonly string[]): Buffer {
  return Buffer.from(texts.map((text) => `${text}\0`).join(""));
}

function numberBytes(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32LE(Math.min(Math.max(0, Math.floor(value)), NONE));
  return bytes;
}

/** The outcome as every Exec reports it. `nameOf`: names of signals and errors of this machine. */
export function execOutcome(
  raw: RawOutcome,
  nameOf: { readonly signal: (n: number) => string; readonly errno: (n: number) => string },
): ExecOutcome {
  const { status, signal, timedOut, overflow, errno, stdout, stderr } = raw;
  return {
    exitCode: status ?? null,
    signal: signal === 0 ? null : nameOf.signal(signal),
    stdout,
    stderr,
    timedOut,
    overflow,
    spawnError: errno === 0 ? undefined : nameOf.errno(errno),
  };
}
