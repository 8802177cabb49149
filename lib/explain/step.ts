/** Pure: building the tree of steps, and what a tree says as a whole. */
import { findingOf, type FactsOf, type Finding } from "../checks/finding";
import { PATH, type PathKind } from "../checks/kinds/path";
import type { Step, StepState } from "./model";

/** From the best to the worst; what could not be looked at is no fault. */
const GRAVITY: readonly StepState[] = ["ok", "unknown", "warning", "failed"];

/** A step where all is well. */
export function fine(name: string, what: string): Step {
  return { name, what, state: "ok" };
}

/** A step that could not be looked at. */
export function unseen(name: string, why: string): Step {
  return { name, what: why, state: "unknown" };
}

/** A step with what is wrong there; without a finding all is well. */
export function judged(name: string, what: string, finding: Finding | undefined): Step {
  return finding === undefined
    ? fine(name, what)
    : { name, what, state: finding.severity, finding };
}

/** A step made of others: it is as good as the worst of them. */
export function group(name: string, what: string, steps: readonly Step[]): Step {
  return { name, what, state: worstOf(steps), steps };
}

/** A finding of this room's kinds. */
export function pathFinding<K extends PathKind>(
  name: K,
  facts: FactsOf<(typeof PATH)[K]>,
  subject: string,
): Finding {
  return findingOf(PATH, name, facts, subject);
}

/** The gravest state of the steps. */
export function worstOf(steps: readonly Step[]): StepState {
  const worst = Math.max(0, ...steps.map(({ state }) => GRAVITY.indexOf(state)));
  return GRAVITY[worst] ?? "ok";
}

/** Every finding, in the order of the way. */
export function findingsIn(steps: readonly Step[]): readonly Finding[] {
  return steps.flatMap(({ finding, steps: below = [] }) => [
    ...(finding === undefined ? [] : [finding]),
    ...findingsIn(below),
  ]);
}

/** The first that is wrong; a warning only where nothing is. */
export function firstOf(steps: readonly Step[]): Finding | undefined {
  const all = findingsIn(steps);
  return all.find(({ severity }) => severity === "failed") ?? all[0];
}
