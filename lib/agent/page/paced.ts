/** Reading that costs something, for whoever asks as often as he likes: never more than a tenth of the time goes into it. */
import { toCniError } from "../../cni/error";
import type { Clock } from "../../ports";

/** Between two readings at least (ms). */
const LEAST_MS = 1000;
/** And this many times as long as the last one took. */
const REST_FACTOR = 9;
/** What nobody has asked for during so long is forgotten (ms). */
const IDLE_MS = 60_000;

/** The last reading, and the one before it. */
export interface Pair<T> {
  readonly now: T;
  readonly before: T | undefined;
}

/**
 * Reads when asked, unless the last reading is young; those who ask meanwhile get the same one. Where it fails the
 * next who asks reads again. Nothing is kept of what nobody asks for.
 */
export function pacedPair<T>(
  read: () => Promise<T>,
  clock: Pick<Clock, "elapsed">,
): () => Promise<Pair<T>> {
  let kept: Pair<T> | undefined;
  let reading: Promise<Pair<T>> | undefined;
  let due = 0;
  const idle = forgetting(() => (kept = undefined));
  const readNow = async (): Promise<Pair<T>> => {
    const started = clock.elapsed();
    try {
      const now = await read();
      kept = { now, before: kept?.now };
      return kept;
    } finally {
      reading = undefined;
      due = dueAfter(started, clock.elapsed(), LEAST_MS);
    }
  };
  return () => {
    idle();
    if (kept !== undefined && clock.elapsed() < due) return Promise.resolve(kept);
    reading ??= readNow();
    return reading;
  };
}

/** What is known of something slow. */
export interface Known<T> {
  /** undefined: nothing yet. */
  readonly value: T | undefined;
  readonly at: Date | undefined;
  /** Why the last look failed; undefined: it did not. */
  readonly problem: string | undefined;
}

const NOTHING = { value: undefined, at: undefined, problem: undefined };

/** Never waits: what is known now; where that is older than `ms`, a new look begins in the background. */
export function inBackground<T>(
  ms: number,
  look: () => Promise<T>,
  clock: Pick<Clock, "elapsed" | "now">,
): () => Known<T> {
  let known: Known<T> = NOTHING;
  let busy = false;
  let due = 0;
  const idle = forgetting(() => ([known, due] = [NOTHING, 0]));
  const lookNow = async (): Promise<void> => {
    const started = clock.elapsed();
    try {
      known = { value: await look(), at: clock.now(), problem: undefined };
    } catch (thrown) {
      known = { ...known, problem: toCniError(thrown).message };
    }
    busy = false;
    due = dueAfter(started, clock.elapsed(), ms);
  };
  return () => {
    idle();
    if (!busy && clock.elapsed() >= due) {
      busy = true;
      void lookNow();
    }
    return known;
  };
}

function dueAfter(started: number, ended: number, leastMs: number): number {
  return ended + Math.max(leastMs, REST_FACTOR * (ended - started));
}

/** Calls `forget` some time after the last call of what it returns. Keeps no process alive. */
function forgetting(forget: () => void): () => void {
  let timer: NodeJS.Timeout | undefined;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(forget, IDLE_MS);
    timer.unref();
  };
}
