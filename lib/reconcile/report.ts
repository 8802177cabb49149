/** Pure: the reconciler's log. Each trouble is told when it begins and when it is over. */
import { attachmentLabel } from "../attachment/collect";
import { formatMark, type Mark } from "../net/mark";
import type { CarriedOut, Moved } from "./carry-out";
import type { Restoring, Rewriting, SeenRecord } from "./plan";
import type { ReconcileFigures, ReconcileLine } from "./ports";

/** Pods that one line names, at most. */
const MOST_NAMED = 6;

/** What was done, as lines: one for each pod that was given another mark, one for all repairs. */
export function linesOf({
  changed,
  cleared,
  moved,
  repaired,
}: CarriedOut): readonly ReconcileLine[] {
  const changes = [...changed, ...cleared];
  const rewritten = new Set(changes.map(({ tag }) => tag));
  return [
    ...changes.map(changeLine),
    ...moveLines(moved.filter(({ tag }) => !rewritten.has(tag))),
    ...repairLine(repaired.filter(({ tag }) => !rewritten.has(tag))),
  ];
}

function changeLine({ attachment, next, left }: Rewriting): ReconcileLine {
  const message =
    `${attachmentLabel(attachment)}: mark ${markText(attachment.mark)} became ${markText(next.mark)}` +
    `${next.tenant === undefined ? "" : `, tenant ${next.tenant}`} (${next.source ?? ""})` +
    (left === undefined ? "" : `; ${left}`);
  return { event: "change", message, ...podOf(attachment) };
}

function podOf({ pod }: Rewriting["attachment"]): Pick<ReconcileLine, "pod"> {
  return pod === undefined ? {} : { pod: `${pod.namespace}/${pod.name}` };
}

function markText(mark: Mark | undefined): string {
  return mark === undefined ? "none" : formatMark(mark);
}

function repairLine(repaired: readonly Restoring[]): readonly ReconcileLine[] {
  if (repaired.length === 0) return [];
  const kinds = Object.entries(countRepairs(repaired))
    .filter(([, count]) => count > 0)
    .map(([kind, count]) => `${count} ${kind}`);
  const { count, names } = podsOf(repaired);
  return [
    { event: "repair", message: `repaired the marks of ${count} (${kinds.join(", ")}): ${names}` },
  ];
}

function moveLines(moved: readonly Moved[]): readonly ReconcileLine[] {
  const places = [...new Set(moved.map(({ place }) => place))];
  return places.map((place) => {
    const { count, names } = podsOf(moved.filter((each) => each.place === place));
    return { event: "change", message: `the marks of ${count} have moved to ${place}: ${names}` };
  });
}

function podsOf(seen: readonly SeenRecord[]): { readonly count: string; readonly names: string } {
  const labels = [...new Set(seen.map(({ attachment }) => attachmentLabel(attachment)))];
  const more = labels.length - MOST_NAMED;
  const shown = labels.slice(0, MOST_NAMED).join(", ");
  return {
    count: labels.length === 1 ? "one pod" : `${labels.length} pods`,
    names: `${shown}${more > 0 ? ` and ${more} more` : ""}`,
  };
}

/** Pieces by what was wrong with them. */
export function countRepairs(repaired: readonly Restoring[]): ReconcileFigures["repairs"] {
  const counts = { missing: 0, double: 0, "wrong-mark": 0, unexpected: 0 };
  for (const { kind } of repaired.flatMap(({ drift }) => drift))
    if (kind !== "foreign") counts[kind]++;
  return counts;
}

/** What is wrong now, by topic. */
export interface Conditions {
  /** The whole of what is wrong now: new ones are told, and those that are not among them any more are over. */
  replace(now: ReadonlyMap<string, string>): void;
  texts(): readonly string[];
}

/** No conditions at first. */
export function createConditions(say: (line: ReconcileLine) => void): Conditions {
  let current: ReadonlyMap<string, string> = new Map();
  return {
    replace: (now) => {
      for (const [topic, text] of now)
        if (current.get(topic) !== text) say({ event: "condition", message: text });
      for (const [topic, text] of current)
        if (!now.has(topic)) say({ event: "condition", message: `over: ${text}` });
      current = new Map(now);
    },
    texts: () => [...current.values()],
  };
}
