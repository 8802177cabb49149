/** Runs checks beside each other; one that cannot look says so, and keeps no other from looking. */
import { toCniError } from "../cni/error";
import { lineOf, type Category, type Finding } from "./finding";

/** One check: it looks at one thing, and finds nothing where all is well. */
export interface Check {
  /** Unique, for reports: `kubeconfig`. */
  readonly name: string;
  readonly category: Category;
  /** Whether the answer is on this machine alone: CNI STATUS asks nothing else. */
  readonly local: boolean;
  /** Throws when it cannot look; `skipped` says why there is nothing to look at. */
  readonly look: () => Promise<Looked>;
}

/** What one check saw. */
export interface Looked {
  readonly findings: readonly Finding[];
  /** What is well, in a few words, for the line of its category: `12 pods, 24 rules`. */
  readonly summary?: string;
  /** Why it does not concern this node: `the routes are not configured`. */
  readonly skipped?: string;
}

/** What is known of one category: the worst of its checks. */
export interface Verdict {
  readonly category: Category;
  /** `unknown`: nothing wrong was found, but a check could not look. `skipped`: nothing there to look at. */
  readonly state: "ok" | "warning" | "failed" | "unknown" | "skipped";
  readonly findings: readonly Finding[];
  readonly summaries: readonly string[];
  /** Which checks could not look, and why. */
  readonly blind: readonly { readonly check: string; readonly why: string }[];
}

/** All `checks` at once, one verdict a category, in the order of the categories' first check. */
export async function runChecks(checks: readonly Check[]): Promise<readonly Verdict[]> {
  const looked = await Promise.all(
    checks.map(async (check) => ({ check, seen: await lookOrTell(check) })),
  );
  const categories = [...new Set(checks.map(({ category }) => category))];
  return categories.map((category) =>
    verdictOf(
      category,
      looked.filter(({ check }) => check.category === category),
    ),
  );
}

/** 0 all good, 1 something is wrong, 2 nothing wrong was seen, but something could not be looked at. */
export function statusOf(verdicts: readonly Verdict[]): 0 | 1 | 2 {
  const states = verdicts.map(({ state }) => state);
  if (states.includes("failed")) return 1;
  return verdicts.some(({ blind }) => blind.length > 0) ? 2 : 0;
}

/** All findings, the worst first; those of one severity stay in their order. */
export function worstFirst(verdicts: readonly Verdict[]): readonly Finding[] {
  const findings = verdicts.flatMap((verdict) => verdict.findings);
  return [
    ...findings.filter(({ severity }) => severity === "failed"),
    ...findings.filter(({ severity }) => severity === "warning"),
  ];
}

/** A line for each thing that is wrong, and for each that could not be looked at. Warnings are none of them. */
export function troubleOf(verdicts: readonly Verdict[]): readonly string[] {
  const failed = worstFirst(verdicts).filter(({ severity }) => severity === "failed");
  const blind = verdicts.flatMap((verdict) => verdict.blind);
  return [
    ...failed.map(lineOf),
    ...blind.map(({ check, why }) => `could not look at the ${check}: ${why}`),
  ];
}

type Seen = Looked | { readonly why: string };

async function lookOrTell(check: Check): Promise<Seen> {
  try {
    return await check.look();
  } catch (error) {
    return { why: toCniError(error).message };
  }
}

function verdictOf(
  category: Category,
  looked: readonly { readonly check: Check; readonly seen: Seen }[],
): Verdict {
  const blind = looked.flatMap(({ check, seen }) =>
    "why" in seen ? [{ check: check.name, why: seen.why }] : [],
  );
  const seen = looked.flatMap(({ seen: each }) => ("why" in each ? [] : [each]));
  const findings = seen.flatMap((each) => each.findings);
  return {
    category,
    state: stateOf(findings, blind.length > 0, seen),
    findings,
    summaries: seen.flatMap(({ summary, skipped }) => summary ?? skipped ?? []),
    blind,
  };
}

function stateOf(
  findings: readonly Finding[],
  isBlind: boolean,
  seen: readonly Looked[],
): Verdict["state"] {
  if (findings.some(({ severity }) => severity === "failed")) return "failed";
  if (findings.length > 0) return "warning";
  if (isBlind) return "unknown";
  return seen.every(({ skipped }) => skipped !== undefined) ? "skipped" : "ok";
}
