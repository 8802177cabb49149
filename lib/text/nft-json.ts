/** Pure: the rules in what `nft -j list ruleset` prints. */
import { fieldsOf, listOf, type Fields } from "./fields";
import { shellWord } from "./shell";

/** Tables of iptables-nft. Their rules are read from iptables-save, which knows their targets. */
const IPTABLES = /^ip6? (?:filter|nat|mangle|raw|security)$/;

/** A rule of a native table. */
export interface NftRule {
  /** With its family, such as `inet firewalld`. */
  readonly table: string;
  readonly chain: string;
  readonly handle: number;
  readonly statements: readonly Fields[];
}

/** A chain of a native table; the other fields are undefined where it is no base chain. */
export interface NftChain {
  readonly table: string;
  readonly name: string;
  readonly hook: string | undefined;
  /** Chains of one hook are passed from the lowest to the highest. */
  readonly priority: number | undefined;
  readonly policy: string | undefined;
}

/** A named set, or a named map, whose elements are pairs. */
export interface NftSet {
  readonly table: string;
  readonly name: string;
  readonly elements: readonly unknown[];
}

/** What is in the native tables. */
export interface NativeTables {
  readonly tables: readonly string[];
  readonly chains: readonly NftChain[];
  readonly rules: readonly NftRule[];
  readonly sets: readonly NftSet[];
}

/** The native tables without those called in `own`, and what is in them; anything strange is left out. */
export function nativeTables(json: unknown, own: readonly string[]): NativeTables {
  const entries = listOf(fieldsOf(json)["nftables"]).map(fieldsOf);
  const of = (kind: string): readonly Fields[] =>
    entries.flatMap((entry) => (entry[kind] === undefined ? [] : [fieldsOf(entry[kind])]));
  const isForeign = (table: string): boolean => !own.includes(table) && !IPTABLES.test(table);
  return {
    tables: of("table")
      .map((table) => nameOf(table, "name"))
      .filter(isForeign),
    chains: of("chain")
      .map((chain) => ({
        table: nameOf(chain, "table"),
        name: String(chain["name"]),
        hook: textOf(chain["hook"]),
        priority: typeof chain["prio"] === "number" ? chain["prio"] : undefined,
        policy: textOf(chain["policy"]),
      }))
      .filter(({ table }) => isForeign(table)),
    rules: of("rule")
      .map((rule) => ({
        table: nameOf(rule, "table"),
        chain: String(rule["chain"]),
        handle: Number(rule["handle"]),
        statements: listOf(rule["expr"]).map(fieldsOf),
      }))
      .filter(({ table }) => isForeign(table)),
    sets: [...of("set"), ...of("map")]
      .map((set) => ({
        table: nameOf(set, "table"),
        name: String(set["name"]),
        elements: listOf(set["elem"]),
      }))
      .filter(({ table }) => isForeign(table)),
  };
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/** The command that removes a rule. */
export function nftRemoval({ table, chain, handle }: Omit<NftRule, "statements">): string {
  const words = [...table.split(" "), chain].map(shellWord);
  return `nft delete rule ${words.join(" ")} handle ${handle}`;
}

function nameOf(fields: Fields, key: string): string {
  return `${String(fields["family"])} ${String(fields[key])}`;
}
