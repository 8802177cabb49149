/** Speaks the launcher's side of the agent's protocol (lib/agent/frames.ts, cmd/launcher/launcher.c). */
import { connect, type Socket } from "node:net";
import { constants } from "node:os";
import { GREETING } from "../../lib/agent/frames";
import { createExec } from "../../lib/node/exec";
import type { Exec, ExecOutcome, ExecRequest } from "../../lib/ports";

const NONE = 0xffffffff;
/** No answer takes longer; a test that waits for one fails with what has come so far. */
const LIMIT_MS = 120_000;

/** One frame of the agent. */
export interface AgentFrame {
  readonly type: string;
  readonly payload: Buffer;
}

/** What the runtime would have got. */
export interface Answered {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Programs that were run here, as the agent asked. */
  readonly programs: readonly ExecRequest[];
}

export interface Asking {
  /** The agent's socket. */
  readonly socket: string;
  readonly env: Readonly<Record<string, string>>;
  readonly stdin: string | Uint8Array;
  /** Runs the agent's programs; the real thing by default. */
  readonly exec?: Exec;
  /** errno of writing the final answer: as if the runtime had gone. */
  readonly deliveryErrno?: number;
}

/** A whole request, from the connection to the end. Throws when the agent said "not now" or went away. */
export async function ask(asking: Asking): Promise<Answered> {
  const launcher = await connectLauncher(asking.socket);
  try {
    launcher.send(GREETING, requestFrame(asking.env, asking.stdin));
    await launcher.next("H");
    launcher.send(goFrame());
    return await serve(launcher, asking);
  } finally {
    launcher.leave();
  }
}

/** From "go" on: runs programs, delivers the answer. Resolves as soon as a launcher would end. */
export async function serve(
  launcher: FakeLauncher,
  { exec = createExec(), deliveryErrno = 0 }: Pick<Asking, "exec" | "deliveryErrno">,
): Promise<Answered> {
  const programs: ExecRequest[] = [];
  let [stdout, stderr] = ["", ""];
  for (;;) {
    const { type, payload } = await launcher.next("X", "E", "F", "Z");
    if (type === "E") stderr += payload.toString("utf8");
    if (type === "Z") return { status: payload.readUInt32LE(0), stdout, stderr, programs };
    if (type === "X") {
      const program = decodeProgram(payload);
      programs.push(program);
      launcher.send(resultFrame(await exec.run(program)));
    }
    if (type === "F") {
      if (deliveryErrno === 0) stdout += payload.toString("utf8", 4);
      launcher.send(deliveredFrame(deliveryErrno));
      if (deliveryErrno === 0) return { status: payload.readUInt32LE(0), stdout, stderr, programs };
    }
  }
}

/** Connects, and says nothing yet. */
export async function connectLauncher(path: string): Promise<FakeLauncher> {
  const socket = connect(path);
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve).once("error", reject);
  });
  return new FakeLauncher(socket);
}

/** A connection to the agent, for tests that say things in an order of their own. */
export class FakeLauncher {
  /** Keepalives that have come so far. */
  keepalives = 0;
  private held: Buffer = Buffer.alloc(0);
  private readonly frames: AgentFrame[] = [];
  private closed = false;
  private wake = (): void => {};

  constructor(readonly socket: Socket) {
    socket.on("data", (piece: Buffer) => this.heard(piece));
    socket.on("error", () => {});
    for (const event of ["end", "close"])
      socket.on(event, () => {
        this.closed = true;
        this.wake();
      });
  }

  send(...bytes: readonly Uint8Array[]): void {
    this.socket.write(Buffer.concat(bytes));
  }

  /** The next frame that is no keepalive, which is to be of one of these types. */
  async next(...types: readonly string[]): Promise<AgentFrame> {
    const frame = await this.nextOrEnd();
    if (frame !== undefined && types.includes(frame.type)) return frame;
    throw new Error(`the agent sent ${frame?.type ?? "its end"} where ${types.join("/")} is due`);
  }

