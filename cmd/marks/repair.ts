import type { Finding } from "../../lib/checks/finding";
import type { PODS } from "../../lib/checks/kinds/pods";
import { statusOf, worstFirst, type Verdict } from "../../lib/checks/run";
import { toCniError } from "../../lib/cni/error";
import { carryOut } from "../../lib/reconcile/carry-out";
import type { Plan } from "../../lib/reconcile/plan";
import { planNow } from "../../lib/reconcile/reconciler";
import { linesOf } from "../../lib/reconcile/report";
import { removeUnclaimed } from "../../lib/reconcile/unclaimed";
import { wrapBehind } from "../../lib/text/wrap";
import { EXIT_WRONG, type RunCommand } from "../command";
import { withSignOfLife } from "../screen/waiting";
import { agrees, canAsk } from "../screen/ask";
import { lookConfirmed, verdictsOf, withComparison, type Comparison } from "./compare";
import { targetOf } from "./look";
import { findOwed } from "./owed";

/** A round may leave something for the next one: a pod whose record has changed meanwhile. */
const MOST_ROUNDS = 3;

/** What is done about the kinds of findings that can be repaired. */
const DEEDS: Readonly<Partial<Record<keyof typeof PODS, string>>> = {
  "del-owed": "take down",
  "mark-missing": "put right",
  "mark-wrong": "put right",
  "mark-double": "put right",
  "mark-unexpected": "put right",
  "mark-of-another": "put right",
  "mark-elsewhere": "move",
  "annotation-changed": "change",
  "mark-without-record": "remove",
};

/**
 * `wrapper repair`: says what it would take to have the marks as they should be, and with --apply does it, as
 * an agent would and beside one. Returns 0 when nothing is left to do, 1 when something is, 2 when something
 * could not be looked at; throws when nothing could.
 */
export const repairCommand: RunCommand = (io, _positionals, values) =>
  withComparison(io, values, async (comparison) => {
    const verdicts = await verdictsOf(comparison);
    const todo = worstFirst(verdicts).filter((each) => isRepairable(comparison, each));
    io.stdout(planText(comparison, verdicts, todo));
    if (todo.length === 0) return statusOf(verdicts);
    if (values.apply !== true) {
      io.stdout("nothing was changed: wrapper repair --apply does it\n");
      return EXIT_WRONG;
    }
    if (values.yes !== true && canAsk() && !(await agrees(`Repair ${todo.length}?`))) {
      io.stdout("nothing was changed\n");
      return EXIT_WRONG;
    }
    await withSignOfLife("putting the marks right", () => apply(comparison));
    const after = await verdictsOf(comparison);
    const left = worstFirst(after);
    io.stdout(left.length === 0 ? "all is as it should be\n" : leftText(left));
    return left.some(({ severity }) => severity === "failed") ? EXIT_WRONG : statusOf(after);
  });

/** The command that a finding ends with says whether this command ends it. */
function isRepairable({ values }: Comparison, { kind, remedy }: Finding): boolean {
  if (deedOf(kind) === undefined || !remedy.startsWith("wrapper repair")) return false;
  return values.unclaimed === true || !remedy.includes("--unclaimed");
}

function deedOf(kind: string): string | undefined {
  return (DEEDS as Readonly<Record<string, string | undefined>>)[kind];
}

function planText(
  { opened }: Comparison,
  verdicts: readonly Verdict[],
  todo: readonly Finding[],
): string {
  const left = worstFirst(verdicts).filter((each) => !todo.includes(each));
  const blind = verdicts.flatMap((verdict) => verdict.blind);
  const steps = todo.map(({ kind, fault }) => wrapBehind(`  ${deedOf(kind) ?? ""} `, fault));
  return [
    `configuration: ${opened.path}\n`,
    todo.length === 0 ? "nothing to repair\n" : `to repair:\n${steps.join("")}`,
    leftText(left),
    ...blind.map(({ check, why }) => wrapBehind("", `could not look at ${check}: ${why}`)),
  ].join("");
}

/** What nobody may do but the one who reads it. */
function leftText(left: readonly Finding[]): string {
  if (left.length === 0) return "";
  const lines = left.map(
    ({ code, fault, remedy }) => `${wrapBehind(`  ${code} `, fault)}    fix: ${remedy}\n`,
  );
  return `left to you:\n${lines.join("")}`;
}

async function apply(comparison: Comparison): Promise<void> {
  const { io, opened, values } = comparison;
  await findOwed(opened, io, values).carryOut("repair");
  for (let round = 1; round <= MOST_ROUNDS; round++) {
    const plan = await planNow(targetOf(opened), { pods: comparison.annotations.view });
    if (isDone(plan) || !(await carryOutRound(comparison, plan))) break;
  }
  if (values.unclaimed === true) await removeWithoutRecord(comparison);
}

function isDone({ changes, clears, restores }: Plan): boolean {
  return changes.length + clears.length + restores.length === 0;
}

/** False when something failed: another round would fail, too. */
async function carryOutRound({ io, opened }: Comparison, plan: Plan): Promise<boolean> {
  const outcome = await carryOut(targetOf(opened), plan, opened.node.clock);
  for (const { message } of linesOf(outcome)) io.stdout(`${message}\n`);
  for (const { message } of outcome.failures)
    io.stderr(`wrapper repair: not all marks could be put right: ${message}\n`);
  return outcome.failures.length === 0;
}

async function removeWithoutRecord(comparison: Comparison): Promise<void> {
  const { io, opened } = comparison;
  const { unclaimed } = await lookConfirmed(comparison);
  const free = unclaimed.filter(({ isOurs, inUse }) => isOurs && !inUse);
  try {
    const tags = free.map(({ tag }) => tag);
    const removed = await removeUnclaimed(targetOf(opened), tags);
    for (const { tag, pod, addresses } of free.filter((each) => removed.includes(each.tag)))
      io.stdout(`removed the marks of ${pod} (${tag}) from ${addresses.join(", ")}\n`);
  } catch (thrown) {
    io.stderr(`wrapper repair: ${toCniError(thrown).message}\n`);
  }
}
