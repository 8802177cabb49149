/**
 * The lock of the one watcher that a network namespace may have, and what the watcher publishes for
 * the other commands.
 */
import { createHash } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { PluginConf } from "../../../conf/types";
import { CniError, ERRORS } from "../../cni/error";
import { isObject, own, parseJson } from "../../cni/json";
import { makeDirectory, replaceFile } from "../../node/files";
import { asOnlyOne, createLock } from "../../node/lock";
import { reasonOf } from "../../text/reason";
import { gatewayKey, type Health } from "../plan/gateways";
import type { ResolvedGateway } from "../model";

/** How long the next watcher waits for one that is just ending (ms). */
const TAKEOVER_MS = 3000;
const MODES = { file: 0o600, directory: 0o700 } as const;

export interface WatcherLock {
  /**
   * Runs the body as the only watcher: two with different views of the gateways would undo each
   * other's changes for ever. Throws CniError `tryAgainLater` when another one runs.
   */
  hold<T>(body: () => Promise<T>): Promise<T>;
  isHeld(): Promise<boolean>;
  /**
   * Keys of the gateways that were lost when the previous watcher ended; none when that is not
   * known.
   */
  lostBefore(): readonly string[];
  /**
   * For the watcher: publishes its configuration, and which gateways its routes leave out. Throws
   * CniError `journal`.
   */
  publish(conf: PluginConf, gateways: readonly ResolvedGateway[]): void;
  /** The watcher that runs now; undefined: none does. Throws CniError `journal`. */
  watcher(): Promise<RunningWatcher | undefined>;
}

export interface RunningWatcher {
  /** Which gateways it counts as working. */
  readonly health: Health;
  /** Whether it keeps the routes of this configuration. */
  readonly keeps: (conf: PluginConf) => boolean;
}

/** Gateways as the watcher that runs has them, for a look at the node; nothing where none runs. Throws CniError `journal`. */
export async function healthByWatcher(
  lock: Pick<WatcherLock, "watcher">,
): Promise<{ readonly health?: Health }> {
  const watcher = await lock.watcher();
  return watcher === undefined ? {} : { health: watcher.health };
}

/**
 * The lock of this network namespace, in `dir`, which must exist by the time that the lock is
 * taken.
 */
export function createWatcherLock(dir: string): WatcherLock {
  const own = join(dir, `watch-${statSync("/proc/self/ns/net").ino}`);
  const path = join(own, "watcher.json");
  const held = (): Promise<boolean> => isHeld(own);
  let published = "";
  return {
    hold: (body) => holdLock(own, body),
    lostBefore: () => lostIn(path),
    isHeld: held,
    publish: (conf, gateways) => {
      const lost = gateways.filter(({ unusable }) => unusable === "failed").map(gatewayKey);
      const text = JSON.stringify({ lost, routes: routesOf(conf) });
      if (text === published) return;
      wrapped(path, () => replaceFile(path, text, MODES));
      published = text;
    },
    watcher: async () => {
      if (!(await held())) return undefined;
      const { lost, routes } = wrapped(path, () => readPublished(path));
      return {
        health: (gateway) => !lost.includes(gatewayKey(gateway)),
        keeps: (conf) => routes === undefined || routes === routesOf(conf),
      };
    },
  };
}

async function holdLock<T>(own: string, body: () => Promise<T>): Promise<T> {
  makeDirectory(own, MODES.directory);
  const lock = createLock(own);
  return asOnlyOne(
    (held) => lock.hold(TAKEOVER_MS, held),
    body,
    `another wrapper routes watch is at work on this node (it holds the lock in ${own}/queue): stop it first`,
  );
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
    return readPublished(path).lost.filter((name) => typeof name === "string");
  } catch {
    return [];
  }
}

/** Nothing when no watcher has published anything yet. */
function readPublished(path: string): {
  readonly lost: readonly unknown[];
  readonly routes: unknown;
} {
  if (statSync(path, { throwIfNoEntry: false }) === undefined)
    return { lost: [], routes: undefined };
  const value = parseJson(readFileSync(path), path);
  const lost = isObject(value) ? own(value, "lost") : undefined;
  return {
    lost: Array.isArray(lost) ? lost : [],
    routes: isObject(value) ? own(value, "routes") : undefined,
  };
}

/** A digest of what the routes are made from. */
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
