/** The place of the one watcher that a network namespace may have, and what the watcher tells the other commands there. */
import { createHash } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { PluginConf } from "../../../conf/types";
import { CniError, ERRORS } from "../../cni/error";
import { isObject, own, parseJson } from "../../cni/json";
import { makeDirectory, replaceFile } from "../../node/files";
import { createLock } from "../../node/lock";
import { reasonOf } from "../../text/reason";
import { gatewayKey, type Health } from "../plan/gateways";
import type { ResolvedGateway } from "../model";

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
  /** Names of the gateways that were lost when the watcher before ended; none where that is not known. */
  lostBefore(): readonly string[];
  /** For the watcher: what it keeps true, and the gateways as its routes have them now. Throws CniError `journal`. */
  tell(conf: PluginConf, gateways: readonly ResolvedGateway[]): void;
  /** The watcher at work; undefined without one. Throws CniError `journal`. */
  watcher(): Promise<WatcherAtWork | undefined>;
}

export interface WatcherAtWork {
  /** What it says of the gateways. */
  readonly health: Health;
  /** Whether the routes that it keeps are those of this configuration. */
  readonly keeps: (conf: PluginConf) => boolean;
}

/** The seat of this network namespace, in `dir`, which exists by the time that the seat is taken. */
export function createWatcherSeat(dir: string): WatcherSeat {
  const own = join(dir, `watch-${statSync("/proc/self/ns/net").ino}`);
  const path = join(own, "watcher.json");
  const taken = (): Promise<boolean> => isHeld(own);
  let told = "";
  return {
    take: (body) => takeSeat(own, body),
    lostBefore: () => lostIn(path),
    taken,
    tell: (conf, gateways) => {
      const lost = gateways.filter(({ unusable }) => unusable === "failed").map(gatewayKey);
      const text = JSON.stringify({ lost, routes: routesOf(conf) });
      if (text === told) return;
      wrapped(path, () => replaceFile(path, text, MODES));
      told = text;
    },
    watcher: async () => {
      if (!(await taken())) return undefined;
      const { lost, routes } = wrapped(path, () => readTold(path));
      return {
        health: (gateway) => !lost.includes(gatewayKey(gateway)),
        keeps: (conf) => routes === undefined || routes === routesOf(conf),
      };
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
    throw new CniError(
      "tryAgainLater",
      `another wrapper routes watch is at work on this node (it holds the lock in ${own}/queue): stop it first`,
      { cause: thrown },
    );
  }
}

async function isHeld(own: string): Promise<boolean> {
  if (statSync(join(own, "queue"), { throwIfNoEntry: false }) === undefined) return false;
  try {
    await createLock(own).hold(0, async () => undefined);
    return false;
  } catch (thrown) {
    if (thrown instanceof CniError && thrown.code === ERRORS.tryAgainLater.code) return true;
    throw thrown;
  }
}

function lostIn(path: string): readonly string[] {
  try {
    return readTold(path).lost.filter((name) => typeof name === "string");
  } catch {
    return [];
  }
}

/** Nothing where no watcher has told anything yet. */
function readTold(path: string): { readonly lost: readonly unknown[]; readonly routes: unknown } {
  if (statSync(path, { throwIfNoEntry: false }) === undefined)
    return { lost: [], routes: undefined };
  const value = parseJson(readFileSync(path), path);
  const lost = isObject(value) ? own(value, "lost") : undefined;
  return {
    lost: Array.isArray(lost) ? lost : [],
    routes: isObject(value) ? own(value, "routes") : undefined,
  };
}

/** What of a configuration the routes are made from, as one word. */
function routesOf({ tenants, routes, iptables }: PluginConf): string {
  return createHash("sha256")
    .update(JSON.stringify([tenants, routes, iptables]))
    .digest("hex");
}

function wrapped<T>(path: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    throw new CniError(
      "journal",
      `what the watcher tells of the gateways, ${path}, is unusable (${reasonOf(error)}): see that its directory is root's and has room, and restart wrapper routes watch`,
    );
  }
}
