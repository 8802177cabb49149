/** Pure: what is wrong with the runtime's choice of a conflist. */
import { isOwnPlugin, listedPlugins, type ReadFile } from "../../cni/conflist";
import { own, type JsonObject } from "../../cni/json";
import { findingOf, type Finding } from "../finding";
import { RUNTIME } from "../kinds/runtime";
import type { NetDir } from "../net-dir";

/** A directory as the runtime sees it. */
export interface ConfDirView {
  readonly dir: string;
  readonly net: NetDir;
}

/**
 * Everything that is wrong with it. `wanted`: the file that is meant to be used; undefined: the first
 * with our plugin.
 */
export function confFindings({ dir, net }: ConfDirView, wanted?: string): readonly Finding[] {
  const { files, used } = net;
  const mine = wanted === undefined ? net.ours : files.find(({ name }) => name === wanted);
  const broken = files.filter(
    (file) =>
      file.fault !== undefined &&
      (file === used || file === files[0] || file.ours || mine === undefined),
  );
  return [
    ...broken.map(({ name, fault = "" }) =>
      findingOf(RUNTIME, "conflist-unreadable", { dir, file: name, problem: fault }, name),
    ),
    ...(mine === undefined
      ? absence({ dir, net }, broken.length > 0)
      : precedence({ dir, net }, mine)),
  ];
}

function absence({ dir, net: { used, renamed } }: ConfDirView, isBroken: boolean) {
  const before = used?.fault === undefined ? used?.name : undefined;
  // The last one: backups are numbered or dated.
  const aside = renamed.at(-1);
  const first = (name: string): string =>
    before === undefined || name < before ? name : nameBefore(name, before);
  if (aside === undefined) {
    const facts = { dir, used: before, first: first("10-tenant-routing.conflist") };
    return isBroken ? [] : [findingOf(RUNTIME, "conflist-missing", facts)];
  }
  const { name: file, by } = aside;
  const ours = /^(.*?\.(?:conflist|conf|json))\b/.exec(file)?.[1] ?? `${file}.conflist`;
  return [
    findingOf(
      RUNTIME,
      "conflist-renamed",
      { dir, file, by, used: before, first: first(ours) },
      file,
    ),
  ];
}

function precedence({ dir, net: { used, files } }: ConfDirView, mine: ReadFile) {
  const other = used !== mine && used?.fault === undefined ? used : undefined;
  const copies = files.filter((file) => file.ours && ![mine, used].includes(file));
  const facts = { dir, ours: mine.name };
  return [
    ...(other === undefined
      ? []
      : [
          findingOf(
            RUNTIME,
            "another-conflist-first",
            { ...facts, file: other.name, first: nameBefore(mine.name, other.name) },
            other.name,
          ),
        ]),
    ...copies.map(({ name: file }) =>
      findingOf(RUNTIME, "conflist-copy", { ...facts, file }, file),
    ),
  ];
}

/** What names may begin with, each before the one before it: by their bytes `+` < `-` < `0`. */
const FRONTS = ["00-", "0-", "+"];

/** A name for the file `name` that sorts before `other`. */
export function nameBefore(name: string, other: string): string {
  const rest = name.replace(/^[\d+]*-/, "");
  const names = FRONTS.map((front) => `${front}${rest}`);
  return names.find((each) => each < other) ?? `+${other}`;
}

/** Whether our plugin is where it has to be: in front, or chained behind a main plugin. */
export function orderFindings(
  facts: { readonly dir: string; readonly file: string },
  list: JsonObject,
): readonly Finding[] {
  const plugins = listedPlugins(list);
  if (plugins === undefined) return [];
  const at = plugins.findIndex(isOwnPlugin);
  const chained = own(plugins[at] ?? {}, "delegate") === undefined;
  return chained === at > 0
    ? []
    : [findingOf(RUNTIME, "plugin-order", { ...facts, chained }, facts.file)];
}
