/** Our rules in iptables' filter FORWARD: only there can a DROP policy of the same table be answered. */
import type { Backend, Exec, Family } from "../ports";
import { detectBackend } from "../rules/detect";
import { localHost } from "../rules/host";
import { createTools, type Slot } from "../rules/tools";
import type { ForwardRule } from "./types";

const OURS = /--comment "?tenant-routing routes"? /;
const BACKENDS: readonly Backend[] = ["nft", "legacy"];
const FAMILIES: readonly Family[] = [4, 6];

export interface ForwardTable {
  /** Ours, of both families, in the flavour in use. Throws CniError `rules` or `tryAgainLater`. */
  list(): Promise<readonly ForwardRule[]>;
  change(op: "insert" | "del", rule: ForwardRule): Promise<void>;
  /** What `iptables-save` prints of every flavour and family that has tables, each with its name. Creates no table. */
  saved(): Promise<readonly { readonly where: string; readonly text: string }[]>;
}

export interface ForwardOptions {
  readonly exec: Exec;
  readonly configured: "auto" | Backend;
  readonly dataDir: string;
  readonly lockTimeoutMs: number;
}

/** The FORWARD chain of this node. */
export function createForwardTable(options: ForwardOptions): ForwardTable {
  const tools = createTools(options.exec, localHost, options.lockTimeoutMs);
  const backend = async (): Promise<Backend> => (await detectBackend({ ...options, host: localHost, tools })).backend;
  const exists = ({ backend: flavour, family }: Slot, table?: string): boolean => {
    if (!tools.has({ backend: flavour, family }) || !localHost.hasFamily(family)) return false;
    if (flavour === "nft") return true;
    const tables = localHost.legacyTables(family);
    return table === undefined ? tables.length > 0 : tables.includes(table);
  };
  return {
    list: async () => {
      const flavour = await backend();
      const slots = FAMILIES.map((family) => ({ backend: flavour, family })).filter((slot) => exists(slot, "filter"));
      const listings = await Promise.all(slots.map(async (slot) => oursIn(await tools.save(slot, "filter"), slot.family)));
      return listings.flat();
    },
    change: async (op, rule) => {
      const verb = op === "insert" ? "-I" : "-D";
      await tools.restore({ backend: await backend(), family: rule.family }, `*filter\n${verb} FORWARD ${rule.spec}\nCOMMIT\n`);
    },
    saved: async () => {
      const slots = BACKENDS.flatMap((flavour) => FAMILIES.map((family) => ({ backend: flavour, family }))).filter((slot) => exists(slot));
      return Promise.all(slots.map(async (slot) => ({ where: programName(slot), text: await tools.save(slot, undefined) })));
    },
  };
}

function oursIn(listing: string, family: Family): readonly ForwardRule[] {
  return listing
    .split("\n")
    .filter((line) => line.startsWith("-A FORWARD ") && OURS.test(line))
    .map((line) => ({ family, spec: line.slice("-A FORWARD ".length) }));
}

function programName({ backend, family }: Slot): string {
  return `${family === 6 ? "ip6tables" : "iptables"}-${backend}`;
}
