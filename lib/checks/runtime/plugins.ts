/** The plugins that an ADD needs, in the directories where the runtime looks. */
import { accessSync, constants, readFileSync, statSync } from "node:fs";
import type { PluginConf } from "../../../conf/types";
import { isPluginType } from "../../../delegates/find";
import { effectiveDelegate } from "../../../delegates/netconf";
import { programProblem } from "../../../delegates/program";
import { isOwnPlugin, listedPlugins } from "../../cni/conflist";
import { isObject, own, type Json, type JsonObject } from "../../cni/json";
import { findingOf, type Finding } from "../finding";
import { RUNTIME } from "../kinds/runtime";

/** A plugin, and what it is there for. */
export interface NeededPlugin {
  readonly type: string;
  readonly role: string;
  /** It is our own. */
  readonly ours: boolean;
}

/** Larger than any launcher, smaller than any packed binary (bytes). */
const LAUNCHER_BYTES = 1024 * 1024;
/** What the launcher says when it is alone. */
const LAUNCHER_SIGN = "install the packed binary under that name beside it";

/** Pure: every plugin that the list needs, each once: its own, the delegates and their IPAM. */
export function neededPlugins(
  list: JsonObject,
  conf: Pick<PluginConf, "delegate" | "tenants">,
): readonly NeededPlugin[] {
  const listed = (listedPlugins(list) ?? [list]).map((plugin) => ({
    type: typeOf(plugin),
    role: isOwnPlugin(plugin) ? "our plugin" : "in the list",
    ours: isOwnPlugin(plugin),
  }));
  const { delegate, tenants = [] } = conf;
  const patched = tenants.flatMap(({ name, delegate: patch }) =>
    delegate === undefined || patch === undefined
      ? []
      : [{ whose: ` of tenant ${name}`, netconf: effectiveDelegate(delegate, patch) }],
  );
  const delegates = delegate === undefined ? [] : [{ whose: "", netconf: delegate }, ...patched];
  const all = [
    ...listed,
    ...delegates.flatMap(({ whose, netconf }) => [
      { type: typeOf(netconf), role: `delegate${whose}`, ours: false },
      { type: typeOf(own(netconf, "ipam")), role: `IPAM of the delegate${whose}`, ours: false },
    ]),
  ].filter(({ type }) => isPluginType(type));
  // The first role counts: a tenant's patch mostly keeps the type.
  return all.filter(({ type }, i) => all.findIndex((each) => each.type === type) === i);
}

function typeOf(plugin: Json | undefined): string {
  const type = isObject(plugin) ? own(plugin, "type") : undefined;
  return typeof type === "string" ? type : "";
}

/** Where plugins are: the runtime's directories, others that are common, and this program itself. */
export interface PluginPlaces {
  readonly dirs: readonly string[];
  readonly others: readonly string[];
  /** Path of the packed binary, for a launcher that lacks it. */
  readonly binary: string;
}

/** What was found of one plugin. */
export interface FoundPlugin extends NeededPlugin {
  /** undefined: nowhere. */
  readonly path: string | undefined;
  readonly findings: readonly Finding[];
}

/** Looks for one plugin as the runtime does: the first regular file of its name counts. */
export function findNeeded(needed: NeededPlugin, places: PluginPlaces): FoundPlugin {
  const { type } = needed;
  const facts = { ...needed, dirs: places.dirs };
  const path = fileIn(places.dirs, type);
  if (path === undefined) {
    const elsewhere = needed.ours ? places.binary : fileIn(places.others, type);
    const findings = [findingOf(RUNTIME, "plugin-missing", { ...facts, elsewhere }, type)];
    return { ...needed, path, findings };
  }
  const problem = programProblem(path);
  if (problem !== undefined || !isExecutable(path))
    return {
      ...needed,
      path,
      findings: [findingOf(RUNTIME, "plugin-unusable", { ...facts, path, problem }, path)],
    };
  const alone = isLauncher(path) && !isProgram(`${path}.bin`);
  return {
    ...needed,
    path,
    findings: alone
      ? [findingOf(RUNTIME, "launcher-alone", { path, binary: places.binary }, path)]
      : [],
  };
}

function fileIn(dirs: readonly string[], type: string): string | undefined {
  return dirs.map((dir) => `${dir.replace(/\/+$/, "")}/${type}`).find(isFile);
}

function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function isProgram(path: string): boolean {
  return isFile(path) && programProblem(path) === undefined && isExecutable(path);
}

/** True for our launcher, whatever its name. */
function isLauncher(path: string): boolean {
  return statSync(path).size < LAUNCHER_BYTES && readFileSync(path).includes(LAUNCHER_SIGN);
}
