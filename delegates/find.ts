import { type BigIntStats, statSync } from "node:fs";
import { CniError } from "../lib/cni/error";
import { quote } from "../lib/cni/json";
import { isYoung, stampOf } from "../lib/node/files";
import { programProblem } from "./program";

/** A plugin type is a file name inside CNI_PATH, never a path (CVE-2021-20206). */
export function isPluginType(type: string): boolean {
  return type !== "" && type !== "." && type !== ".." && !/[/\u0000-\u001f\u007f]/.test(type);
}

// A path that cannot be followed (ELOOP, ENOTDIR, EACCES) counts as missing.
function fileAt(path: string): BigIntStats | undefined {
  try {
    const stat = statSync(path, { throwIfNoEntry: false, bigint: true });
    return stat?.isFile() === true ? stat : undefined;
  } catch {
    return undefined;
  }
}

/** Files that were found to be programs, as they were then. */
const programs = new Map<string, string>();
/** Plugins of a node, and those of a few versions ago. */
const KEPT = 64;

// A file that has not changed since need not be read for each pod. One that has just changed may change again unseen.
function problemOf(path: string, stat: BigIntStats): string | undefined {
  const stamp = stampOf(stat);
  if (programs.get(path) === stamp) return undefined;
  const problem = programProblem(path);
  if (programs.size >= KEPT) programs.clear();
  if (problem === undefined && !isYoung(stat)) programs.set(path, stamp);
  return problem;
}

/**
 * Finds a plugin in the directories of CNI_PATH, in order: the first regular file (after symbolic
 * links) of that name. Throws CniError `invalidConfig` for a type that is not a plain file name,
 * `delegateMissing` when no directory has it, or when what is there is no program.
 */
export function findPlugin(type: string, path: readonly string[]): string {
  if (!isPluginType(type)) {
    throw new CniError("invalidConfig", `plugin type ${quote(type)} is not a plain file name`);
  }
  for (const dir of path) {
    const candidate = `${dir.replace(/\/+$/, "")}/${type}`;
    const file = fileAt(candidate);
    if (file === undefined) continue;
    const problem = problemOf(candidate, file);
    if (problem === undefined) return candidate;
    throw new CniError(
      "delegateMissing",
      `plugin "${type}": the file ${candidate} ${problem}: install the plugin there again`,
    );
  }
  throw new CniError(
    "delegateMissing",
    `plugin "${type}" is in none of the directories of CNI_PATH (${path.join(", ")}): install it there`,
  );
}
