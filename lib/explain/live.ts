/** Pure: where a probe packet got to, by the counters on its way. */
import { isStandIn } from "./destination";
import type { PathFacts, RuleSight, Step } from "./model";
import type { ProbeOutcome } from "./probe/probe";
import type { Connection } from "./conntrack";
import { nativeRules } from "./firewall/native";
import { savedOf } from "./marked";
import { fine, group, judged, pathFinding } from "./step";
import { whereText } from "./steps/mark";
import { leavingText } from "../net/hop";

/** Packets; undefined: there is no such counter. */
export interface Counters {
  /** That came in by the pod's cable. */
  readonly fromPod: number | undefined;
  /** That were given the mark. */
  readonly marked: number | undefined;
  /** That the guard dropped. */
  readonly guarded: number | undefined;
  /** That left, and came in, by the gateway's device. */
  readonly out: number | undefined;
  readonly into: number | undefined;
}

export interface LiveFacts {
  readonly outcome: ProbeOutcome;
  /** How long an answer was waited for (ms). */
  readonly timeoutMs: number;
  readonly before: Counters;
  readonly after: Counters;
  /** Connections that were not tracked before; undefined: the kernel does not list any. */
  readonly tracked: readonly Connection[] | undefined;
  readonly facts: { readonly before: PathFacts; readonly after: PathFacts };
}

/** A place on the way, and how many packets were counted there meanwhile. */
interface Gauge {
  readonly name: string;
  readonly what: string;
  readonly grown: number;
}

/** The places that the packet passes, in their order; those that have no counter are left out. */
function gaugesOf(live: LiveFacts): readonly Gauge[] {
  const { packet, way } = live.facts.before;
  const dev = "refused" in way ? "?" : way.dev;
  const filters = filterGauge(live);
  return [
    ...counter(live, "fromPod", { name: "the pod", what: `received on ${packet.iif ?? "?"}` }),
    ...counter(live, "marked", { name: "the mark rule", what: "marked" }),
    ...(filters === undefined ? [] : [filters]),
    ...counter(live, "out", { name: dev, what: `sent on ${dev}` }),
    ...counter(live, "into", { name: "the gateway", what: `received on ${dev}` }),
  ];
}

function counter(
  { before, after }: LiveFacts,
  key: keyof Counters,
  { name, what }: Pick<Gauge, "name" | "what">,
): readonly Gauge[] {
  const [was, is] = [before[key], after[key]];
  if (was === undefined || is === undefined) return [];
  return [{ name, what: `${is - was} ${what}`, grown: is - was }];
}

/** A connection is listed once its packet has passed every filter; only where it is tracked for certain. */
function filterGauge({ tracked, facts }: LiveFacts): Gauge | undefined {
  const { pod, marked } = facts.before;
  const isTracked = pod.mark !== undefined && !pod.markReplies && marked.untracked === undefined;
  if (tracked === undefined || !isTracked) return undefined;
  const [connection] = tracked;
  const what =
    connection === undefined
      ? "no connection is tracked"
      : `tracked, answers go to ${connection.answersTo}${connection.answered ? "" : ", none yet"}`;
  return { name: "the filters", what, grown: tracked.length };
}

/** What was sent, each counter on its way, and where it stopped. */
export function liveStep(live: LiveFacts): Step {
  const { outcome } = live;
  const gauges = gaugesOf(live);
  const answer = outcome.error === undefined ? outcome.end : `${outcome.end} (${outcome.error})`;
  return group("probe", `${outcome.what}: ${answer}`, [
    ...gauges.map(({ name, what }) => fine(name, what)),
    ...dropSteps(live),
    endStep(live, gauges),
  ]);
}

/** Rules that drop, and the guard, whose counters have grown. */
function dropSteps({ facts, before, after }: LiveFacts): readonly Step[] {
  const { pod } = facts.after;
  const counts = new Map(
    dropping(facts.before).map((rule) => [rule.where + rule.text, rule.counted?.packets ?? 0]),
  );
  const grown = dropping(facts.after).filter(
    (rule) => (rule.counted?.packets ?? 0) > (counts.get(rule.where + rule.text) ?? 0),
  );
  const guarded = (after.guarded ?? 0) - (before.guarded ?? 0);
  return [
    ...grown.map((rule) =>
      judged(
        "dropped",
        `by ${whereText(rule)}, it counted meanwhile`,
        pathFinding("path-dropped", { ...rule, pod: pod.pod }, pod.pod),
      ),
    ),
    ...(guarded > 0
      ? [{ name: "dropped", what: `by the guard: ${guarded}`, state: "failed" } as const]
      : []),
  ];
}

/** Rules of iptables whose target is to drop, and those of nftables that may have dropped this packet. */
function dropping({ firewall, packet, marked, way }: PathFacts): readonly RuleSight[] {
  const oif = "refused" in way ? undefined : way.dev;
  const native = ["prerouting", "forward", "postrouting"].flatMap((hook) =>
    nativeRules(firewall.nft, { ...packet, oif, mark: marked.value }, hook),
  );
  const saved = savedOf(firewall, packet.family).flatMap(({ chains }) =>
    [...chains.values()].flatMap((table) =>
      [...table.values()].flatMap(({ rules }) =>
        rules.filter(({ words }) => /-j (?:DROP|REJECT)/.test(words.join(" "))),
      ),
    ),
  );
  return [...saved, ...native.filter(({ effect }) => effect === "drop")];
}

function endStep(live: LiveFacts, gauges: readonly Gauge[]): Step {
  const { outcome, facts } = live;
  if (outcome.end === "answered") return fine("answer", "it came back to the pod");
  const at = gauges.findIndex(({ grown }) => grown === 0);
  const { pod } = facts.before;
  const stopped = gauges[at];
  if (stopped === undefined || stopped.name === "the gateway") return beyondStep(live);
  const behind = gauges[at - 1]?.name ?? "nothing";
  const about = { pod: pod.pod, at: stopped.name, behind };
  return judged(
    "answer",
    `none: it stopped before ${stopped.name}`,
    pathFinding("path-stopped-live", about, pod.pod),
  );
}

/** The packet has left the node, and the pod got no answer of its destination. */
function beyondStep({ outcome, facts, tracked, timeoutMs }: LiveFacts): Step {
  const { pod, packet, way } = facts.before;
  const { dev, via } = "refused" in way ? { dev: "?", via: undefined } : way;
  const answered = tracked?.some((each) => each.answered) === true;
  if (answered)
    return judged(
      "answer",
      "it came back to this node, and not to the pod",
      pathFinding("path-answer-lost", { pod: pod.pod, dev, to: packet.to }, pod.pod),
    );
  const seconds = timeoutMs / 1000;
  const why =
    outcome.end === "refused"
      ? `a router refused it (${outcome.error ?? "?"})`
      : `no answer came within ${seconds} s`;
  const about = {
    ...{ pod: pod.pod, to: packet.to, hop: leavingText(via, dev), via, why },
    ...{ tenant: pod.tenant, isStandIn: isStandIn(packet.to) },
    answersTo: tracked?.[0]?.answersTo ?? packet.from ?? "?",
  };
  return judged("answer", `none: ${why}`, pathFinding("path-no-answer", about, pod.pod));
}