  /** The next frame that is no keepalive; undefined at the connection's end. */
  async nextOrEnd(): Promise<AgentFrame | undefined> {
    await this.until(() => this.frames.length > 0 || this.closed);
    return this.frames.shift();
  }

  /** Waits for a condition that changes only with what the agent sends. */
  async until(condition: () => boolean): Promise<void> {
    const deadline = Date.now() + LIMIT_MS;
    while (!condition()) {
      const left = deadline - Date.now();
      if (left <= 0) throw new Error("the agent has said nothing for too long");
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  /** Goes away, as a launcher that was killed. */
  leave(): void {
    this.socket.destroy();
  }

  private heard(piece: Buffer): void {
    this.held = Buffer.concat([this.held, piece]);
    while (this.held.byteLength >= 5) {
      const end = 5 + this.held.readUInt32LE(1);
      if (this.held.byteLength < end) break;
      const frame = {
        type: String.fromCharCode(this.held[0] ?? 0),
        payload: this.held.subarray(5, end),
      };
      if (frame.type === "K") this.keepalives++;
      else this.frames.push(frame);
      this.held = this.held.subarray(end);
    }
    this.wake();
  }
}

/** Any frame. */
export function frame(type: string, ...parts: readonly Uint8Array[]): Buffer {
  const payload = Buffer.concat(parts);
  return Buffer.concat([Buffer.from(type, "latin1"), u32(payload.byteLength), payload]);
}

/** "Q" */
export function requestFrame(
  env: Readonly<Record<string, string>>,
  stdin: string | Uint8Array,
): Buffer {
  const pairs = Object.entries(env).map(([name, value]) => `${name}=${value}\0`);
  const block = Buffer.from(pairs.join(""));
  return frame("Q", u32(block.byteLength), block, Buffer.from(stdin));
}

/** "G" */
export function goFrame(pid = process.pid): Buffer {
  return frame("G", u32(pid));
}

/** "D" */
export function deliveredFrame(errno: number): Buffer {
  return frame("D", u32(errno));
}

/** "R" */
export function resultFrame(outcome: ExecOutcome): Buffer {
  const { exitCode, signal, timedOut, overflow, spawnError, stdout, stderr } = outcome;
  return frame(
    "R",
    u32(exitCode ?? NONE),
    u32(signal === null ? 0 : constants.signals[signal as NodeJS.Signals]),
    u32((timedOut ? 1 : 0) | (overflow ? 2 : 0)),
    u32(spawnError === undefined ? 0 : errnoOf(spawnError)),
    u32(stdout.byteLength),
    stdout,
    Buffer.from(stderr),
  );
}

/** Number as the protocol has them. */
export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

/** "X" as its receiver sees it. */
export function decodeProgram(payload: Buffer): ExecRequest {
  const [timeoutMs, maxStdout, maxStderr] = [0, 4, 8].map((at) => payload.readUInt32LE(at));
  let at = 12;
  const sized = (): Buffer => {
    const start = at + 4;
    at = start + payload.readUInt32LE(at);
    return payload.subarray(start, at);
  };
  const path = sized().toString("utf8");
  const args = strings(sized());
  const env = strings(sized()).map((pair) => {
    const equals = pair.indexOf("=");
    return [pair.slice(0, equals), pair.slice(equals + 1)] as const;
  });
  return {
    timeoutMs: timeoutMs ?? 0,
    maxStdout: maxStdout ?? 0,
    maxStderr: maxStderr ?? 0,
    path,
    args,
    env: Object.fromEntries(env),
    stdin: payload.subarray(at),
  };
}

function strings(bytes: Buffer): readonly string[] {
  return bytes.toString("utf8").split("\0").slice(0, -1);
}

function errnoOf(name: string): number {
  return (constants.errno as Readonly<Record<string, number>>)[name] ?? constants.errno.EIO;
}
