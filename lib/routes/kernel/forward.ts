/**
 * Our rules in iptables' filter FORWARD. Only there can a packet escape a DROP policy of that
 * chain.
 */
import { FAMILIES } from "../../net/family";
import { CniError, toCniError } from "../../cni/error";
import type { Exec } from "../../ports";
import { detectVariant } from "../../marks/iptables/variant";
import { localHost, type Host, type IptablesVariant } from "../../node/host";
import { createTools, type Slot } from "../../marks/iptables/programs";
import type { ForwardRule } from "../model";

const OURS = /--comment "?tenant-routing routes"? /;
const SLOTS = (["nft", "legacy"] as const).flatMap((variant) =>
  FAMILIES.map((family): Slot => ({ variant, family })),
);

/** What one program prints; `problem`: a sentence about why it prints nothing. */
export type Saved = { readonly program: string } & (
  { readonly text: string } | { readonly problem: string }
);

export interface ForwardTable {
  /**
   * Our rules of both families; those of the variant that is not in use name it. Throws CniError
   * `rules` or `tryAgainLater`.
   */
  list(): Promise<readonly ForwardRule[]>;
  change(op: "insert" | "del", rule: ForwardRule): Promise<void>;
  /**
   * What `iptables-save` prints, for every variant and family that has tables. Creates no table by
   * looking. `counted`: with each rule's packets and bytes.
   */
  saved(counted?: boolean): Promise<readonly Saved[]>;
}

export interface ForwardOptions {
  readonly exec: Exec;
  readonly configured: "auto" | IptablesVariant;
  readonly dataDir: string;
  readonly lockTimeoutMs: number;
  /** This node by default. */
  readonly host?: Host;
}

/** The FORWARD chain of this node. */
export function createForwardTable(options: ForwardOptions): ForwardTable {
  const { host = localHost } = options;
  const tools = createTools(options.exec, host, options);
  const variantInUse = async (): Promise<IptablesVariant> =>
    (await detectVariant({ ...options, host, tools })).variant;
  const exists = ({ variant, family }: Slot, table?: string): boolean => {
    if (!tools.has({ variant, family }) || !host.hasFamily(family)) return false;
    if (variant === "nft") return true;
    const tables = host.legacyTables(family);
    return table === undefined ? tables.length > 0 : tables.includes(table);
  };
  return {
    list: async () => {
      // A node without any iptables program has no such chain either.
      if (!SLOTS.some((slot) => tools.has(slot))) return [];
      const inUse = await variantInUse();
      const slots = SLOTS.filter((slot) => exists(slot, "filter"));
      const listings = await Promise.all(
        slots.map(async (slot) => oursIn(await tools.save(slot, "filter"), slot, inUse)),
      );
      return listings.flat();
    },
    change: async (op, rule) => {
      if (!SLOTS.some((slot) => tools.has(slot))) throw withoutIptables(rule);
      const verb = op === "insert" ? "-I" : "-D";
      await tools.restore(
        { variant: rule.backend ?? (await variantInUse()), family: rule.family },
        `*filter\n${verb} FORWARD ${rule.spec}\nCOMMIT\n`,
      );
    },
    saved: async (counted) => {
      return Promise.all(
        SLOTS.filter((slot) => exists(slot)).map(async (slot): Promise<Saved> => {
          const program = programName(slot);
          return tools.save(slot, undefined, counted ? "with counters" : undefined).then(
            (text) => ({ program, text }),
            (thrown: unknown) => ({ program, problem: toCniError(thrown).message }),
          );
        }),
      );
    },
  };
}

// A rule of nftables would be no help: what one chain accepts, the next one may still drop.
function withoutIptables({ spec }: ForwardRule): CniError {
  return new CniError(
    "rules",
    `"acceptForward" needs iptables, which is not installed: install the package iptables; or, where nothing but ` +
      `nftables filters forwarded packets, remove "acceptForward" and let the chain that drops them accept these (${spec})`,
  );
}

function oursIn(
  listing: string,
  { variant, family }: Slot,
  inUse: IptablesVariant,
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
      ...(variant === inUse ? {} : { backend: variant }),
    }));
}

function programName({ variant, family }: Slot): string {
  return `${family === 6 ? "ip6tables" : "iptables"}-${variant}`;
}
