/** Which variant of iptables (nft or legacy) new rules go to, when the configuration leaves it to us. */
import { RulesUntouched } from "../../cni/error";
import { FAMILIES } from "../../net/family";
import type { Host, IptablesVariant } from "../../node/host";
import { recallFact, rememberFact } from "../marker";
import type { Tools } from "./programs";

/** What a look at the node gave for one variant. */
export interface VariantFacts {
  readonly installed: boolean;
  /** The kubelet's hint chain, or its older canary, is there. */
  readonly kubeletHint: boolean;
  /** Rules in all tables, both families. */
  readonly rules: number;
}

/** A variant and whether it was decided just now, so that it is still to be remembered. */
export interface Detected {
  readonly variant: IptablesVariant;
  readonly fresh: boolean;
}

/** The chains by which a kubelet says which variant the node uses (KEP-3178; KUBE-KUBELET-CANARY before it). */
const HINT_CHAINS = [":KUBE-IPTABLES-HINT ", ":KUBE-KUBELET-CANARY "];

/** The configured variant, else the one remembered for this boot, else a decision now. Writes nothing. */
export async function detectVariant(node: {
  configured: "auto" | IptablesVariant;
  dataDir: string;
  host: Host;
  tools: Tools;
}): Promise<Detected> {
  const { configured, dataDir, host, tools } = node;
  if (configured !== "auto") return { variant: configured, fresh: false };
  const recalled = recallVariant(dataDir);
  if (recalled !== undefined && tools.has({ variant: recalled, family: 4 }))
    return { variant: recalled, fresh: false };
  const [nft, legacy] = await Promise.all([lookAt(node, "nft"), lookAt(node, "legacy")]);
  const plain = host.find("iptables");
  return {
    variant: chooseVariant(
      nft,
      legacy,
      plain === undefined ? undefined : host.iptablesVariant(plain),
    ),
    fresh: true,
  };
}

/** Lists every table of the variant that exists, and so creates none (decision 0010). */
async function lookAt(
  { host, tools }: { host: Host; tools: Tools },
  variant: IptablesVariant,
): Promise<VariantFacts> {
  if (!tools.has({ variant, family: 4 })) return factsFrom(undefined);
  const slots = FAMILIES.map((family) => ({ variant, family })).filter(
    (slot) =>
      tools.has(slot) &&
      host.hasFamily(slot.family) &&
      (variant === "nft" || host.legacyTables(slot.family).length > 0),
  );
  const listings = await Promise.all(slots.map((slot) => tools.save(slot, undefined)));
  return factsFrom(listings.join(""));
}

/**
 * Decides from facts: the kubelet's hint, else where more rules are, else what the plain
 * `iptables` command is, else what is installed. Throws CniError `rules` when nothing is.
 */
export function chooseVariant(
  nft: VariantFacts,
  legacy: VariantFacts,
  plain: IptablesVariant | undefined,
): IptablesVariant {
  if (!nft.installed && !legacy.installed) {
    throw new RulesUntouched(
      "rules",
      "neither iptables-nft nor iptables-legacy is installed: install the package iptables",
      { missingPackage: "iptables" },
    );
  }
  if (!nft.installed) return "legacy";
  if (!legacy.installed) return "nft";
  if (nft.kubeletHint !== legacy.kubeletHint) return nft.kubeletHint ? "nft" : "legacy";
  if (nft.rules !== legacy.rules) return nft.rules > legacy.rules ? "nft" : "legacy";
  return plain ?? "nft";
}

/** Facts from the output of `iptables-<variant>-save`; undefined when the variant is not installed. */
export function factsFrom(listing: string | undefined): VariantFacts {
  const lines = (listing ?? "").split("\n");
  return {
    installed: listing !== undefined,
    kubeletHint: lines.some((line) => HINT_CHAINS.some((chain) => line.startsWith(chain))),
    rules: lines.filter((line) => line.startsWith("-A ")).length,
  };
}

// The name is older than the word: operators remove this file after a change of variant.
const MEMORY = "iptables-backend";

/** What was decided earlier in this boot, from `<dataDir>/iptables-backend`; undefined for anything odd. */
export function recallVariant(dataDir: string): IptablesVariant | undefined {
  const variant = recallFact(dataDir, MEMORY);
  return variant === "nft" || variant === "legacy" ? variant : undefined;
}

/** Remembers the decision for this boot, so that ADDs minutes apart agree. Returns what went wrong, if anything. */
export function rememberVariant(dataDir: string, variant: IptablesVariant): string | undefined {
  return rememberFact(dataDir, MEMORY, { fact: variant, what: "the iptables variant" });
}
