/** What this node's files say about it; no program is run. */
import { existsSync, readFileSync, realpathSync } from "node:fs";
import { basename, join } from "node:path";
import type { Family } from "../net/family";

/** What an iptables program works on: nf_tables, or the older x_tables. */
export type IptablesVariant = "nft" | "legacy";

/** Where the node's programs may be; the runtime's PATH is never asked. */
export const DIRECTORIES = ["/usr/sbin", "/sbin", "/usr/bin", "/bin", "/usr/local/sbin"];

/**
 * What the node's programs are run with: nothing of the caller's environment, and English messages.
 */
export const PROGRAM_ENVIRONMENT = { PATH: DIRECTORIES.join(":"), LC_ALL: "C" } as const;

export interface Host {
  /** Absolute path of a program in the fixed directories; undefined when it is not installed. */
  find(name: string): string | undefined;
  /** The variant of an iptables program that has none in its name, by what it links to; undefined when that does not say. */
  iptablesVariant(path: string): IptablesVariant | undefined;
  /** True when the kernel speaks the family here. */
  hasFamily(family: Family): boolean;
  /**
   * Legacy tables that exist in this network namespace. Asked before every legacy listing:
   * `iptables-legacy-save -t mangle` would create the table (and load its modules) by looking.
   */
  legacyTables(family: Family): readonly string[];
}

/** The node that this process runs on. */
export const localHost: Host = {
  find: (name) => DIRECTORIES.map((dir) => join(dir, name)).find((path) => existsSync(path)),
  iptablesVariant: (path) => variantOf(basename(realpathSync(path))),
  hasFamily: (family) => family === 4 || existsSync("/proc/net/if_inet6"),
  legacyTables: (family) => {
    try {
      return readFileSync(`/proc/net/${family === 6 ? "ip6" : "ip"}_tables_names`, "utf8")
        .split("\n")
        .filter((name) => name !== "");
    } catch (error) {
      // There is no such file without the module or IPv6. Any other error is no answer.
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
      throw error;
    }
  },
};

/**
 * The variant of an iptables program by the file name behind its links: Debian and Fedora alternatives
 * lead to xtables-nft-multi or xtables-legacy-multi; before 1.8 there was xtables-multi (legacy) and
 * xtables-compat-multi (nft).
 */
export function variantOf(file: string): IptablesVariant | undefined {
  if (/nft|compat/.test(file)) return "nft";
  return /legacy|^xtables-multi$/.test(file) ? "legacy" : undefined;
}
