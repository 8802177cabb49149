/** Scripted stand-ins for ports: they say what they were asked, in order, and answer from a script. */
import type { Exec, ExecOutcome, ExecRequest, Lock, Locks } from "../../lib/ports";
import type { Host } from "../../lib/node/host";

export const OUTCOME: ExecOutcome = {
  exitCode: 0,
  signal: null,
  stdout: new Uint8Array(),
  stderr: "",
  timedOut: false,
  overflow: false,
  spawnError: undefined,
};

/** What a program answers: its stdout, or any part of the outcome. */
export type Answer = string | Partial<ExecOutcome>;

/** Answers one run after the other from the script; a run beyond its end is an error. */
export class FakeExec implements Exec {
  readonly requests: ExecRequest[] = [];
  private readonly script: Answer[];

  constructor(...script: Answer[]) {
    this.script = script;
  }

  /** Program and arguments of every run so far, one string each. */
  get calls(): readonly string[] {
    return this.requests.map(({ path, args }) => [path, ...args].join(" "));
  }

  /** The stdin of every run that had one. */
  get inputs(): readonly string[] {
    return this.requests.map(({ stdin }) => String(stdin)).filter((stdin) => stdin !== "");
  }

  /** Runs that the script still expects. */
  get left(): number {
    return this.script.length;
  }

  async run(request: ExecRequest): Promise<ExecOutcome> {
    this.requests.push(request);
    const answer = this.script.shift();
    if (answer === undefined) throw new Error(`not in the script: ${this.calls.at(-1)}`);
    const outcome = {
      ...OUTCOME,
      ...(typeof answer === "string" ? { stdout: new TextEncoder().encode(answer) } : answer),
    };
    if (outcome.stderr !== "") request.onStderr?.(outcome.stderr);
    return outcome;
  }
}

/** A lock without waiting that tells whether it is held, and for how long each holder would have waited. */
export class FakeLock implements Lock {
  held = false;
  readonly waits: number[] = [];

  async hold<T>(timeoutMs: number, body: () => Promise<T>): Promise<T> {
    if (this.held) throw new Error("held twice");
    this.waits.push(timeoutMs);
    this.held = true;
    try {
      return await body();
    } finally {
      this.held = false;
    }
  }
}

/** The same for locks with names. */
export class FakeLocks extends FakeLock {
  readonly names: string[] = [];
  readonly port: Locks = {
    hold: (names, timeoutMs, body) => {
      this.names.push(...names);
      return this.hold(timeoutMs, body);
    },
    sweep: async () => {},
  };
}

/** A node with exactly these programs (all in /usr/sbin) and these legacy tables. */
export function fakeHost(
  part: {
    programs?: readonly string[];
    plain?: "nft" | "legacy";
    legacy4?: readonly string[];
    legacy6?: readonly string[];
    ipv6?: boolean;
  } = {},
): Host {
  const { programs = PROGRAMS, plain, legacy4 = [], legacy6 = [], ipv6 = true } = part;
  return {
    find: (name) => (programs.includes(name) ? `/usr/sbin/${name}` : undefined),
    iptablesVariant: () => plain,
    hasFamily: (family) => family === 4 || ipv6,
    legacyTables: (family) => (family === 4 ? legacy4 : legacy6),
  };
}

const PROGRAMS = ["nft", "legacy"].flatMap((variant) =>
  ["iptables", "ip6tables"].flatMap((tool) => [
    `${tool}-${variant}-save`,
    `${tool}-${variant}-restore`,
  ]),
);
