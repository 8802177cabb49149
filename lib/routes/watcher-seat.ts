/** The place of the one watcher that a network namespace may have, and what the watcher tells the other commands there. */
import { readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { CniError, ERRORS } from "../cni/error";
import { parseJson } from "../cni/json";
import { makeDirectory } from "../directory";
import { createLock } from "../lock";
import { gatewayKey, type Health } from "./gateways";
import { replaceFile } from "./replace-file";
import type { ResolvedGateway } from "./types";

/** How long a watcher that is just ending may hold up the next one (ms). */
const TAKEOVER_MS = 3000;
const MODES = { file: 0o600, directory: 0o700 } as const;

export interface WatcherSeat {
  /**
   * Runs the body as the only watcher: two with different views of the gateways would undo each
   * other's changes for ever. Throws CniError `tryAgainLater` when there is one already.
   */
  take<T>(body: () => Promise<T>): Promise<T>;
  taken(): Promise<boolean>;
  /** For the watcher: the gateways as its routes have them now. Throws CniError `journal`. */
  tell(gateways: readonly ResolvedGateway[]): void;
  /** What the watcher at work says of the gateways; undefined without one. Throws CniError `journal`. */
  health(): Promise<Health | undefined>;
}

/** The seat of this network namespace, in `dir`, which exists by the time that the seat is taken. */
export function createWatcherSeat(dir: string): WatcherSeat {
  const own = join(dir, `watch-${statSync("/proc/self/ns/net").ino}`);
  const path = join(own, "lost.json");
  const taken = (): Promise<boolean> => isHeld(own);
  let told = "";
  return {
    take: (body) => takeSeat(own, () => {
      // Of the watcher before, which may have been killed.
      rmSync(path, { force: true });
      return body();
    }),
    taken,
    tell: (gateways) => {
      const text = JSON.stringify(gateways.filter(({ unusable }) => unusable === "failed").map(gatewayKey));
      if (text === told) return;
      wrapped(path, () => replaceFile(path, text, MODES));
      told = text;
    },
    health: async () => {
      if (!(await taken())) return undefined;
      const lost = wrapped(path, () => readLost(path));
      return (gateway) => !lost.includes(gatewayKey(gateway));
    },
  };
}

async function takeSeat<T>(own: string, body: () => Promise<T>): Promise<T> {
  makeDirectory(own, MODES.directory);
  let started = false;
  try {
    return await createLock(own).hold(TAKEOVER_MS, () => {
      started = true;
      return body();
    });
  } catch (thrown) {
    if (started) throw thrown;
    throw new CniError("tryAgainLater", `another wrapper routes watch is at work on this node (it holds ${own}/lock): stop it first`, { cause: thrown });
  }
}

async function isHeld(own: string): Promise<boolean> {
  if (statSync(join(own, "lock"), { throwIfNoEntry: false }) === undefined) return false;
  try {
    await createLock(own).hold(0, async () => undefined);
    return false;
  } catch (thrown) {
    if (thrown instanceof CniError && thrown.code === ERRORS.tryAgainLater.code) return true;
    throw thrown;
  }
}

/** The names of the gateways that are out. None where the watcher has not told yet: it counts all as working at first. */
function readLost(path: string): readonly unknown[] {
  if (statSync(path, { throwIfNoEntry: false }) === undefined) return [];
  const value: unknown = parseJson(readFileSync(path), path);
  return Array.isArray(value) ? value : [];
}

function wrapped<T>(path: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    throw new CniError("journal", `what the watcher tells of the gateways, ${path}, is unusable (${(error as NodeJS.ErrnoException).code ?? (error as Error).message}): see that its directory is root's and has room, and restart wrapper routes watch`);
  }
}
