/** Pure: what the schema and the rules between keys refuse, and capabilities that are missing. */
import { confProblems } from "../../../conf/load";
import { pointerOf, type Problem } from "../../../conf/problem";
import { asHandedOver, isOwnPlugin, listedPlugins } from "../../cni/conflist";
import { isObject, own, type JsonObject } from "../../cni/json";
import { findingOf, type Finding } from "../finding";
import { SETTINGS } from "../kinds/settings";
import type { ReadConflist } from "./read";

/** Plugins that do nothing unless the runtime tells them something, and what that is. */
const CAPABILITIES: Readonly<Record<string, readonly [capability: string, without: string]>> = {
  portmap: ["portMappings", "hostPort"],
  bandwidth: ["bandwidth", "a limit by annotation"],
};
/** Keys that our plugin gets from the list. */
const FROM_LIST: readonly string[] = ["name", "cniVersion"];

/** Our plugin object as libcni hands it over; undefined: it is not there. */
export function ownNetconf({ object, plugins }: ReadConflist): JsonObject | undefined {
  const ours = plugins.find(isOwnPlugin);
  if (ours === undefined || listedPlugins(object) === undefined) return ours;
  return asHandedOver(object, ours);
}

/** Everything that ADD would refuse in our plugin's own settings, each with its line. */
export function settingFindings(conflist: ReadConflist): readonly Finding[] {
  const netconf = ownNetconf(conflist);
  if (netconf === undefined) return [];
  // What only ADD knows (prevResult) is judged by the order of the list.
  return confProblems(netconf, "STATUS").map((problem) => settingFinding(conflist, problem));
}

function settingFinding(conflist: ReadConflist, { path, what, hint }: Problem): Finding {
  const { file, plugins, lineOf, pathOf } = conflist;
  const isListed = FROM_LIST.includes(path[0] ?? "");
  const base = isListed ? [] : pathOf(plugins.findIndex(isOwnPlugin));
  const pointer = pointerOf(path);
  const facts = {
    ...{ file, line: lineOf([...base, ...path]), pointer, hint },
    problem: `${pointer} ${what}`,
  };
  return findingOf(SETTINGS, "setting", facts, pointer);
}

/** Plugins behind ours that the runtime would not tell what they are there for. */
export function capabilityFindings(conflist: ReadConflist): readonly Finding[] {
  const { file, plugins, lineOf, pathOf } = conflist;
  return plugins.flatMap((plugin, i) => {
    const type = String(own(plugin, "type"));
    const needed = Object.hasOwn(CAPABILITIES, type) ? CAPABILITIES[type] : undefined;
    if (needed === undefined) return [];
    const [capability, without] = needed;
    const capabilities = own(plugin, "capabilities");
    if (isObject(capabilities) && own(capabilities, capability) === true) return [];
    const facts = { file, line: lineOf(pathOf(i)), type, capability, without };
    return [findingOf(SETTINGS, "capability-missing", facts, type)];
  });
}
