import { gatewayKey } from "../plan/gateways";
import type { ResolvedGateway } from "../model";

/** Pure: whether a gateway counts as working, from one probe to the next. */

/** What one probe found out. */
export type Verdict =
  | { readonly kind: "answered" }
  /** `certain`: one such probe is enough, such as a cable that is out. */
  | { readonly kind: "silent"; readonly why: string; readonly certain?: true }
  /** The probe could not be made: that says nothing about the gateway. */
  | { readonly kind: "unknown"; readonly why: string };

/** One gateway's state. Times are milliseconds of Clock.elapsed(). */
export interface GatewayHealth {
  readonly up: boolean;
  /** Failed probes in a row. */
  readonly failures: number;
  /** While it is down: since when every probe was answered; undefined: the last one was not. */
  readonly answeringSince: number | undefined;
  /** Why the last failed probe failed; kept until the gateway is up and answers. */
  readonly lastError: string | undefined;
}

export interface HealthRules {
  /** Failed probes in a row that take a gateway out. */
  readonly failAfter: number;
  /** Milliseconds without a failed probe that bring it back. */
  readonly holdDownMs: number;
}

/** Works until proven otherwise: the start of a watcher interrupts nobody. */
export const ASSUMED_UP: GatewayHealth = {
  up: true,
  failures: 0,
  answeringSince: undefined,
  lastError: undefined,
};

/** Did not answer when the watcher before ended, which may have been a moment ago. */
export const LOST_BEFORE: GatewayHealth = {
  ...ASSUMED_UP,
  up: false,
  lastError:
    "it was lost when the watcher before ended, and has not answered for long enough since",
};

/** The state after a probe that ended at `now`. */
export function judged(
  before: GatewayHealth,
  verdict: Verdict,
  now: number,
  rules: HealthRules,
): GatewayHealth {
  switch (verdict.kind) {
    case "unknown":
      return { ...before, lastError: verdict.why };
    case "answered":
      return before.up ? ASSUMED_UP : answering(before, now, rules);
    case "silent": {
      const failures = before.failures + 1;
      const up = before.up && verdict.certain !== true && failures < rules.failAfter;
      return { up, failures, answeringSince: undefined, lastError: verdict.why };
    }
  }
}

function answering(before: GatewayHealth, now: number, { holdDownMs }: HealthRules): GatewayHealth {
  const answeringSince = before.answeringSince ?? now;
  if (now - answeringSince >= holdDownMs) return ASSUMED_UP;
  return { ...before, failures: 0, answeringSince };
}

/** The state of a gateway that could not be probed because its device is gone: it has its hold-down when that is back. */
export function interrupted(before: GatewayHealth): GatewayHealth {
  return { ...before, up: false, failures: 0, answeringSince: undefined };
}

/** The health of all gateways, by their names across cycles. */

export interface HealthBook {
  of(gateway: ResolvedGateway): GatewayHealth;
  /** Enters what a probe that ended at `now` found out. Returns whether the gateway came or went by it. */
  learn(gateway: ResolvedGateway, verdict: Verdict, now: number): boolean;
  /** Forgets all others; those that cannot be probed now have to answer for the hold-down when they can. */
  keep(gateways: readonly ResolvedGateway[]): void;
}

/** Whether there is a point in probing it: its device is there and up. */
export function canBeProbed({ unusable }: ResolvedGateway): boolean {
  return unusable === undefined || unusable === "failed";
}

/**
 * A book in which every gateway counts as working, but for those that were `lost` already, by their
 * names. `rules` are asked for at each entry: they may change.
 */
export function createHealthBook(
  rules: () => HealthRules,
  lost: readonly string[] = [],
): HealthBook {
  const entries = new Map<string, GatewayHealth>(lost.map((key) => [key, LOST_BEFORE]));
  const of = (gateway: ResolvedGateway): GatewayHealth =>
    entries.get(gatewayKey(gateway)) ??
    entries.get(gatewayKey({ ...gateway, dev: undefined })) ??
    ASSUMED_UP;
  return {
    of,
    learn: (gateway, verdict, now) => {
      const [before, after] = [of(gateway), judged(of(gateway), verdict, now, rules())];
      entries.set(gatewayKey(gateway), after);
      return before.up !== after.up;
    },
    keep: (gateways) => {
      for (const gateway of gateways) inherit(entries, gateway);
      const there = new Set(gateways.map(gatewayKey));
      for (const key of [...entries.keys()]) if (!there.has(key)) entries.delete(key);
      for (const gateway of gateways)
        if (!canBeProbed(gateway)) entries.set(gatewayKey(gateway), interrupted(of(gateway)));
    },
  };
}

// Of a gateway whose device is looked up, the device is not known while none leads there.
function inherit(entries: Map<string, GatewayHealth>, gateway: ResolvedGateway): void {
  const [key, waiting] = [
    gatewayKey(gateway),
    entries.get(gatewayKey({ ...gateway, dev: undefined })),
  ];
  if (waiting !== undefined && !entries.has(key)) entries.set(key, waiting);
}
