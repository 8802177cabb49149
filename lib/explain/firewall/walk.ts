/** Pure: the way of a packet through the chains of iptables. */
import { FULL_MASK, parseUint32 } from "../../net/mark";
import { partsOf, type HookPacket } from "./matches";
import type { SavedChain, SavedRule } from "./saved";

export type Effect = "mark" | "drop" | "accept" | "translate" | "untrack";

/** A rule that matters to the packet. */
export interface Seen {
  readonly rule: SavedRule;
  readonly effect: Effect;
  /** False: whether it matches is not known, and it counts as one that does not. */
  readonly certain: boolean;
  /** The packet's mark behind it. */
  readonly mark: number;
}

export interface Walk {
  /** The mark at the end. */
  readonly mark: number;
  /** `drop`: by the last of `seen` that is certain, or by the policy. */
  readonly verdict: "pass" | "drop";
  readonly seen: readonly Seen[];
  /** Whether it was the chain's policy that dropped it. */
  readonly byPolicy: boolean;
}

/** Chains that call each other deeper than this are not followed (the kernel allows no loops). */
const DEEPEST = 32;
const DROPS = ["DROP", "REJECT"];
const TRANSLATES = ["MASQUERADE", "SNAT", "DNAT", "REDIRECT", "NETMAP"];

interface State {
  readonly chains: ReadonlyMap<string, SavedChain>;
  readonly packet: HookPacket;
  readonly seen: Seen[];
  mark: number;
}

type Outcome = "accept" | "drop" | "return";

/** Sends the packet through a built-in chain of one table. */
export function walk(
  chains: ReadonlyMap<string, SavedChain> | undefined,
  name: string,
  packet: HookPacket,
): Walk {
  const chain = chains?.get(name);
  if (chains === undefined || chain === undefined)
    return { mark: packet.mark, verdict: "pass", seen: [], byPolicy: false };
  const state: State = { chains, packet, seen: [], mark: packet.mark };
  const outcome = through(state, chain, { certain: true, depth: 0 });
  const byPolicy = outcome === "return" && chain.policy === "DROP";
  return {
    mark: state.mark,
    verdict: outcome === "drop" || byPolicy ? "drop" : "pass",
    seen: state.seen,
    byPolicy,
  };
}

interface Call {
  readonly certain: boolean;
  readonly depth: number;
}

function through(state: State, chain: SavedChain, call: Call): Outcome {
  for (const rule of chain.rules) {
    const parts = partsOf(rule.words, { ...state.packet, mark: state.mark });
    if (parts.matched === "no" || parts.target === undefined) continue;
    const certain = call.certain && parts.matched === "yes";
    const outcome = follow(state, rule, { ...parts, target: parts.target }, { ...call, certain });
    if (outcome !== undefined && certain) return outcome;
  }
  return "return";
}

interface Target {
  readonly target: string;
  readonly isGoto: boolean;
  readonly options: readonly string[];
}

/** undefined: the packet goes on to the next rule. */
function follow(
  state: State,
  rule: SavedRule,
  { target, isGoto, options }: Target,
  call: Call,
): Outcome | undefined {
  if (target === "RETURN") return "return";
  const user = state.chains.get(target);
  if (user === undefined) return apply(state, rule, { target, options, certain: call.certain });
  if (call.depth >= DEEPEST) return undefined;
  const outcome = through(state, user, { ...call, depth: call.depth + 1 });
  return outcome === "return" && !isGoto ? undefined : outcome;
}

function apply(
  state: State,
  rule: SavedRule,
  { target, options, certain }: Pick<Target, "target" | "options"> & { readonly certain: boolean },
): Outcome | undefined {
  const effect = effectOf(target, options);
  if (effect === undefined) return undefined;
  const mark = effect === "mark" ? markAfter(target, options, state.mark) : state.mark;
  state.seen.push({ rule, effect, certain, mark });
  if (certain) state.mark = mark;
  if (effect === "drop") return "drop";
  return effect === "accept" || effect === "translate" ? "accept" : undefined;
}

function effectOf(target: string, options: readonly string[]): Effect | undefined {
  if (DROPS.includes(target)) return "drop";
  if (TRANSLATES.includes(target)) return "translate";
  if (target === "ACCEPT") return "accept";
  if (target === "MARK") return "mark";
  if (target === "CONNMARK" && options.includes("--restore-mark")) return "mark";
  return target === "NOTRACK" || options.includes("--notrack") ? "untrack" : undefined;
}

/** iptables-extensions(8), MARK and CONNMARK. The mark of a new connection is 0. */
function markAfter(target: string, options: readonly string[], mark: number): number {
  if (target === "CONNMARK") return restored(options, mark);
  const [flip, flipMask = FULL_MASK] = numbersOf(options, "--set-xmark") ?? [];
  if (flip !== undefined) return ((mark & ~flipMask) ^ flip) >>> 0;
  const [set, setMask = FULL_MASK] = numbersOf(options, "--set-mark") ?? [];
  return set === undefined ? mark : ((mark & ~setMask) | set) >>> 0;
}

function restored(options: readonly string[], mark: number): number {
  const [mask = FULL_MASK] = numbersOf(options, "--nfmask") ?? numbersOf(options, "--mask") ?? [];
  return (mark & ~mask) >>> 0;
}

function numbersOf(
  options: readonly string[],
  name: string,
): readonly (number | undefined)[] | undefined {
  const at = options.indexOf(name);
  return at < 0 ? undefined : (options[at + 1] ?? "").split("/").map(parseUint32);
}
