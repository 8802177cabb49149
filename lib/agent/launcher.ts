/** One launcher as its request sees it: where the programs run and where the answer goes. */
import { constants } from "node:os";
import type { Socket } from "node:net";
import { CniError, toCniError } from "../cni/error";
import type { Exec, ExecOutcome, ExecRequest } from "../ports";
import {
  end,
  execOutcome,
  finalAnswer,
  FrameReader,
  hello,
  keepalive,
  notNow,
  runProgram,
  stderrText,
  type FromLauncher,
  type RawOutcome,
} from "./frames";

/** A launcher counts the agent as dead or frozen after ten times as long without a sign (ms). */
const KEEPALIVE_MS = 1000;
/** A launcher that has connected says at once what it wants; one that does not is none (ms). */
const FIRST_WORDS_MS = 10_000;

/** A request, and the process that asks it for the runtime. */
export interface Launcher {
  readonly env: Readonly<Record<string, string>>;
  readonly stdin: Uint8Array;
  /** Its PID; undefined where it did not say. */
  readonly pid: number | undefined;
  /** When it connected, by performance.now(). */
  readonly since: number;
  /** Runs a program there, in the runtime's cgroup; here, once the launcher is gone. */
  readonly exec: Exec;
  /** Never throws. */
  stderr(text: string): void;
  /**
   * Gives the final answer and the exit status. Throws CniError `io` when the runtime did not take it, and
   * `superseded` when the launcher is gone; programs may be run after that.
   */
  answer(status: number, text: string): Promise<void>;
  /** True when the launcher has ended, so that nobody hears the answer. */
  isGone(): boolean;
}

export interface Reception {
  /** Names the request: it is `<pid> <start time> <request>`, as its records have it. */
  readonly token: string;
  /** Where programs run once the launcher is gone. */
  readonly localExec: Exec;
  /** True while the agent is stopping: the launcher does without it. */
  readonly isStopping: () => boolean;
}

/**
 * Talks to a launcher up to its "go". Returns undefined for one that left before, or was sent away;
 * nothing has been done for it then, and nothing must be. Throws CniError `decode` for what no launcher says.
 */
export async function receive(
  socket: Socket,
  reception: Reception,
): Promise<Conversation | undefined> {
  const conversation = new Conversation(socket, reception.localExec);
  const timer = setTimeout(() => socket.destroy(), FIRST_WORDS_MS);
  try {
    const request = await conversation.next("request");
    if (request === undefined) return undefined;
    conversation.env = request.env;
    conversation.stdin = request.stdin;
    if (reception.isStopping()) {
      socket.end(notNow());
      return undefined;
    }
    socket.write(hello(reception.token));
    const go = await conversation.next("go");
    if (go === undefined) return undefined;
    conversation.pid = go.pid;
    conversation.keepAlive();
    return conversation;
  } finally {
    clearTimeout(timer);
  }
}

type Frame<T extends FromLauncher["type"]> = Extract<FromLauncher, { type: T }>;

/** The exchange of frames with one launcher, from its first words to its end. */
export class Conversation implements Launcher {
  env: Readonly<Record<string, string>> = {};
  stdin: Uint8Array = new Uint8Array();
  pid: number | undefined;
  readonly since = performance.now();
  readonly exec: Exec = { run: (request) => this.run(request) };
  private readonly reader = new FrameReader();
  private readonly unread: FromLauncher[] = [];
  private error: CniError | undefined;
  private gone = false;
  private delivered = false;
  private timer: NodeJS.Timeout | undefined;
  private wake = (): void => {};

  constructor(
    private readonly socket: Socket,
    private readonly localExec: Exec,
  ) {
    socket.on("data", (piece: Buffer) => this.heard(piece));
    // A launcher that was killed resets the connection; its end says all there is to know.
    socket.on("error", () => {});
    for (const event of ["end", "close"]) socket.on(event, () => this.left());
  }

  keepAlive(): void {
    this.timer = setInterval(() => this.socket.write(keepalive()), KEEPALIVE_MS);
  }

  /** The next frame, of that type; undefined when the launcher left first. Throws CniError `decode` for another. */
  async next<T extends FromLauncher["type"]>(type: T): Promise<Frame<T> | undefined> {
    while (this.unread.length === 0 && this.error === undefined && !this.gone)
      await new Promise<void>((resolve) => (this.wake = resolve));
    const frame = this.unread.shift();
    if (frame?.type === type) return frame as Frame<T>;
    if (frame === undefined && this.error === undefined) return undefined;
    throw (
      this.error ??
      new CniError("decode", `the launcher sent "${frame?.type}" where "${type}" is due`)
    );
  }

  isGone(): boolean {
    return this.gone;
  }

  stderr(text: string): void {
    if (!this.gone) this.socket.write(stderrText(text));
  }

  async answer(status: number, text: string): Promise<void> {
    // The launcher ends with its answer, and whatever is written to one that has ended takes away what it said last.
    clearInterval(this.timer);
    if (!this.gone) this.socket.write(finalAnswer(status, text));
    const said = await this.next("delivered");
    if (said === undefined)
      throw new CniError("superseded", "the process that asked has ended before it had the answer");
    this.delivered = said.errno === 0;
    if (this.delivered) return;
    this.keepAlive();
    throw new CniError(
      "io",
      `I/O failure: the answer could not be written: ${errnoName(said.errno)}`,
    );
  }

  /** Lets the launcher go; one that has its answer has gone by itself. */
  end(status: number): void {
    clearInterval(this.timer);
    if (this.gone) return;
    if (!this.delivered) this.socket.write(end(status));
    this.socket.end();
  }

  private async run(request: ExecRequest): Promise<ExecOutcome> {
    if (this.gone) return this.localExec.run(request);
    this.socket.write(runProgram(request));
    const answer = await this.next("result");
    return execOutcome(answer?.outcome ?? LAUNCHER_ENDED, {
      signal: signalName,
      errno: errnoName,
    });
  }

  private heard(piece: Buffer): void {
    try {
      this.unread.push(...this.reader.read(piece));
    } catch (thrown) {
      this.error = toCniError(thrown);
      this.socket.destroy();
    }
    this.wake();
  }

  private left(): void {
    this.gone = true;
    clearInterval(this.timer);
    this.wake();
  }
}

/** What it was running goes on without it; whoever undoes the request ends that first. */
const LAUNCHER_ENDED: RawOutcome = {
  status: undefined,
  signal: constants.signals.SIGKILL,
  timedOut: false,
  overflow: false,
  errno: 0,
  stdout: new Uint8Array(),
  stderr: "the launcher that ran it has ended",
};

function signalName(signal: number): string {
  return nameIn(constants.signals, signal) ?? `signal ${signal}`;
}

function errnoName(errno: number): string {
  return nameIn(constants.errno, errno) ?? `error ${errno}`;
}

function nameIn(names: Readonly<Record<string, number>>, value: number): string | undefined {
  return Object.entries(names).find(([, number]) => number === value)?.[0];
}
