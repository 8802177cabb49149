/** Looks a second time at everything that seems wrong: what passes by itself is no problem. */
import { driftText } from "../../attachment/drift";
import type { InstalledMark } from "../../ports";
import { isFailure } from "./verdict";
import {
  isSame,
  lookAt,
  readEntries,
  type Entries,
  type Look,
  type Observed,
  type Problem,
  type Sight,
} from "./look";

/** Between the looks (ms): enough for a DEL that ended just now to be seen to have ended. */
const PAUSE_MS = 500;

/**
 * Looks at `entries` (read just now), and after a pause again at those with something wrong. Only
 * what is wrong in both looks, with the record unchanged all the time, is in the answer as wrong
 * (decision 0051).
 */
export async function lookTwice(node: Observed, entries: Entries): Promise<Look> {
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
    strays: second.strays.filter((stray) => first.strays.some((other) => isSameMark(stray, other))),
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
  const problems = second.problems.filter((problem) =>
    first.problems.some((other) => isSameProblem(problem, other)),
  );
  return [
    { ...second, delegate: isFailure(first.delegate) ? second.delegate : first.delegate, problems },
  ];
}

// Another rule that is wrong in the same way is the same problem.
function isSameProblem(one: Problem, other: Problem): boolean {
  return one.kind === "drift" && other.kind === "drift"
    ? driftText(one.drift) === driftText(other.drift)
    : isSame(one, other);
}

/** What was seen only once, after a change, says nothing yet; that it is good, does. */
function withoutVerdict(sight: Sight): Sight {
  if (!isDoubtful(sight)) return sight;
  return {
    ...sight,
    problems: [],
    delegate: isFailure(sight.delegate) ? "not-asked" : sight.delegate,
    note: sight.note ?? { kind: "changed" },
  };
}

function isSameMark(one: InstalledMark, other: InstalledMark): boolean {
  return one.backend === other.backend && one.address === other.address && one.text === other.text;
}
