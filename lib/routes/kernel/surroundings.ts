/**
 * Reads what is foreign on this node: firewalls and tables' names, in which collisions are looked
 * for.
 */
import { readFileSync, readdirSync } from "node:fs";
import { toCniError } from "../../cni/error";
import type { ForwardTable } from "./forward";
import { chainsInSave, usesInSave } from "./mark-uses-iptables";
import { usesInNft } from "./mark-uses-nft";
import type { Programs } from "../../node/programs";
import { NAMES_FILE } from "../plan/table-names";
import type { Surroundings } from "../model";

/** Where iproute2 reads tables' names (ip-route(8)); newer releases keep their own below /usr. */
const NAME_FILES = [
  "/etc/iproute2/rt_tables",
  "/usr/share/iproute2/rt_tables",
  "/usr/lib/iproute2/rt_tables",
];
const NAME_DIRS = ["/etc/iproute2/rt_tables.d", "/usr/share/iproute2/rt_tables.d"];

/**
 * Everything that is foreign, without our own rules, tables and names. What cannot be read is
 * listed in `unseen`, not thrown: a node without routes would be worse off. Changes nothing, loads
 * no module.
 */
export async function readSurroundings(
  programs: Programs,
  forward: ForwardTable,
  namesDir: string | undefined,
): Promise<Surroundings> {
  return withTableNames(await readMarkUses(programs, forward), namesDir);
}

/** The firewalls' part of it. */
export type MarkUses = Omit<Surroundings, "tableNames">;

/** The same with the names of tables, for who has read the firewalls already. */
export function withTableNames(seen: MarkUses, namesDir: string | undefined): Surroundings {
  const dirs = [...NAME_DIRS, ...(namesDir === undefined ? [] : [namesDir])];
  return { ...seen, tableNames: [...NAME_FILES, ...namesIn(dirs)].flatMap(readTableNames) };
}

/** The firewalls' part of it. Makes no table by looking, and does not throw. */
export async function readMarkUses(
  programs: Programs,
  forward: Pick<ForwardTable, "saved">,
): Promise<MarkUses> {
  const [listings, ruleset] = await Promise.all([
    forward.saved(),
    programs.has("nft") ? nftRuleset(programs) : { nftables: [] },
  ]);
  const saved = listings.flatMap((each) => ("text" in each ? [each] : []));
  const native = "problem" in ruleset ? { uses: [], tables: [] } : usesInNft(ruleset);
  return {
    unseen: [...listings, ruleset].flatMap((each) => ("problem" in each ? [each.problem] : [])),
    markUses: [...saved.flatMap(({ program, text }) => usesInSave(text, program)), ...native.uses],
    chains: [...new Set(saved.flatMap(({ text }) => chainsInSave(text)))],
    nftTables: native.tables,
  };
}

/** What `nft -j list ruleset` prints; `problem`: a sentence about why it does not. */
export async function nftRuleset(
  programs: Programs,
): Promise<{ readonly nftables?: unknown } | { readonly problem: string }> {
  try {
    const text = await programs.run("nft", ["-j", "list", "ruleset"]);
    return text.trim() === "" ? {} : (JSON.parse(text) as object);
  } catch (thrown) {
    if (thrown instanceof SyntaxError)
      return { problem: "the output of nft -j list ruleset is not JSON" };
    return { problem: toCniError(thrown).message };
  }
}

function namesIn(dirs: readonly string[]): readonly string[] {
  return [...new Set(dirs)].flatMap((dir) => {
    try {
      return readdirSync(dir)
        .filter((name) => name.endsWith(".conf") && name !== NAMES_FILE)
        .map((name) => `${dir}/${name}`);
    } catch {
      return [];
    }
  });
}

function readTableNames(file: string): Surroundings["tableNames"] {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch {
    return [];
  }
  return text.split("\n").flatMap((line) => {
    const match = /^\s*(0x[0-9a-f]+|[0-9]+)\s+(\S+)/.exec(line);
    return match === null ? [] : [{ number: Number(match[1]), name: match[2] ?? "", file }];
  });
}
