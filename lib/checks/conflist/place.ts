/** Pure: where a conflist is to be in net.d, and what the runtime would make of it there. */
import { basename, dirname, resolve } from "node:path";
import type { ConfFile } from "../../cni/conflist";
import { findingOf, type Finding } from "../finding";
import { SETTINGS } from "../kinds/settings";
import { isRead, netDirOf, type NetDir } from "../net-dir";
import { confFindings, nameBefore } from "../runtime/conf-findings";

/** The file that is judged, and the directory that the runtime reads. */
export interface Placing {
  /** As it was named; `stdin`. */
  readonly file: string;
  readonly bytes: Uint8Array;
  readonly dir: string;
  readonly runtime: "containerd" | "CRI-O";
  readonly entries: readonly ConfFile[];
  /** The name under which the distribution copies the file into the directory; undefined: it copies none. */
  readonly copiedAs?: string | undefined;
}

/** What the runtime would make of it. */
export interface Place {
  /** The name that the file has or gets in the directory. */
  readonly name: string;
  /** Whether the runtime reads the file where it is. */
  readonly installed: boolean;
  readonly findings: readonly Finding[];
}

/** Where no conflist of ours is yet. */
export const DEFAULT_NAME = "10-tenant-routing.conflist";

/** Judges the directory as it will be once the file is switched on. */
export function placeOf(placing: Placing): Place {
  const { file, bytes, dir, runtime, entries } = placing;
  const [own, installed] = ownName(placing);
  const before = netDirOf(entries, runtime);
  const name = own ?? before.ours?.name ?? DEFAULT_NAME;
  if (installed) return { name, installed, findings: confFindings({ dir, net: before }, name) };
  const others = entries.filter((entry) => ![name, basename(file)].includes(entry.name));
  const net = netDirOf([...others, { name, content: bytes }], runtime);
  return {
    ...{ name, installed },
    findings: [...behind(placing, name, net.used?.name), ...renamings(dir, net)],
  };
}

function behind({ file, dir }: Placing, name: string, other = name): readonly Finding[] {
  if (other === name) return [];
  const facts = { file, dir, other, name, first: nameBefore(name, other) };
  return [findingOf(SETTINGS, "sorts-behind", facts, other)];
}

function renamings(dir: string, { renamed }: NetDir): readonly Finding[] {
  const file = renamed.find(({ by }) => by !== undefined)?.name;
  return file === undefined ? [] : [findingOf(SETTINGS, "renamed-before", { dir, file }, file)];
}

/** The name that the file brings along or gets, and whether it is in the directory under it. */
function ownName(placing: Placing): readonly [name: string | undefined, installed: boolean] {
  const { file, dir, copiedAs } = placing;
  const name = basename(file);
  const isThere = dirname(resolve(file)) === resolve(dir);
  if (isRead(name) && isThere) return [name, true];
  return [copiedAs ?? (isRead(name) ? name : undefined), false];
}
