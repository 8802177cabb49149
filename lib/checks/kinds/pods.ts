/** Pure: what can be wrong with the marks of pods: TR06xx. `wrapper status`, `drift`, `rules` and `repair` share it. */
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

interface WhyFacts extends PodFacts {
  readonly why: string;
}

interface OwedFacts extends WhyFacts {
  /** The sandbox is certainly gone. */
  readonly isGone: boolean;
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
    severity: "warning",
    title: "Marks have no record",
    fault: ({ pod, addresses, isOurs }: StrayFacts) =>
      `${addresses.join(", ")} ${addresses.length === 1 ? "is" : "are"} marked for ${pod}, which has no record in ${isOurs ? "the journal" : "this conflist's journal"}`,
    consequence: ({ isOurs, inUse }: StrayFacts) => {
      if (!isOurs) return "they stay until their own network's DEL";
      return inUse
        ? "a pod has the address now and uses the mark; without a record nothing repairs it"
        : "a pod that is given the address by another plugin takes that tenant's gateway";
    },
    remedy: ({ isOurs, inUse, pod }: StrayFacts) => {
      if (!isOurs) return "wrapper drift --conf FILE, with the conflist of the other network";
      return inUse ? recreate(pod) : `${REPAIR} --unclaimed`;
    },
  },
  "add-unfinished": {
    code: "TR0607",
    category: "pods",
    severity: "failed",
    title: "An ADD did not finish",
    fault: ({ pod }: PodFacts) => `${pod}: its ADD did not finish, and the process has ended`,
    consequence: () => "its address stays taken until its DEL comes; the runtime sends one",
    remedy: ({ pod }: PodFacts) => `wrapper check ${pod}`,
  },
  "del-owed": {
    code: "TR0608",
    category: "pods",
    severity: "failed",
    title: "A DEL is owed",
    fault: ({ pod, why }: OwedFacts) => `${pod}: ${why}, and its DEL is owed`,
    consequence: () => "its rules and its address stay until the runtime repeats it",
    remedy: ({ pod, isGone }: OwedFacts) => (isGone ? REPAIR : `wrapper check ${pod}`),
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
    fault: ({ rule, where, pods }: RuleFacts & MarkedFacts) =>
      `the foreign rule "${rule}" (${where}) marks packets of ${podsText(pods)}`,
    consequence: ({ pods, mark, tenant }: RuleFacts & MarkedFacts) => {
      const go = pods.length === 1 ? "it goes" : "they go";
      if (mark === undefined && tenant === undefined)
        return `${go} by another gateway than the tenant's, perhaps`;
      const as = tenant === undefined ? "" : ` as tenant ${tenant}`;
      return `${go}${mark === undefined ? "" : ` with mark ${formatMark(mark)}${as === "" ? "" : ","}`}${as}`;
    },
    remedy: ({ removal }: RuleFacts) => removal,
  },
  "untracked-pod": {
    code: "TR0612",
    category: "pods",
    severity: "failed",
    title: "Connections of a pod are not tracked",
    fault: ({ rule, pods }: RuleFacts) =>
      `the rule "${rule}" in raw keeps connections of ${podsText(pods)} from being tracked`,
    consequence: () =>
      "replies to clients from outside keep the mark and leave by the tenant's gateway",
    remedy: ({ removal }: RuleFacts) => removal,
  },
  "annotation-ignored": {
    code: "TR0613",
    category: "pods",
    severity: "warning",
    title: "The annotation has changed, and onAnnotationChange is ignore",
    fault: ({ pod, have, want }: ChangedFacts) =>
      `${pod} has ${have}, its annotation of today asks for ${want}, and "onAnnotationChange" is "ignore"`,
    consequence: () => "it keeps the mark that it started with until it is made again",
    remedy: ({ pod }: ChangedFacts) => recreate(pod),
  },
  "annotation-changed": {
    code: "TR0614",
    category: "pods",
    severity: "failed",
    title: "The annotation asks for another mark than the one in force",
    fault: ({ pod, have, want }: ChangedFacts) =>
      `${pod} has ${have}, and its annotation of today asks for ${want}`,
    consequence: () => "without an agent a change does not reach a running pod",
    remedy: () => REPAIR,
  },
  "annotation-refused": {
    code: "TR0615",
    category: "pods",
    severity: "warning",
    title: "The annotation of today is refused",
    fault: ({ pod, why }: WhyFacts) => `${pod}: its annotation of today is refused: ${why}`,
    consequence: () => "the pod keeps its mark; made again, it would not start",
    remedy: ({ pod }: WhyFacts) => `Correct the annotation of ${pod}, or of its namespace`,
  },
  "address-taken": {
    code: "TR0616",
    category: "pods",
    severity: "failed",
    title: "Two pods have one address",
    fault: ({ pod, why }: WhyFacts) => `${pod}: ${why}`,
    consequence: () => "the marks belong to one of the two, and the other takes its gateway",
    remedy: ({ pod }: WhyFacts) => recreate(pod),
  },
  "address-outside-pool": {
    code: "TR0617",
    category: "pods",
    severity: "warning",
    title: "A pod has an address that its pool no longer has",
    fault: ({ pod, addresses, pools }: PoolFacts) =>
      `${pod} has ${addresses.join(", ")}, and addresses for it come from ${pools.join(", ")} now`,
    consequence: () => "it keeps its mark and its gateway, where answers may not come back to it",
    remedy: ({ pod }: PoolFacts) => recreate(pod),
  },
} satisfies Record<string, Kind<never>>;

interface StrayFacts extends PodFacts {
  readonly addresses: readonly string[];
  /** In this network's journal the record is missing; else they are another network's. */
  readonly isOurs: boolean;
  /** An interface of the node, or of a pod on it, has one of the addresses, or may have. */
  readonly inUse: boolean;
}

interface PoolFacts extends PodFacts {
  /** Those of its addresses that are in none of the networks. */
  readonly addresses: readonly string[];
  /** Networks. */
  readonly pools: readonly string[];
}

interface PlaceFacts extends PodFacts {
  readonly recorded: string;
  readonly found: string;
}

interface MarkedFacts {
  /** Program, table and chain. */
  readonly where: string;
  /** undefined: not known. */
  readonly mark: Mark | undefined;
  /** The tenant that has it. */
  readonly tenant: string | undefined;
}

interface ChangedFacts extends PodFacts {
  readonly have: string;
  readonly want: string;
}

/** `pod a/b and 2 more`. */
export function podsText(pods: readonly string[]): string {
  const [first = "no pod"] = pods;
  return pods.length < 2 ? `pod ${first}` : `pod ${first} and ${pods.length - 1} more`;
}

function recreate(pod: string): string {
  const [namespace = "", name] = pod.split(" ")[0]?.split("/") ?? [];
  return name === undefined
    ? `Recreate the pod of ${pod}`
    : `kubectl -n ${shellWord(namespace)} delete pod ${shellWord(name)}`;
}
