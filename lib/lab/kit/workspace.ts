/** A lab's machines and files, from the first to the last; and what labs that were kept or killed left. */
import {
  lstatSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { isObject, own, parseJson } from "../../cni/json";
import { isAlive, ownProcess } from "../../node/processes";
import { createMachine, kill, type Machine } from "./machines";
import { createShell, type Shell } from "./shell";
import type { Transcript } from "./transcript";

const BASE = "/tmp";
const NAME = "tenant-routing-lab.";
const PREFIX = /^trl[0-9]+[a-z]?$/;
const NETNS_DIR = "/run/netns";

export interface Workspace {
  /** Everything of the lab that is a file. */
  readonly dir: string;
  /** What the names of all its network namespaces begin with. */
  readonly prefix: string;
  /** The network namespaces of its machines, in the order in which they were made. */
  readonly namespaces: readonly string[];
  /** A new machine, with nothing but `lo`. */
  machine(name: string): Promise<Machine>;
  /** Kills what runs on its machines; they stay. */
  killAll(): void;
  /** Keeps it after this process has ended, until `removeLeft`. */
  keep(): void;
}

let made = 0;

/** A workspace without machines. Labs run beside each other: names have the process ID, and a letter for each workspace of this process. */
export function createWorkspace(shell: Shell, transcript: Transcript): Workspace {
  const prefix = `trl${process.pid}${String.fromCharCode(97 + (made++ % 26))}`;
  const dir = mkdtempSync(join(BASE, NAME));
  const namespaces: string[] = [];
  writeFileSync(join(dir, "owner"), JSON.stringify(ownProcess()));
  writeFileSync(join(dir, "prefix"), prefix);
  return {
    dir,
    prefix,
    namespaces,
    machine: async (name) => {
      const machine = await createMachine(name, `${prefix}-${name}`, {
        shell,
        transcript,
        log: join(dir, "background.log"),
      });
      namespaces.push(machine.netns);
      return machine;
    },
    killAll: () => killIn(namespacesOf(prefix)),
    keep: () => rmSync(join(dir, "owner")),
  };
}

/** Removes a workspace's processes, machines and files, however far it got. */
export async function removeWorkspace(dir: string): Promise<void> {
  const prefix = prefixOf(dir);
  // Not the lab's shell: that one refuses to work once the lab was interrupted.
  const shell = createShell();
  if (prefix !== undefined) {
    killIn(namespacesOf(prefix));
    for (const netns of namespacesOf(prefix)) {
      killIn([netns]);
      await shell.run(["ip", "netns", "del", netns]);
    }
  }
  rmSync(dir, { recursive: true, force: true });
}

/** Removes every workspace whose lab was killed, and (`kept`) those that were kept. Returns their directories. */
export async function removeLeft({ kept }: { readonly kept: boolean }): Promise<readonly string[]> {
  const left = readdirSync(BASE)
    .filter((name) => name.startsWith(NAME))
    .map((name) => join(BASE, name))
    .filter((dir) => isLeft(dir, kept));
  for (const dir of left) await removeWorkspace(dir);
  return left;
}

// Anybody can make such a name in /tmp: only directories of root count.
function isLeft(dir: string, kept: boolean): boolean {
  const about = lstatSync(dir, { throwIfNoEntry: false });
  if (about === undefined || !about.isDirectory() || about.uid !== 0 || prefixOf(dir) === undefined)
    return false;
  const owner = readOr(join(dir, "owner"), "null");
  const value = parseJson(Buffer.from(owner), "owner");
  if (!isObject(value)) return kept;
  return !isAlive({ pid: Number(own(value, "pid")), startTime: String(own(value, "startTime")) });
}

function prefixOf(dir: string): string | undefined {
  const prefix = readOr(join(dir, "prefix"), "").trim();
  return PREFIX.test(prefix) ? prefix : undefined;
}

function namespacesOf(prefix: string): readonly string[] {
  try {
    return readdirSync(NETNS_DIR).filter((name) => name.startsWith(`${prefix}-`));
  } catch {
    return [];
  }
}

/** Kills every process in these namespaces, until a look finds none: they may be starting new ones. */
function killIn(namespaces: readonly string[]): void {
  const inodes = new Set(namespaces.map((name) => inodeOf(join(NETNS_DIR, name))));
  inodes.delete(undefined);
  for (let look = 0; look < 5; look += 1) {
    const pids = readdirSync("/proc").filter(
      (name) => /^[0-9]+$/.test(name) && inodes.has(inodeOf(`/proc/${name}/ns/net`)),
    );
    if (pids.length === 0) return;
    pids.map(Number).forEach(kill);
  }
}

// With the device: a name whose namespace was never mounted is a plain file, with a number of another kind.
function inodeOf(path: string): string | undefined {
  try {
    const { dev, ino } = statSync(path, { bigint: true });
    return `${dev}:${ino}`;
  } catch {
    return undefined;
  }
}

function readOr(path: string, otherwise: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return otherwise;
  }
}
