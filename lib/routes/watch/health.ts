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
