/** Pure: where a conflist is to be in net.d, and what the runtime would make of it there. */
import { basename, dirname, resolve } from "node:path";
import type { ConfFile } from "../../cni/conflist";
import { findingOf, type Finding } from "../finding";
import { CONFLIST } from "../kinds/conflist";
import { isRead, netDirOf } from "../net-dir";
import { confFindings, nameBefore } from "../runtime/conf-findings";

/** The file that is judged, and the directory that the runtime reads. */
export interface Placing {
  /** As it was named; `stdin`. */
  readonly file: string;
  readonly bytes: Uint8Array;
  readonly dir: string;
  readonly runtime: "containerd" | "CRI-O";
  readonly entries: readonly ConfFile[];
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
  const { used } = net;
  if (used === undefined || used.name === name) return { name, installed, findings: [] };
  const facts = { file, dir, other: used.name, name, first: nameBefore(name, used.name) };
  return {
    ...{ name, installed },
    findings: [findingOf(CONFLIST, "sorts-behind", facts, used.name)],
  };
}

/** The name that the file brings along, and whether it is in the directory under it. */
function ownName({ file, dir }: Placing): readonly [name: string | undefined, installed: boolean] {
  const name = basename(file);
  if (!isRead(name)) return [undefined, false];
  return [name, dirname(resolve(file)) === resolve(dir)];
}
