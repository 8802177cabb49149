/** Pure: whether a gateway counts as working, from one probe to the next. */
import { gatewayKey } from "../plan/gateways";
import type { ResolvedGateway } from "../model";

/** The outcome of one probe. */
export type Verdict =
  | { readonly kind: "answered" }
  /** `certain`: one such probe takes the gateway out, as when the cable is out. */
  | { readonly kind: "silent"; readonly why: string; readonly certain?: true }
  /** The probe could not be made, which says nothing about the gateway. */
  | { readonly kind: "unknown"; readonly why: string };

/** What the probes of one gateway add up to. Times are milliseconds of Clock.elapsed(). */
export interface GatewayHealth {
  readonly up: boolean;
  /** Failed probes in a row. */
  readonly failures: number;
  /**
   * While the gateway is down: since when every probe was answered. undefined: the last one was
   * not.
   */
  readonly answeringSince: number | undefined;
  /** Why the last probe that failed did so; kept until the gateway is up and answers. */
  readonly lastError: string | undefined;
}

export interface HealthRules {
  /** Failed probes in a row that take a gateway out. */
  readonly failAfter: number;
  /** Milliseconds without a failed probe that bring it back. */
  readonly holdDownMs: number;
}

/** A gateway works until a probe shows otherwise, so the start of a watcher interrupts nobody. */
export const ASSUMED_UP: GatewayHealth = {
  up: true,
  failures: 0,
  answeringSince: undefined,
  lastError: undefined,
};

/** A gateway that did not answer when the previous watcher ended, which may be a moment ago. */
const LOST_BEFORE: GatewayHealth = {
  ...ASSUMED_UP,
  up: false,
  lastError:
    "it was lost when the watcher before ended, and has not answered for long enough since",
};

/** The health after a probe that ended at `now`. */
export function afterProbe(
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

/**
 * The health of a gateway whose device is gone: once the device is back, the gateway has to answer
 * for the hold-down.
 */
export function withoutDevice(before: GatewayHealth): GatewayHealth {
  return { ...before, up: false, failures: 0, answeringSince: undefined };
}

/** Why a gateway that counts as down does so. */
export function silenceText({ failures, lastError }: GatewayHealth): string {
  return failures > 1
    ? `${failures} probes in a row without an answer`
    : (lastError ?? "it has not answered for long enough");
}

/** The health of all gateways. A gateway keeps its health from one look at the node to the next. */
export interface HealthTracker {
  of(gateway: ResolvedGateway): GatewayHealth;
  /**
   * Takes in a probe that ended at `now`. Returns whether the gateway came up or went down by it.
   */
  record(gateway: ResolvedGateway, verdict: Verdict, now: number): boolean;
  /**
   * Forgets all other gateways. Those that cannot be probed now have to answer for the hold-down
   * once they can.
   */
  retain(gateways: readonly ResolvedGateway[]): void;
}

/** Whether its device exists and is up, so that a probe makes sense. */
export function canBeProbed({ unusable }: ResolvedGateway): boolean {
  return unusable === undefined || unusable === "failed";
}

/**
 * Every gateway counts as working, except those whose keys are in `lost`. `rules` is called for
 * each probe, because the configuration may change.
 */
export function createHealthTracker(
  rules: () => HealthRules,
  lost: readonly string[] = [],
): HealthTracker {
  const entries = new Map<string, GatewayHealth>(lost.map((key) => [key, LOST_BEFORE]));
  const of = (gateway: ResolvedGateway): GatewayHealth =>
    entries.get(gatewayKey(gateway)) ??
    entries.get(gatewayKey({ ...gateway, dev: undefined })) ??
    ASSUMED_UP;
  return {
    of,
    record: (gateway, verdict, now) => {
      const [before, after] = [of(gateway), afterProbe(of(gateway), verdict, now, rules())];
      entries.set(gatewayKey(gateway), after);
      return before.up !== after.up;
    },
    retain: (gateways) => {
      for (const gateway of gateways) inherit(entries, gateway);
      const there = new Set(gateways.map(gatewayKey));
      for (const key of [...entries.keys()]) if (!there.has(key)) entries.delete(key);
      for (const gateway of gateways)
        if (!canBeProbed(gateway)) entries.set(gatewayKey(gateway), withoutDevice(of(gateway)));
    },
  };
}

// A gateway without `dev` has no device while it is unreachable; its health is kept under the key
// without one.
function inherit(entries: Map<string, GatewayHealth>, gateway: ResolvedGateway): void {
  const [key, waiting] = [
    gatewayKey(gateway),
    entries.get(gatewayKey({ ...gateway, dev: undefined })),
  ];
  if (waiting !== undefined && !entries.has(key)) entries.set(key, waiting);
}
