/** Pure: what is wrong with the runtime's choice of a conflist. */
import { isOurPlugin, pluginsOf } from "../../../conf/plugin-object";
import { own, type JsonObject } from "../../cni/json";
import { findingOf, type Finding } from "../finding";
import { RUNTIME } from "../kinds/runtime";
import { chooseConf, type ConfFile } from "./conf-dir";

/** A directory as it was read. */
export interface ConfDirView {
  readonly dir: string;
  readonly files: readonly ConfFile[];
}

/**
 * Everything that is wrong with it. `wanted`: the file that is meant to be used; undefined: the first
 * with our plugin.
 */
export function confFindings(
  { dir, files }: ConfDirView,
  wanted: string | undefined,
): readonly Finding[] {
  const { first, used, ours, aside } = chooseConf(files);
  const mine = wanted === undefined ? ours[0] : ours.find(({ name }) => name === wanted);
  const broken = files.filter(
    (file) => file.active && file.problem !== undefined && (file === first || file.mine),
  );
  return [
    ...broken.map(({ name, problem = "" }) =>
      findingOf(RUNTIME, "conflist-unreadable", { dir, file: name, problem }, name),
    ),
    ...(mine === undefined
      ? absence({ dir, used, aside, isBroken: broken.some((file) => file.mine) })
      : precedence({ dir, used, mine, ours })),
    ...(mine?.object === undefined ? [] : orderFindings({ dir, file: mine.name }, mine.object)),
  ];
}

interface Absence {
  readonly dir: string;
  readonly used: ConfFile | undefined;
  readonly aside: readonly ConfFile[];
  readonly isBroken: boolean;
}

function absence({ dir, used, aside, isBroken }: Absence): readonly Finding[] {
  if (isBroken) return [];
  // The last one: backups are numbered or dated.
  const file = aside.at(-1)?.name;
  if (file === undefined) {
    return [findingOf(RUNTIME, "conflist-missing", { dir, used: used?.name })];
  }
  const own = /^(.*?\.(?:conflist|conf|json))\b/.exec(file)?.[1] ?? `${file}.conflist`;
  const first = used === undefined || own < used.name ? own : nameBefore(own, used.name);
  const facts = { dir, file, used: used?.name, ours: own, first };
  return [findingOf(RUNTIME, "conflist-renamed", facts, file)];
}

interface Precedence {
  readonly dir: string;
  readonly used: ConfFile | undefined;
  readonly mine: ConfFile;
  readonly ours: readonly ConfFile[];
}

function precedence({ dir, used, mine, ours }: Precedence): readonly Finding[] {
  const before = used !== undefined && used !== mine ? [used] : [];
  return [
    ...before.map(({ name: file }) =>
      findingOf(
        RUNTIME,
        "another-conflist-first",
        { dir, file, ours: mine.name, first: nameBefore(mine.name, file) },
        file,
      ),
    ),
    ...ours
      .filter((file) => file !== mine && file !== used)
      .map(({ name: file }) =>
        findingOf(RUNTIME, "conflist-copy", { dir, file, ours: mine.name }, file),
      ),
  ];
}

/** `name` with a number in front of it that sorts before `other`. */
function nameBefore(name: string, other: string): string {
  const rest = name.replace(/^\d+-/, "");
  for (let zeros = "00"; ; zeros += "0")
    if (`${zeros}-${rest}` < other || zeros.length > 20) return `${zeros}-${rest}`;
}

/** Whether our plugin is where it has to be: in front, or chained behind a main plugin. */
function orderFindings(
  facts: { readonly dir: string; readonly file: string },
  object: JsonObject,
): readonly Finding[] {
  const plugins = pluginsOf(object);
  const at = plugins.findIndex(isOurPlugin);
  const chained = own(plugins[at] ?? {}, "delegate") === undefined;
  return chained === at > 0
    ? []
    : [findingOf(RUNTIME, "plugin-order", { ...facts, chained }, facts.file)];
}
