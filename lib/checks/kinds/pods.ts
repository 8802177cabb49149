/** Pure: what can be wrong with the marks of pods: TR06xx. TR065x are those of `wrapper repair`. */
import { formatMark, type Mark } from "../../net/mark";
import { shellWord } from "../../text/shell";
import type { Kind } from "../finding";

interface PodFacts {
  /** `namespace/name`, or the container. */
  readonly pod: string;
}

interface DriftFacts extends PodFacts {
  /** One clause that says what differs. */
  readonly drift: string;
}

interface OwedFacts extends PodFacts {
  readonly why: string;
}

interface RuleFacts {
  /** Pods that it hits. */
  readonly pods: readonly string[];
  /** As the program prints it, without `-A CHAIN`. */
  readonly rule: string;
  /** The command that removes it. */
  readonly removal: string;
}

const REPAIR = "wrapper repair --apply";
const WRONG_WAY = "its packets leave by another way than its tenant's";

export const PODS = {
  "mark-missing": {
    code: "TR0601",
    category: "pods",
    severity: "failed",
    title: "A pod's mark is missing",
    fault: ({ pod, drift }: DriftFacts) => `${pod}: ${drift}`,
    consequence: () => "its packets leave by the node's own default route, not by its tenant's",
    remedy: () => REPAIR,
  },
  "mark-wrong": {
    code: "TR0602",
    category: "pods",
    severity: "failed",
    title: "A pod has another mark than on record",
    fault: ({ pod, drift }: DriftFacts) => `${pod}: ${drift}`,
    consequence: () => WRONG_WAY,
    remedy: () => REPAIR,
  },
  "mark-double": {
    code: "TR0603",
    category: "pods",
    severity: "failed",
    title: "A pod's mark is there twice",
    fault: ({ pod, drift }: DriftFacts) => `${pod}: ${drift}`,
    consequence: () => "the last one counts, and only one of them is removed with the pod",
    remedy: () => REPAIR,
  },
  "mark-unexpected": {
    code: "TR0604",
    category: "pods",
    severity: "failed",
    title: "A pod has a mark that its record does not call for",
    fault: ({ pod, drift }: DriftFacts) => `${pod}: ${drift}`,
    consequence: () => WRONG_WAY,
    remedy: () => REPAIR,
  },
  "mark-of-another": {
    code: "TR0605",
    category: "pods",
    severity: "failed",
    title: "Another attachment's mark is on a pod's address",
    fault: ({ pod, drift }: DriftFacts) => `${pod}: ${drift}`,
    consequence: () => WRONG_WAY,
    remedy: () => REPAIR,
  },
  "mark-without-record": {
    code: "TR0606",
    category: "pods",
    severity: "failed",
    title: "A mark has no record",
    fault: ({ pod, address, place }: StrayFacts) =>
      `a mark of ${pod} on ${address} (${place}) has no record in the journal`,
    consequence: () => "a later pod with this address would inherit it",
    remedy: ({ removal }: StrayFacts) => removal ?? REPAIR,
  },
  "add-unfinished": {
    code: "TR0607",
    category: "pods",
    severity: "failed",
    title: "An ADD did not finish",
    fault: ({ pod }: PodFacts) => `${pod}: its ADD did not finish, and the process has ended`,
    consequence: () => "its address stays taken until its DEL comes; the runtime sends one",
    remedy: () => "wrapper gc",
  },
  "del-owed": {
    code: "TR0608",
    category: "pods",
    severity: "failed",
    title: "A DEL is owed",
    fault: ({ pod, why }: OwedFacts) => `${pod}: ${why}, and its DEL is owed`,
    consequence: () => "its rules and its address stay until the runtime repeats it",
    remedy: () => "wrapper gc",
  },
  "record-unusable": {
    code: "TR0609",
    category: "pods",
    severity: "failed",
    title: "A journal record cannot be used",
    fault: ({ path, reason }: { readonly path: string; readonly reason: string }) =>
      `${path}: ${reason}`,
    consequence: () => "the pod goes on; its DEL finds its marks by their tag",
    remedy: ({ path }: { readonly path: string }) => `rm ${shellWord(path)}`,
  },
  "mark-elsewhere": {
    code: "TR0610",
    category: "pods",
    severity: "warning",
    title: "A pod's mark is in another variant than on record",
    fault: ({ pod, recorded, found }: PlaceFacts) =>
      `${pod}: its mark is in ${found}, and its record says ${recorded}`,
    consequence: () => "it works, but its DEL looks in the other place and leaves it behind",
    remedy: () => REPAIR,
  },
  "foreign-mark": {
    code: "TR0611",
    category: "pods",
    severity: "failed",
    title: "A foreign rule writes the mark of a pod",
    fault: ({ rule, pods }: RuleFacts) =>
      `the foreign rule "${rule}" marks packets of ${named(pods)}`,
    consequence: ({ pods, mark, tenant }: RuleFacts & MarkedFacts) =>
      `${pods.length === 1 ? "it goes" : "they go"} with mark ${formatMark(mark)}${tenant === undefined ? "" : `, as tenant ${tenant}`}`,
    remedy: ({ removal }: RuleFacts) => removal,
  },
  "untracked-pod": {
    code: "TR0612",
    category: "pods",
    severity: "failed",
    title: "Connections of a pod are not tracked",
    fault: ({ rule, pods }: RuleFacts) =>
      `the rule "${rule}" in raw keeps connections of ${named(pods)} from being tracked`,
    consequence: () =>
      "replies to clients from outside keep the mark and leave by the tenant's gateway",
    remedy: ({ removal }: RuleFacts) => removal,
  },
  "annotation-changed": {
    code: "TR0614",
    category: "pods",
    severity: "failed",
    title: "The annotation asks for another mark than the one in force",
    fault: ({ pod, have, want }: ChangedFacts) =>
      `${pod} has ${have}, and its annotation of today asks for ${want}`,
    consequence: () => "without an agent a change does not reach a running pod",
    remedy: ({ pod }: ChangedFacts) => {
      const [namespace = "", name = ""] = pod.split("/");
      return `kubectl -n ${shellWord(namespace)} delete pod ${shellWord(name)}`;
    },
  },
  "annotation-refused": {
    code: "TR0615",
    category: "pods",
    severity: "warning",
    title: "The annotation of today is refused",
    fault: ({ pod, why }: OwedFacts) => `${pod}: its annotation of today is refused: ${why}`,
    consequence: () => "the pod keeps its mark; made again, it would not start",
    remedy: ({ pod }: OwedFacts) => `Correct the annotation of ${pod}, or of its namespace`,
  },
} satisfies Record<string, Kind<never>>;

interface StrayFacts extends PodFacts {
  readonly address: string;
  readonly place: string;
  /** The command that removes it; undefined: no program of its own does. */
  readonly removal: string | undefined;
}

interface PlaceFacts extends PodFacts {
  readonly recorded: string;
  readonly found: string;
}

interface MarkedFacts {
  readonly mark: Mark;
  /** The tenant that has it. */
  readonly tenant: string | undefined;
}

interface ChangedFacts extends PodFacts {
  readonly have: string;
  readonly want: string;
}

function named(pods: readonly string[]): string {
  const [first = "no pod"] = pods;
  return pods.length < 2 ? `pod ${first}` : `pod ${first} and ${pods.length - 1} more`;
}
