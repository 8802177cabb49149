// What is measured beside the bare delegate, and what it is called.

/** In the order of the tables. `launched`: by the launcher. `resident`: answered by the agent. */
export const KINDS = [
  { kind: "agent", label: "agent, runtime", launched: true, resident: true },
  { kind: "agentApi", label: "agent, API", launched: true, resident: true },
  { kind: "runtime", label: "one-shot, runtime" },
  { kind: "api", label: "one-shot, API" },
  { kind: "unmarked", label: "one-shot, unmarked" },
  { kind: "fallback", label: "no agent, runtime", launched: true },
];

/** The kinds of a report: those that its first node has figures of. */
export function kindsOf(times) {
  return KINDS.filter(({ kind }) => times[`${kind}Add`] !== undefined);
}

/** What marks the packets, as the bench's variants are called. */
export const VARIANTS = ["nft", "legacy", "nftables"];

/** The iptables that a variant's node has: the nftables backend has one beside it, as most nodes do. */
export function iptablesOf(variant) {
  return variant === "legacy" ? "legacy" : "nft";
}

export function variantLabel(variant) {
  return variant === "nftables" ? "nftables" : `iptables-${variant}`;
}
