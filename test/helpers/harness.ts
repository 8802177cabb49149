/**
 * Drives the packed binary as a runtime does, inside a network namespace of the test file's own.
 * Fixture delegates (test/fixtures/bin) stand in for real plugins and record what they were given.
 */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { cniEnvironment } from "../../lib/lab/kit/libcni";
import type { Conf } from "./conf";
import { createFirewall, type Firewall } from "./firewall";
import { BINARY, launch } from "./launch";
import { stopAgents } from "./mode";
import { readCalls, type Outcome } from "./outcome";
import { addNetns, sh } from "./shell";
import { createToolbox, type Toolbox } from "./toolbox";

const ROOT = resolve(__dirname, "../..");
export { BINARY } from "./launch";
export const FIXTURES = join(ROOT, "test/fixtures/bin");
export const POD_UID = "6c2a5b0e-54b1-4f43-8f0a-0f5d1e1f2a3b";
/** Files that the product keeps in its data directory between attachments. */
export const KEPT =
  /^(queue|generation|collected|iptables-backend|guard|marks-(?:iptables|nftables))$/;

export interface RunOptions {
  /** The netconf as an object (dataDir and logFile are filled in), or the exact bytes of stdin. */
  readonly conf?: Conf | string | Uint8Array;
  /** Changes to the environment; undefined removes a variable. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly id?: string;
  /** CNI_NETNS. */
  readonly netns?: string;
  /** What the delegate `ok` gives to the interface. */
  readonly ip?: string;
  /** The ADD's outcome: its result becomes prevResult, its container the container. */
  readonly after?: Outcome;
  /** Shell text that runs in the namespace, in a mount namespace of this run, before the binary is exec'ed. */
  readonly wrap?: string;
  readonly argv?: readonly string[];
  readonly stdin?: "data" | "open" | "closed";
  /** What becomes of our end of the binary's stdout: read (default), closed at once, or never read. */
  readonly stdout?: "read" | "closed" | "stuck";
  /** kill -9: after that many milliseconds, or as soon as the condition holds. */
  readonly killAfterMs?: number;
  readonly killWhen?: () => boolean;
  /** Watches the memory of the run, at the cost of a look every few milliseconds. */
  readonly measure?: boolean;
}

/** One verb's part for the delegate `scripted`. */
export interface Part {
  readonly stdout?: string | Uint8Array;
  readonly stderr?: string;
  readonly exit?: number;
  /** Shell text; $PPID is the binary. */
  readonly run?: string;
}

export interface World {
  /** The network namespace that stands for the node, and one that stands for the pod. */
  readonly netns: string;
  readonly podNetns: string;
  /** This test's directory, and what is in it. */
  readonly dir: string;
  readonly dataDir: string;
  readonly logFile: string;
  readonly firewall: Firewall;
  readonly toolbox: Toolbox;
  /** A container ID that no other test on this machine uses. */
  newId(): string;
  run(verb: string | undefined, options?: RunOptions): Promise<Outcome>;
  /** Writes the script of the delegate `scripted`, by verb. */
  script(parts: Readonly<Record<string, Part>>): void;
  /** Everything of ours that is still there: rules, journal records, the delegate's state. */
  leftovers(): readonly string[];
  /** Journal records by file name. */
  records(): readonly string[];
  log(): string;
}

/** A world per test file; its directories and rules are fresh for every test. Call it at the top of the file. */
export function useWorld(): World {
  const world = {} as { -readonly [K in keyof World]: World[K] };
  const base = `trc-${process.pid}`;
  let root = "";
  let serial = 0;
  beforeAll(() => {
    if (!existsSync(BINARY)) throw new Error(`${BINARY} is missing: run npm run build`);
    for (const name of [base, `${base}-pod`]) addNetns(name);
    sh("ip", "-n", base, "link", "set", "lo", "up");
    root = mkdtempSync(join(tmpdir(), `${base}-`));
    Object.assign(world, build(world, base, root));
  });
  beforeEach(() => {
    Object.assign(world, caseDirectories(join(root, `case-${++serial}`)));
    world.firewall.flush();
  });
  afterAll(async () => {
    await stopAgents();
    for (const name of [base, `${base}-pod`]) sh("ip", "netns", "del", name);
    rmSync(root, { recursive: true, force: true });
  });
  return world;
}

