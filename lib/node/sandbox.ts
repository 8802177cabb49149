/** What can be told of a pod's sandbox from its netns path. */
import { lstatSync, statSync } from "node:fs";
import { dirname } from "node:path";

/**
 * From where a process sees a netns path: the directory that holds such paths and the network namespace
 * that it is in, as numbers. Another mount namespace may have another directory of that name, another
 * network namespace has other rules. undefined where there is none, or for paths that say nothing later.
 */
export function viewpoint(netns: string): string | undefined {
  try {
    const place = placeOf(netns);
    if (place === undefined) return undefined;
    const [directory, network] = [statSync(place), statSync("/proc/self/ns/net")];
    return `${directory.dev}:${directory.ino} ${network.dev}:${network.ino}`;
  } catch {
    return undefined;
  }
}

/** `gone` only when that is certain: seen from where it was seen at the ADD, the path is not there any more. */
export function sandboxState(
  netns: string,
  seenFrom: string | undefined,
): "there" | "gone" | "unknown" {
  if (seenFrom === undefined || viewpoint(netns) !== seenFrom) return "unknown";
  try {
    // Of a process, the process counts: one of its threads may end before it.
    const process = /^\/proc\/[0-9]+(?=\/)/.exec(netns)?.[0];
    return lstatSync(process ?? netns, { throwIfNoEntry: false }) === undefined ? "gone" : "there";
  } catch {
    return "unknown";
  }
}

// A process's own names for things (/proc/self, /dev/fd) mean something else to every other process.
function placeOf(netns: string): string | undefined {
  if (/^\/proc\/[0-9]+\//.test(netns)) return "/proc";
  return netns.startsWith("/") && !/^\/(?:proc|dev)\//.test(netns) ? dirname(netns) : undefined;
}
