/** Our rules in iptables' filter FORWARD: only there can a DROP policy of the same table be answered. */
import { FAMILIES } from "../../net/family";
import { CniError, toCniError } from "../../cni/error";
import type { Backend, Exec } from "../../ports";
import { detectBackend } from "../../marks/detect";
import { localHost, type Host } from "../../node/host";
import { createTools, type Slot } from "../../marks/iptables/programs";
import type { ForwardRule } from "../model";

const OURS = /--comment "?tenant-routing routes"? /;
const SLOTS = (["nft", "legacy"] as const).flatMap((backend) =>
  FAMILIES.map((family): Slot => ({ backend, family })),
);

/** `problem` instead of `text`: a sentence about why there is none. */
export type Saved = { readonly where: string } & (
  { readonly text: string } | { readonly problem: string }
);

export interface ForwardTable {
  /** Ours, of both families; those of the flavour that is not in use say so. Throws CniError `rules` or `tryAgainLater`. */
  list(): Promise<readonly ForwardRule[]>;
  change(op: "insert" | "del", rule: ForwardRule): Promise<void>;
  /** What `iptables-save` prints of every flavour and family that has tables, each with its name, or why it prints nothing. Creates no table. */
  saved(): Promise<readonly Saved[]>;
}

export interface ForwardOptions {
  readonly exec: Exec;
  readonly configured: "auto" | Backend;
  readonly dataDir: string;
  readonly lockTimeoutMs: number;
  /** This node by default. */
  readonly host?: Host;
}

/** The FORWARD chain of this node. */
export function createForwardTable(options: ForwardOptions): ForwardTable {
  const { host = localHost } = options;
  const tools = createTools(options.exec, host, options);
  const backend = async (): Promise<Backend> =>
    (await detectBackend({ ...options, host, tools })).backend;
  const exists = ({ backend: flavour, family }: Slot, table?: string): boolean => {
    if (!tools.has({ backend: flavour, family }) || !host.hasFamily(family)) return false;
    if (flavour === "nft") return true;
    const tables = host.legacyTables(family);
    return table === undefined ? tables.length > 0 : tables.includes(table);
  };
  return {
    list: async () => {
      const flavour = await backend();
      const slots = SLOTS.filter((slot) => exists(slot, "filter"));
      const listings = await Promise.all(
        slots.map(async (slot) => oursIn(await tools.save(slot, "filter"), slot, flavour)),
      );
      return listings.flat();
    },
    change: async (op, rule) => {
      const verb = op === "insert" ? "-I" : "-D";
      await tools.restore(
        { backend: rule.backend ?? (await backend()), family: rule.family },
        `*filter\n${verb} FORWARD ${rule.spec}\nCOMMIT\n`,
      );
    },
    saved: async () => {
      return Promise.all(
        SLOTS.filter((slot) => exists(slot)).map(async (slot): Promise<Saved> => {
          const where = programName(slot);
          return tools.save(slot, undefined).then(
            (text) => ({ where, text }),
            (thrown: unknown) => ({ where, problem: toCniError(thrown).message }),
          );
        }),
      );
    },
  };
}

function oursIn(
  listing: string,
  { backend, family }: Slot,
  inUse: Backend,
): readonly ForwardRule[] {
  if (/^# Table `filter' is incompatible/m.test(listing)) {
    const table = `${family === 6 ? "ip6" : "ip"} filter`;
    throw new CniError(
      "rules",
      `the nftables table ${table} holds rules that iptables-nft cannot read, so ours cannot be told apart: see "nft list table ${table}", and move what was not added with iptables to a table of its own`,
    );
  }
  return listing
    .split("\n")
    .filter((line) => line.startsWith("-A FORWARD ") && OURS.test(line))
    .map((line) => ({
      family,
      spec: line.slice("-A FORWARD ".length),
      ...(backend === inUse ? {} : { backend }),
    }));
}

function programName({ backend, family }: Slot): string {
  return `${family === 6 ? "ip6tables" : "iptables"}-${backend}`;
}
