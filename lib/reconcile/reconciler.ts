/** Keeps the node as the records and the annotations say: looks again and again, and repairs what differs. */
import { toCniError } from "../cni/error";
import { createAllowance } from "./allowance";
import { createBell } from "./bell";
import { carryOut, type CarriedOut } from "./carry-out";
import { isAwayFrom, planOf, type Plan, type Problem, type SeenRecord } from "./plan";
import type { ReconcileFigures, ReconcilePorts, Target } from "./ports";
import { readRecords } from "./records";
import { countRepairs, createConditions, linesOf, type Conditions } from "./report";

/** From an event to the look, so that events that come together cause one look (ms). */
const DEBOUNCE_MS = 10;

export interface Reconciler {
  /** Looks until stop(). Never throws: what fails is a condition, and tried again. */
  run(): Promise<void>;
  /** Something may have changed: the firewall, annotations, the configuration. */
  wake(): void;
  /** Ends run() after the look that is under way. */
  stop(): void;
  /** Says something that is wrong elsewhere, or with "" that it is over, from the next look on. */
  note(topic: string, text: string): void;
  figures(): ReconcileFigures;
}

/** A reconciler that has not looked yet. */
export function createReconciler(ports: ReconcilePorts): Reconciler {
  return new Loop(ports);
}

class Loop implements Reconciler {
  private readonly bell = createBell();
  private readonly rest = createBell();
  private readonly allowance = createAllowance();
  private readonly conditions: Conditions;
  private readonly notes = new Map<string, string>();
  /** What may pass, as the last look found it. */
  private passing: ReadonlySet<string> = new Set();
  private intervalMs = 0;
  private stopped = false;
  private counts = { wanted: 0, installed: 0, changes: 0, refusals: 0, looks: 0, lastLookMs: 0 };
  private repairs = countRepairs([]);

  constructor(private readonly ports: ReconcilePorts) {
    this.conditions = createConditions(ports.say);
  }

  async run(): Promise<void> {
    while (!this.stopped) {
      await this.look();
      await this.rest.wait(this.allowance.waitMs(this.ports.clock.elapsed()));
      if (!this.stopped) await this.bell.wait(this.intervalMs);
      if (!this.stopped) await this.rest.wait(DEBOUNCE_MS);
    }
  }

  wake(): void {
    this.bell.ring();
  }

  stop(): void {
    this.stopped = true;
    this.bell.ring();
    this.rest.ring();
  }

  note(topic: string, text: string): void {
    if (text === "") this.notes.delete(topic);
    else this.notes.set(topic, text);
  }

  figures(): ReconcileFigures {
    return { ...this.counts, repairs: this.repairs, conditions: this.conditions.texts() };
  }

  private async look(): Promise<void> {
    const { clock } = this.ports;
    const started = clock.elapsed();
    const now = new Map<string, string>();
    try {
      const target = this.ports.target();
      this.intervalMs = target.conf.agent.reconcileIntervalMs;
      await this.reconcile(target, now);
    } catch (thrown) {
      now.set("look", `the marks cannot be compared: ${toCniError(thrown).message}`);
    }
    for (const [topic, text] of this.notes) now.set(topic, text);
    this.conditions.replace(now);
    this.counts.looks++;
    const ended = clock.elapsed();
    this.counts.lastLookMs = ended - started;
    this.allowance.spent(ended, ended - started);
  }

  private async reconcile(target: Target, now: Map<string, string>): Promise<void> {
    const plan = await planNow(target, this.ports);
    if (plan.isUnfinished) this.wake();
    const outcome = await carryOut(target, plan, this.ports.clock);
    this.count(plan, outcome);
    for (const line of linesOf(outcome)) this.ports.say(line);
    const lasting = plan.problems.filter(
      ({ mayPass, topic }) => !mayPass || this.passing.has(topic),
    );
    for (const { topic, text } of lasting) now.set(topic, text);
    this.passing = new Set(plan.problems.map(({ topic }) => topic));
    const [failure] = outcome.failures;
    if (failure !== undefined)
      now.set("repair", `not all marks could be put right: ${failure.message}`);
  }

  private count(plan: Plan, { changed, cleared, repaired }: CarriedOut): void {
    const { wanted, installed, refusals } = plan;
    const { changes } = this.counts;
    const more = countRepairs(repaired);
    this.counts = {
      ...this.counts,
      wanted,
      installed,
      refusals,
      changes: changes + changed.length + cleared.length,
    };
    this.repairs = {
      missing: this.repairs.missing + more.missing,
      double: this.repairs.double + more.double,
      "wrong-mark": this.repairs["wrong-mark"] + more["wrong-mark"],
      unexpected: this.repairs.unexpected + more.unexpected,
    };
  }
}

/** What is to be done now. Marks first: an ADD writes its record before it marks, so that a mark without a record has none. */
export async function planNow(
  target: Target,
  { pods }: Pick<ReconcilePorts, "pods">,
): Promise<Plan> {
  const installed = await Promise.all(target.layers.map(({ marks }) => marks.list()));
  const records = readRecords(target);
  const { home, problems } = await usableHome(target, records.complete);
  const plan = planOf(
    target.conf,
    {
      ...records,
      home,
      layers: target.layers.map(({ name, backend }, i) => ({
        name,
        backend,
        installed: installed[i] ?? [],
      })),
    },
    pods,
  );
  return { ...plan, problems: [...problems, ...plan.problems] };
}

// Only where somebody is to move: what is not usable would keep pods from being repaired where they are.
async function usableHome(
  { home }: Target,
  records: readonly SeenRecord[],
): Promise<{ readonly home: string | undefined; readonly problems: readonly Problem[] }> {
  const place = home?.place();
  if (!records.some((record) => isAwayFrom(place, record))) return { home: place, problems: [] };
  try {
    await home?.probe();
    return { home: place, problems: [] };
  } catch (thrown) {
    const text = `running pods keep their marks where they are, because they cannot be moved to ${place}: ${toCniError(thrown).message}`;
    return { home: undefined, problems: [{ topic: "move", text, mayPass: false }] };
  }
}
