import { statSync } from "node:fs";
import { CniError } from "../lib/cni/error";
import { quote } from "../lib/cni/json";
import { programProblem } from "./program";

/** A plugin type is a file name inside CNI_PATH, never a path (CVE-2021-20206). */
export function isPluginType(type: string): boolean {
  return type !== "" && type !== "." && type !== ".." && !/[/\u0000-\u001f\u007f]/.test(type);
}

// A path that cannot be followed (ELOOP, ENOTDIR, EACCES) counts as missing.
function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    return false;
  }
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
    if (!isFile(candidate)) continue;
    const problem = programProblem(candidate);
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
