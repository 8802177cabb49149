/** Pure: whether a file is a list of plugins with ours in it, in a protocol that ours speaks. */
import { closest } from "../../../conf/schema-problems";
import { isOwnPlugin, listedPlugins, OWN_TYPES, readConfFile } from "../../cni/conflist";
import { own } from "../../cni/json";
import { IMPLIED_VERSION, isSupported, SUPPORTED_VERSIONS } from "../../cni/version";
import { findingOf, type Finding } from "../finding";
import { CONFLIST } from "../kinds/conflist";
import { SETTINGS } from "../kinds/settings";
import type { ReadConflist } from "./read";

/** What is wrong with the form of `conflist`, whose file is to have the name `name` in net.d. */
export function formFindings(conflist: ReadConflist, name: string): readonly Finding[] {
  const { file, object } = conflist;
  const content = Buffer.from(JSON.stringify(object));
  const problem = readConfFile({ name, content }).fault;
  const refused =
    problem === undefined ? [] : [findingOf(CONFLIST, "no-conflist", { file, problem }, file)];
  const isSingle = problem === undefined && listedPlugins(object) === undefined;
  return [
    ...refused,
    ...(isSingle ? [findingOf(CONFLIST, "single-plugin", { file }, file)] : []),
    ...ownFindings(conflist),
    ...versionFindings(conflist),
  ];
}

function ownFindings({ file, plugins }: ReadConflist): readonly Finding[] {
  const ours = plugins.filter(isOwnPlugin);
  if (ours.length > 1) return [findingOf(CONFLIST, "own-plugin-twice", { file }, file)];
  if (ours.length === 1) return [];
  const types = plugins.flatMap((plugin) => {
    const type = own(plugin, "type");
    return typeof type === "string" ? [type] : [];
  });
  for (const type of types) {
    const meant = closest(type, OWN_TYPES);
    if (meant !== undefined)
      return [findingOf(CONFLIST, "own-type-mistyped", { file, type, meant }, type)];
  }
  return [findingOf(CONFLIST, "no-plugin-of-ours", { file, types }, file)];
}

function versionFindings({ file, object, lineOf }: ReadConflist): readonly Finding[] {
  const version = own(object, "cniVersion") ?? IMPLIED_VERSION;
  if (version === "" || (typeof version === "string" && isSupported(version))) return [];
  const shown = typeof version === "string" ? version : JSON.stringify(version);
  const facts = { file, line: lineOf(["cniVersion"]), version: shown, known: SUPPORTED_VERSIONS };
  return [findingOf(SETTINGS, "protocol-unknown", facts, file)];
}
