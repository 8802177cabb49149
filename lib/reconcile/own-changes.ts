/** Tells removals of our own from those of others in what `nft monitor` prints. */
import type { OwnChanges } from "../marks/own-changes";
import type { Clock } from "../ports";

/** Lines are expected for so long after the change was made (ms); one that comes later counts as another's. */
const GRACE_MS = 1000;
/** What a line and a command have in common: what is removed, without what nft adds to it. */
const HEAD = /^delete (?:element \S+ \S+ \S+ \{ [^\s,}]+|rule \S+ \S+ \S+)/;

export interface OwnLines extends OwnChanges {
  /** Whether this line is about a removal of ours; each is the answer to one line. */
  isOwn(line: string): boolean;
}

interface Expectation {
  until: number;
}

/**
 * No lines are expected. When others remove the same at the same time there are more lines than expected, so theirs
 * are not missed.
 */
export function createOwnLines(clock: Pick<Clock, "elapsed">): OwnLines {
  const expected = new Map<string, Set<Expectation>>();
  const drop = (head: string, expectation: Expectation): void => {
    const all = expected.get(head);
    all?.delete(expectation);
    if (all?.size === 0) expected.delete(head);
  };
  const dropLate = (head: string): void => {
    for (const each of expected.get(head) ?? []) if (each.until < clock.elapsed()) drop(head, each);
  };
  return {
    expect: (removals) => {
      for (const head of expected.keys()) dropLate(head);
      const added = removals
        .flatMap((removal) => HEAD.exec(removal) ?? [])
        .map((head) => {
          const expectation = { until: Infinity };
          const all = expected.get(head) ?? new Set();
          expected.set(head, all.add(expectation));
          return { head, expectation };
        });
      return (happened) => {
        for (const { head, expectation } of added)
          if (happened) expectation.until = clock.elapsed() + GRACE_MS;
          else drop(head, expectation);
      };
    },
    isOwn: (line) => {
      const head = HEAD.exec(line)?.[0] ?? "";
      dropLate(head);
      const [first] = expected.get(head) ?? [];
      if (first === undefined) return false;
      drop(head, first);
      return true;
    },
  };
}
