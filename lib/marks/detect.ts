/** Which flavour of iptables new rules go to, when the configuration leaves it to us. */
import {
  constants,
  closeSync,
  fstatSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { RulesUntouched } from "../cni/error";
import { FAMILIES } from "../net/family";
import type { Backend } from "../ports";
import { reasonOf } from "../text/reason";
import type { Host } from "../node/host";
import type { Tools } from "./iptables/programs";

/** What a look at the node gave for one flavour. */
export interface FlavourFacts {
  readonly installed: boolean;
  /** The kubelet's hint chain, or its older canary, is there. */
  readonly kubeletHint: boolean;
  /** Rules in all tables, both families. */
  readonly rules: number;
}

/** A flavour and whether it was decided just now, so that it is still to be remembered. */
export interface Detected {
  readonly backend: Backend;
  readonly fresh: boolean;
}

/** The chains by which a kubelet says which flavour the node uses (KEP-3178; KUBE-KUBELET-CANARY before it). */
const HINT_CHAINS = [":KUBE-IPTABLES-HINT ", ":KUBE-KUBELET-CANARY "];

/** The configured flavour, else the one remembered for this boot, else a decision now. Writes nothing. */
export async function detectBackend(node: {
  configured: "auto" | Backend;
  dataDir: string;
  host: Host;
  tools: Tools;
}): Promise<Detected> {
  const { configured, dataDir, host, tools } = node;
  if (configured !== "auto") return { backend: configured, fresh: false };
  const recalled = recallBackend(dataDir);
  if (recalled !== undefined && tools.has({ backend: recalled, family: 4 }))
    return { backend: recalled, fresh: false };
  const [nft, legacy] = await Promise.all([lookAt(node, "nft"), lookAt(node, "legacy")]);
  const plain = host.find("iptables");
  return {
    backend: chooseBackend(nft, legacy, plain === undefined ? undefined : host.flavour(plain)),
    fresh: true,
  };
}

/** Lists every table of the flavour that exists, and so creates none (decision 0010). */
async function lookAt(
  { host, tools }: { host: Host; tools: Tools },
  backend: Backend,
): Promise<FlavourFacts> {
  if (!tools.has({ backend, family: 4 })) return factsFrom(undefined);
  const slots = FAMILIES.map((family) => ({ backend, family })).filter(
    (slot) =>
      tools.has(slot) &&
      host.hasFamily(slot.family) &&
      (backend === "nft" || host.legacyTables(slot.family).length > 0),
  );
  const listings = await Promise.all(slots.map((slot) => tools.save(slot, undefined)));
  return factsFrom(listings.join(""));
}

/**
 * Decides from facts: the kubelet's hint, else where more rules are, else what the plain
 * `iptables` command is, else what is installed. Throws CniError `rules` when nothing is.
 */
export function chooseBackend(
  nft: FlavourFacts,
  legacy: FlavourFacts,
  plain: Backend | undefined,
): Backend {
  if (!nft.installed && !legacy.installed) {
    throw new RulesUntouched(
      "rules",
      "neither iptables-nft nor iptables-legacy is installed: install the package iptables",
    );
  }
  if (!nft.installed) return "legacy";
  if (!legacy.installed) return "nft";
  if (nft.kubeletHint !== legacy.kubeletHint) return nft.kubeletHint ? "nft" : "legacy";
  if (nft.rules !== legacy.rules) return nft.rules > legacy.rules ? "nft" : "legacy";
  return plain ?? "nft";
}

/** Facts from the output of `iptables-<flavour>-save`; undefined when the flavour is not installed. */
export function factsFrom(listing: string | undefined): FlavourFacts {
  const lines = (listing ?? "").split("\n");
  return {
    installed: listing !== undefined,
    kubeletHint: lines.some((line) => HINT_CHAINS.some((chain) => line.startsWith(chain))),
    rules: lines.filter((line) => line.startsWith("-A ")).length,
  };
}

/** What was decided earlier in this boot, from `<dataDir>/iptables-backend`; undefined for anything odd. */
export function recallBackend(dataDir: string): Backend | undefined {
  try {
    const fd = openSync(
      join(dataDir, "iptables-backend"),
      constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK,
    );
    try {
      const stat = fstatSync(fd);
      if (!stat.isFile() || stat.size > 256 || (stat.uid !== 0 && stat.uid !== process.geteuid?.()))
        return undefined;
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
    // A process of this PID that was killed in between may have left one, and "wx" would refuse it.
    rmSync(temporary, { force: true });
    writeFileSync(temporary, `${bootId()} ${backend}\n`, { mode: 0o600, flag: "wx" });
    renameSync(temporary, path);
    return undefined;
  } catch (error) {
    rmSync(temporary, { force: true });
    return `cannot remember the iptables flavour in ${path}: ${reasonOf(error)}`;
  }
}

function bootId(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
}
