/** Limits how often something is read, whoever asks. */

/**
 * Reads at most once in `ms`; who asks in between, or while it is being read, gets the same. A failure is
 * remembered like a value.
 */
export function remember<T>(ms: number, read: () => Promise<T>): () => Promise<T> {
  let kept: Promise<T> | undefined;
  let until = 0;
  return () => {
    if (kept !== undefined && performance.now() < until) return kept;
    until = Number.POSITIVE_INFINITY;
    const done = (): void => void (until = performance.now() + ms);
    kept = read();
    kept.then(done, done);
    return kept;
  };
}

/** Resolves when the promise has settled, and no later than that (ms). Never rejects. */
export function settled(promise: Promise<unknown>, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    const done = (): void => {
      clearTimeout(timer);
      resolve();
    };
    promise.then(done, done);
  });
}

/** Lets so many through each second; the others wait for the next one. */
export function createPace(perSecond: number): () => Promise<void> {
  let [second, passed] = [0, 0];
  return async () => {
    for (;;) {
      const now = performance.now();
      if (now - second >= 1000) [second, passed] = [now, 0];
      if (passed++ < perSecond) return;
      await new Promise((resolve) => setTimeout(resolve, second + 1000 - now));
    }
  };
}