function caseDirectories(dir: string): Pick<World, "dir" | "dataDir" | "logFile"> {
  for (const name of ["calls", "state", "script"]) mkdirSync(join(dir, name), { recursive: true });
  return { dir, dataDir: join(dir, "data"), logFile: join(dir, "wrapper.log") };
}

function build(
  world: World,
  netns: string,
  root: string,
): Omit<World, "dir" | "dataDir" | "logFile"> {
  const firewall = createFirewall(netns);
  let serial = 0;
  // Unique on the machine: DEL looks for left-over processes of its container everywhere.
  const newId = (): string => `${netns}-${Date.now().toString(36)}-${++serial}`;
  let lastId = newId();
  return {
    netns,
    podNetns: `/run/netns/${netns}-pod`,
    firewall,
    toolbox: createToolbox(root),
    newId,
    run: async (verb, options = {}) => {
      const id = options.id ?? options.after?.id ?? (verb === "ADD" ? newId() : lastId);
      lastId = id;
      return perform(world, verb, { ...options, id });
    },
    script: (parts) => {
      for (const [verb, part] of Object.entries(parts))
        writePart(join(world.dir, "script", verb), part);
    },
    leftovers: () => {
      const records = world.records().filter((name) => !KEPT.test(name));
      const state = readdirSync(join(world.dir, "state"));
      return [
        ...firewall.ours(),
        ...records.map((name) => `data: ${name}`),
        ...state.map((name) => `state: ${name}`),
      ];
    },
    records: () => (existsSync(world.dataDir) ? readdirSync(world.dataDir) : []),
    log: () => (existsSync(world.logFile) ? readFileSync(world.logFile, "utf8") : ""),
  };
}

function writePart(path: string, part: Part): void {
  const files = { out: part.stdout, err: part.stderr, sh: part.run, exit: part.exit?.toString() };
  for (const [suffix, content] of Object.entries(files)) {
    if (content === undefined) rmSync(`${path}.${suffix}`, { force: true });
    else writeFileSync(`${path}.${suffix}`, content);
  }
}

async function perform(
  world: World,
  verb: string | undefined,
  options: RunOptions & { id: string },
): Promise<Outcome> {
  const calls = mkdtempSync(join(world.dir, "calls/run-"));
  const ran = await launch({
    netns: world.netns,
    command: [BINARY, ...(options.argv ?? [])],
    env: environment(world, verb, calls, options),
    stdin: stdinOf(world, options),
    options,
  });
  return { ...ran, id: options.id, calls: readCalls(calls) };
}

/** What a runtime sets for this run. `calls`: where fixtures write down what they were given. */
export function environment(
  world: World,
  verb: string | undefined,
  calls: string,
  options: RunOptions & { id: string },
): Record<string, string> {
  const sandbox = {
    id: options.id,
    netns: options.netns ?? world.podNetns,
    ifname: "eth0",
    pod: { namespace: "team-a", name: "web-0", uid: POD_UID },
  };
  const all: Record<string, string | undefined> = {
    PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
    TR_CALLS: calls,
    TR_STATE: join(world.dir, "state"),
    TR_SCRIPT: join(world.dir, "script"),
    TR_FIXTURES: FIXTURES,
    TR_IP: options.ip ?? "10.77.0.5/24",
    ...cniEnvironment("ADD", sandbox, FIXTURES),
    CNI_COMMAND: verb,
    ...options.env,
  };
  return Object.fromEntries(
    Object.entries(all).filter((pair): pair is [string, string] => pair[1] !== undefined),
  );
}

/** The stdin of this run. */
export function stdinOf(world: World, options: RunOptions): string | Uint8Array {
  const conf = options.conf ?? "";
  if (typeof conf === "string" || conf instanceof Uint8Array) return conf;
  const prevResult = options.after?.json === undefined ? {} : { prevResult: options.after.json };
  const { dataDir, logFile } = world;
  return JSON.stringify({ dataDir, logFile, ...prevResult, ...conf });
}
