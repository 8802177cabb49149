import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { toCniError } from "../../lib/cni/error";
import { findConf, runtimeConfDir, type FoundConf } from "../conflist";
import type { Say } from "./say";

/** How often it is looked whether the conflist has changed (ms). */
const LOOK_MS = 2000;

/** The configuration as it is now. */
export interface Settings {
  readonly current: () => FoundConf;
  /** Called after each change that is used. */
  onChange(listener: () => void): void;
  /** Looks now whether the file has changed. */
  look(): void;
  /** Reads the file again, whether it has changed or not. */
  reload(): void;
  stop(): void;
}

/**
 * Reads the conflist in `path`, or the first one of the runtime's directory that has our plugin, and again whenever
 * it changes. One that is wrong is reported, and the one before it stays. Throws CniError as findConf does
 * when the first one is unusable.
 */
export function openSettings(path: string | undefined, say: Say): Settings {
  let found = findConf(path);
  let seen = signatureOf(path);
  const listeners: (() => void)[] = [];
  const reload = (): void => {
    seen = signatureOf(path);
    try {
      const next = usable(findConf(path, "STATUS"), found);
      const isSame = JSON.stringify(next.conf) === JSON.stringify(found.conf);
      found = next;
      if (isSame) return;
    } catch (thrown) {
      const { message } = toCniError(thrown);
      say({
        event: "condition",
        message: `${found.path} was read again and is not used, the configuration before it stays: ${message}`,
      });
      return;
    }
    say({ event: "reload", message: `${found.path} was read again and is used from now on` });
    for (const listener of listeners) listener();
  };
  const look = (): void => {
    if (signatureOf(path) !== seen) reload();
  };
  const timer = setInterval(look, LOOK_MS);
  return {
    current: () => found,
    onChange: (listener) => void listeners.push(listener),
    look,
    reload,
    stop: () => clearInterval(timer),
  };
}

// These are where everybody finds the record and the agent.
function usable(next: FoundConf, before: FoundConf): FoundConf {
  for (const [key, now, then] of [
    ["dataDir", next.conf.dataDir, before.conf.dataDir],
    ["agent.socket", next.conf.agent.socket, before.conf.agent.socket],
  ] as const)
    if (now !== then) throw new Error(`another "${key}" needs a restart of wrapper agent`);
  return next;
}

function signatureOf(path: string | undefined): string {
  try {
    return (path === undefined ? filesIn(runtimeConfDir()) : [path]).map(stampOf).join(" ");
  } catch {
    return "unreadable";
  }
}

function filesIn(dir: string): readonly string[] {
  return readdirSync(dir).map((name) => join(dir, name));
}

function stampOf(file: string): string {
  const stat = statSync(file, { throwIfNoEntry: false, bigint: true });
  return stat === undefined ? "absent" : `${file} ${stat.ino} ${stat.size} ${stat.mtimeNs}`;
}
