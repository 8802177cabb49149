/** Looks at what others have on this node, for collisions. */
import { readFileSync, readdirSync } from "node:fs";
import { CniError } from "../cni/error";
import type { ForwardTable } from "./forward";
import { chainsInSave, usesInNft, usesInSave } from "./mark-uses";
import type { Programs } from "./programs";
import { NAMES_FILE } from "./table-names";
import type { Surroundings } from "./types";

/** Where iproute2 reads tables' names (ip-route(8)); newer releases keep their own below /usr. */
const NAME_FILES = ["/etc/iproute2/rt_tables", "/usr/share/iproute2/rt_tables", "/usr/lib/iproute2/rt_tables"];
const NAME_DIRS = ["/etc/iproute2/rt_tables.d", "/usr/share/iproute2/rt_tables.d"];

/** Everything of others; our own rules, tables and names are left out. Changes nothing, loads no module. */
export async function lookAround(programs: Programs, forward: ForwardTable, namesDir: string | undefined): Promise<Surroundings> {
  const saved = await forward.saved();
  const native = programs.has("nft") ? usesInNft(await nftRuleset(programs)) : { uses: [], tables: [] };
  return {
    markUses: [...saved.flatMap(({ where, text }) => usesInSave(text, where)), ...native.uses],
    chains: [...new Set(saved.flatMap(({ text }) => chainsInSave(text)))],
    nftTables: native.tables,
    tableNames: [...NAME_FILES, ...namesIn([...NAME_DIRS, ...(namesDir === undefined ? [] : [namesDir])])].flatMap(readTableNames),
  };
}

async function nftRuleset(programs: Programs): Promise<unknown> {
  const text = await programs.run("nft", ["-j", "list", "ruleset"]);
  try {
    return text.trim() === "" ? { nftables: [] } : JSON.parse(text);
  } catch {
    throw new CniError("io", "the output of nft -j list ruleset is not JSON: see whether the installed nft can print it (package nftables)");
  }
}

function namesIn(dirs: readonly string[]): readonly string[] {
  return [...new Set(dirs)].flatMap((dir) => {
    try {
      return readdirSync(dir).filter((name) => name.endsWith(".conf") && name !== NAMES_FILE).map((name) => `${dir}/${name}`);
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
