/** Bounds of the time-outs, in milliseconds. */
export interface Bounds {
  readonly min: number;
  readonly max: number;
}

export type DurationKey =
  | "apiTimeout"
  | "delegateTimeout"
  | "lockTimeout"
  | "interval"
  | "timeout"
  | "holdDown"
  | "queueTimeout"
  | "reconcileInterval"
  | "namespaceInterval"
  | "lookInterval";

/**
 * The kubelet gives up on a pod after 4 minutes and the runtimes on a clean-up after 1: the lock
 * wait stays below that; a longer delegate limit is for nodes with a raised runtime-request-timeout.
 */
export const DURATION_BOUNDS: Readonly<Record<DurationKey, Bounds>> = {
  apiTimeout: { min: 100, max: 60_000 },
  delegateTimeout: { min: 1000, max: 600_000 },
  lockTimeout: { min: 100, max: 50_000 },
  interval: { min: 100, max: 600_000 },
  timeout: { min: 100, max: 60_000 },
  holdDown: { min: 100, max: 3_600_000 },
  // Before the kubelet gives up (2 minutes by default), the request still has to be done.
  queueTimeout: { min: 100, max: 100_000 },
  reconcileInterval: { min: 1000, max: 600_000 },
  namespaceInterval: { min: 1000, max: 600_000 },
  lookInterval: { min: 1000, max: 600_000 },
};

export const DURATION_PATTERN = "^[1-9][0-9]{0,5}(?:ms|s|m)$";

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000 };

/** Reads `500ms`, `5s` or `2m` as milliseconds; the text matches DURATION_PATTERN. */
export function parseDuration(text: string): number {
  const unit = /[a-z]+$/.exec(text)?.[0] ?? "ms";
  return Number.parseInt(text, 10) * (UNITS[unit] ?? Number.NaN);
}

/** Writes milliseconds in the largest unit that is exact: the inverse of `parseDuration`. */
export function formatDuration(ms: number): string {
  if (ms % 60_000 === 0) return `${ms / 60_000}m`;
  return ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`;
}
