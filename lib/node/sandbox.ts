/** What a netns path says about a pod's sandbox. */
import { lstatSync, statSync } from "node:fs";
import { dirname } from "node:path";

/**
 * The place from which this process sees a netns path: the directory of the path and this process's
 * network namespace, as numbers. Another mount namespace may have another directory of that name, and
 * another network namespace has other rules. undefined for a path that will mean nothing later.
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

/** Returns `gone` only when it is certain: the path is missing in the same place as at the ADD. */
export function sandboxState(
  netns: string,
  seenFrom: string | undefined,
): "there" | "gone" | "unknown" {
  if (seenFrom === undefined || viewpoint(netns) !== seenFrom) return "unknown";
  try {
    // The process decides for a path of one of its threads: a thread may end before it.
    const process = /^\/proc\/[0-9]+(?=\/)/.exec(netns)?.[0];
    return lstatSync(process ?? netns, { throwIfNoEntry: false }) === undefined ? "gone" : "there";
  } catch {
    return "unknown";
  }
}

// /proc/self and /dev/fd mean something else to every process.
function placeOf(netns: string): string | undefined {
  if (/^\/proc\/[0-9]+\//.test(netns)) return "/proc";
  return netns.startsWith("/") && !/^\/(?:proc|dev)\//.test(netns) ? dirname(netns) : undefined;
}
