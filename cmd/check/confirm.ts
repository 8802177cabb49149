/** Looks a second time at whatever seems wrong: what passes by itself is no problem. */
import type { InstalledRule } from "../../lib/ports";
import { isFailure, NOT_ASKED } from "./delegate";
import {
  isSame,
  lookAt,
  readEntries,
  type Entries,
  type Look,
  type Node,
  type Sight,
} from "./look";

/** Between the looks (ms): enough for a DEL that ended just now to be seen to have ended. */
const PAUSE_MS = 500;
/** For a pod that did not hold still long enough to be judged. */
const CHANGED = "its record changed while it was looked at, so it was not judged: look again";

/**
 * Looks at `entries` (read just now), and after a pause again at those with something wrong. Only
 * what is wrong in both looks, with the record unchanged all the time, is in the answer as wrong
 * (decision 0051).
 */
export async function lookTwice(node: Node, entries: Entries): Promise<Look> {
  const first = await lookAt(node, entries, () => true);
  const doubtful = new Map([...first.sights].filter(([, sight]) => isDoubtful(sight)));
  if (doubtful.size === 0 && first.strays.length === 0) return first;
  await node.clock.sleep(PAUSE_MS);
  const again = new Map([...readEntries(node.journal)].filter(([tag]) => doubtful.has(tag)));
  const second = await lookAt(node, again, (tag) => needsDelegate(doubtful.get(tag)));
  const sights = [...first.sights.values()].flatMap((sight) =>
    doubtful.has(sight.tag) ? confirm(sight, second.sights.get(sight.tag)) : [sight],
  );
  return {
    sights: new Map(sights.map((sight) => [sight.tag, sight])),
    strays: second.strays.filter((rule) => first.strays.some((other) => isSameRule(rule, other))),
  };
}

function isDoubtful({ settled, problems, delegate }: Sight): boolean {
  return !settled || problems.length > 0 || isFailure(delegate);
}

function needsDelegate(first: Sight | undefined): boolean {
  return first !== undefined && (!first.settled || isFailure(first.delegate));
}

/** None when the attachment is gone: then all is well with it. */
function confirm(first: Sight, second: Sight | undefined): readonly Sight[] {
  if (second === undefined) return [];
  if (!first.settled || !second.settled || !isSame(first.entry, second.entry))
    return [withoutVerdict(second)];
  const problems = second.problems.filter((problem) => first.problems.includes(problem));
  return [
    { ...second, delegate: isFailure(first.delegate) ? second.delegate : first.delegate, problems },
  ];
}

/** What was seen only once, after a change, says nothing yet; that it is good, does. */
function withoutVerdict(sight: Sight): Sight {
  if (!isDoubtful(sight)) return sight;
  const notes = sight.notes.length > 0 ? sight.notes : [CHANGED];
  return {
    ...sight,
    problems: [],
    delegate: isFailure(sight.delegate) ? NOT_ASKED : sight.delegate,
    notes,
  };
}

function isSameRule(one: InstalledRule, other: InstalledRule): boolean {
  return one.backend === other.backend && one.family === other.family && one.spec === other.spec;
}
