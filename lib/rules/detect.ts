/** Which flavour of iptables new rules go to, when the configuration leaves it to us. */
import { constants, closeSync, fstatSync, openSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CniError } from "../cni/error";
import type { Backend } from "../ports";
import { findTool } from "./tools";

/** What a look at the node gave for one flavour. */
export interface FlavourFacts {
  readonly installed: boolean;
  /** The kubelet's hint chain, or its older canary, is in the mangle table. */
  readonly kubeletHint: boolean;
  /** Rules and user chains in the mangle table. */
  readonly rules: number;
}

/** The chains by which a kubelet says which flavour the node uses (KEP-3178; KUBE-KUBELET-CANARY before it). */
export const HINT_CHAINS = [":KUBE-IPTABLES-HINT ", ":KUBE-KUBELET-CANARY "];

/**
 * Decides from facts: the kubelet's hint, else where rules already are, else what the plain
 * `iptables` command is, else what is installed. Throws CniError `rules` when nothing is.
 */
export function chooseBackend(nft: FlavourFacts, legacy: FlavourFacts, plain: Backend | undefined): Backend {
  if (!nft.installed && !legacy.installed) {
    throw new CniError("rules", "neither iptables-nft nor iptables-legacy is installed: install the package iptables");
  }
  if (!nft.installed) return "legacy";
  if (!legacy.installed) return "nft";
  if (nft.kubeletHint !== legacy.kubeletHint) return nft.kubeletHint ? "nft" : "legacy";
  if (nft.rules !== legacy.rules) return nft.rules > legacy.rules ? "nft" : "legacy";
  return plain ?? "nft";
}

/** Facts from the output of `iptables-<flavour>-save -t mangle`; undefined when the flavour is not installed. */
export function factsFrom(listing: string | undefined): FlavourFacts {
  const lines = (listing ?? "").split("\n");
  return {
    installed: listing !== undefined,
    kubeletHint: lines.some((line) => HINT_CHAINS.some((chain) => line.startsWith(chain))),
    rules: lines.filter((line) => line.startsWith("-A ")).length,
  };
}

/** The flavour of the plain `iptables` command, by what it links to (Debian and Fedora alternatives alike). */
export function plainBackend(): Backend | undefined {
  const path = findTool("iptables");
  const target = path === undefined ? "" : realpathSync(path);
  return /legacy/.test(target) ? "legacy" : /nft/.test(target) ? "nft" : undefined;
}

/** What was decided earlier in this boot, from `<dataDir>/iptables-backend`. */
export function recallBackend(dataDir: string): Backend | undefined {
  try {
    const fd = openSync(join(dataDir, "iptables-backend"), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const stat = fstatSync(fd);
      if (!stat.isFile() || stat.size > 256 || (stat.uid !== 0 && stat.uid !== process.geteuid?.())) return undefined;
      const [boot, backend] = readFileSync(fd, "utf8").trim().split(" ");
      return boot === bootId() && (backend === "nft" || backend === "legacy") ? backend : undefined;
    } finally {
      closeSync(fd);
    }
  } catch {
    return undefined;
  }
}

/** Remembers the decision for this boot, so that ADDs minutes apart agree. Returns what went wrong, if anything. */
export function rememberBackend(dataDir: string, backend: Backend): string | undefined {
  const path = join(dataDir, "iptables-backend");
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    writeFileSync(temporary, `${bootId()} ${backend}\n`, { mode: 0o600, flag: "wx" });
    renameSync(temporary, path);
    return undefined;
  } catch (error) {
    rmSync(temporary, { force: true });
    return `cannot remember the iptables flavour in ${path}: ${(error as NodeJS.ErrnoException).code ?? ""}`;
  }
}

function bootId(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
}
