/** What can be told of a pod's sandbox from its netns path. */
import { lstatSync, statSync } from "node:fs";
import { dirname } from "node:path";

/** The inode of the machine's first PID namespace (PROC_PID_INIT_INO, include/linux/proc_ns.h). */
const FIRST_PID_NAMESPACE = 0xeffffffc;

/**
 * `gone` only when that is certain: the path is not there although the place where such paths are is. A
 * command in another mount namespace sees neither, one in another PID namespace not the processes.
 */
export function sandboxState(netns: string): "there" | "gone" | "unknown" {
  const place = /^\/proc\/[0-9]+\//.test(netns)
    ? processesSeenFromHere()
    : netns === ""
      ? undefined
      : dirname(netns);
  if (place === undefined) return "unknown";
  try {
    if (lstatSync(netns, { throwIfNoEntry: false }) !== undefined) return "there";
    return statSync(place).isDirectory() ? "gone" : "unknown";
  } catch {
    return "unknown";
  }
}

function processesSeenFromHere(): string | undefined {
  try {
    return statSync("/proc/self/ns/pid").ino === FIRST_PID_NAMESPACE ? "/proc" : undefined;
  } catch {
    return undefined;
  }
}
