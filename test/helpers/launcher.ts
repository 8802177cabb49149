/** Runs the launcher, as built and with sanitizers, beside a script that stands for the packed binary. */
import { execFileSync, spawn } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { startAgent, type Peer } from "./fake-agent";

const ROOT = resolve(__dirname, "../..");
const SOURCE = join(ROOT, "cmd/launcher/launcher.c");
/** What tests are run with: the static program, and one in which wrong memory and lost memory are errors. */
export const BUILDS = ["as built", "with sanitizers"] as const;
type Build = (typeof BUILDS)[number];
const PACKED = `#!/bin/sh
printf 'packed [%s] [%s]\\n' "$*" "\${TENANT_ROUTING_TAKEOVER-none}"
exec cat
`;

export interface Ran {
  readonly status: number | null;
  readonly signal: string | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

export interface LaunchOptions {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly stdin?: string | Buffer | "never ends";
  /** Shell text before the launcher, which is "$@". */
  readonly shell?: string;
  /** Our end of stdout is closed before the launcher can write to it. */
  readonly deaf?: boolean;
}

export interface Launcher {
  /** Fresh for each test. */
  readonly dir: string;
  readonly socket: string;
  readonly env: Readonly<Record<string, string>>;
  /** The launcher under the plugin's name, and what lies beside it. */
  readonly plugin: string;
  readonly packed: string;
  run(options?: LaunchOptions): Promise<Ran>;
  /** Runs it against an agent of this script. Fails when the script does. */
  against(script: (peer: Peer) => Promise<void> | void, options?: LaunchOptions): Promise<Ran>;
}

/** What the stand-in for the packed binary prints. */
export function packed(stdin: string, takeover = "none", args = ""): Buffer {
  return Buffer.from(`packed [${args}] [${takeover}]\n${stdin}`);
}

function make(build: Build, output: string): void {
  if (build === "as built") return copyFileSync(join(ROOT, "dist/tenant-routing-launcher"), output);
  const flags = ["-std=c11", "-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover"];
  execFileSync("gcc", [...flags, "-o", output, SOURCE], { stdio: "inherit" });
}

/** Call it in a `describe`. */
export function useLauncher(build: Build): Launcher {
  const launcher = {} as { -readonly [K in keyof Launcher]: Launcher[K] };
  let root = "";
  let serial = 0;
  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), "launcher-"));
    launcher.plugin = join(root, "plugin");
    launcher.packed = join(root, "tenant-routing-wrapper.bin");
    make(build, launcher.plugin);
  });
  beforeEach(() => {
    launcher.dir = join(root, `case-${++serial}`);
    mkdirSync(launcher.dir);
    launcher.socket = join(launcher.dir, "agent.sock");
    launcher.env = {
      PATH: "/usr/bin:/bin",
      CNI_COMMAND: "ADD",
      TENANT_ROUTING_AGENT_SOCKET: launcher.socket,
      // Long enough for every machine: tests of the deadline itself set a short one.
      TENANT_ROUTING_AGENT_TIMEOUT_MS: "30000",
    };
    rmSync(launcher.packed, { force: true });
    writeFileSync(launcher.packed, PACKED, { mode: 0o755 });
  });
  afterAll(() => rmSync(root, { recursive: true, force: true }));
  launcher.run = (options) => run(launcher, options ?? {});
  launcher.against = async (script, options) => {
    const agent = await startAgent(launcher.socket, script);
    try {
      const ran = await launcher.run(options);
      await agent.served;
      return ran;
    } finally {
      await agent.close();
    }
  };
  return launcher;
}

function run({ plugin, env }: Launcher, options: LaunchOptions): Promise<Ran> {
  const { args = [], stdin = "{}", shell } = options;
  const command = [plugin, ...args];
  const [program = "", ...words] =
    shell === undefined ? command : ["/bin/sh", "-c", `${shell}\nexec "$@"`, "sh", ...command];
  const child = spawn(program, words, { env: { ...env, ...options.env } });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on("data", (bytes: Buffer) => out.push(bytes));
  child.stderr.on("data", (bytes: Buffer) => err.push(bytes));
  child.stdin.on("error", () => undefined);
  if (options.deaf === true) child.stdout.destroy();
  if (stdin !== "never ends") child.stdin.end(stdin);
  return new Promise((done, failed) => {
    child.on("error", failed);
    child.on("close", (status, signal) => {
      child.stdin.destroy();
      const stderr = Buffer.concat(err).toString();
      done({ status, signal, stdout: Buffer.concat(out), stderr });
    });
  });
}
