/** Whether the plugins that a conflist needs are there, and speak its cniVersion. */
import type { PluginConf } from "../../../conf/types";
import { closest } from "../../../conf/schema-problems";
import { isOwnPlugin, OWN_TYPES } from "../../cni/conflist";
import { CniError } from "../../cni/error";
import { isObject, own, parseJson, type Json } from "../../cni/json";
import type { Exec } from "../../ports";
import { findingOf, type Finding } from "../finding";
import { CONFLIST } from "../kinds/conflist";
import { SETTINGS } from "../kinds/settings";
import { findNeeded, neededPlugins, type FoundPlugin, type PluginPlaces } from "../runtime/plugins";
import type { ReadConflist } from "./read";

/** Where plugins are, and which there are. */
export interface Plugins extends PluginPlaces {
  /** Names of the files in `dirs`. */
  readonly names: readonly string[];
}

/** How long a plugin may take to say which versions it speaks (ms). */
const ANSWER_MS = 5000;

/** The plugins that are needed, with what is wrong: those that are missing with what may have been meant. */
export function needed(
  { file, object, plugins: listed }: ReadConflist,
  conf: Pick<PluginConf, "delegate" | "tenants">,
  plugins: Plugins,
): readonly FoundPlugin[] {
  const hasOurs = listed.some(isOwnPlugin);
  return neededPlugins(object, conf).map((each) => {
    const found = findNeeded(each, plugins);
    const { type, role, path } = found;
    if (path !== undefined || found.ours) return found;
    // Said already: our own type is mistyped.
    if (!hasOurs && closest(type, OWN_TYPES) !== undefined) return { ...found, findings: [] };
    const meant = closest(type, plugins.names);
    if (meant === undefined) return found;
    const facts = { file, type, role, meant, dirs: plugins.dirs };
    return { ...found, findings: [findingOf(CONFLIST, "plugin-mistyped", facts, type)] };
  });
}

/**
 * Asks every plugin that was found which versions it speaks (VERSION changes nothing). Throws CniError
 * `delegateFailed` for one that does not answer.
 */
export async function protocolFindings(
  { file, object, lineOf }: ReadConflist,
  found: readonly FoundPlugin[],
  exec: Exec,
): Promise<readonly Finding[]> {
  const version = own(object, "cniVersion");
  if (typeof version !== "string" || version === "") return [];
  const asked = await Promise.all(
    found.map(async ({ type, path, ours, findings }) =>
      path === undefined || ours || findings.length > 0
        ? []
        : [{ type, path, spoken: await spokenBy(path, exec) }],
    ),
  );
  return asked.flat().flatMap(({ type, path, spoken }) => {
    if (spoken.includes(version)) return [];
    const facts = { file, line: lineOf(["cniVersion"]), type, path, version };
    const newest = spoken.at(-1) ?? "";
    return [findingOf(SETTINGS, "protocol-too-new", { ...facts, newest }, type)];
  });
}

/** The versions that the plugin at `path` speaks, oldest first (CNI specification, VERSION). */
async function spokenBy(path: string, exec: Exec): Promise<readonly string[]> {
  const { stdout } = await exec.run({
    ...{ path, args: [], timeoutMs: ANSWER_MS, maxStdout: 4096, maxStderr: 4096 },
    env: { CNI_COMMAND: "VERSION" },
    stdin: '{"cniVersion":"1.0.0"}',
  });
  const versions = versionsIn(stdout, path);
  if (versions.length > 0) return versions;
  throw new CniError("delegateFailed", `${path} does not say which CNI versions it speaks`);
}

function versionsIn(answer: Uint8Array, path: string): readonly string[] {
  let value: Json;
  try {
    value = parseJson(answer, path);
  } catch {
    return [];
  }
  const versions = isObject(value) ? own(value, "supportedVersions") : undefined;
  return Array.isArray(versions)
    ? (versions as readonly Json[]).filter((each) => typeof each === "string")
    : [];
}
