/** Pure: what can be wrong with the marks of running pods. */
import { formatMark, type Mark } from "../../net/mark";
import type { Kind } from "../finding";
import type { ForeignRule } from "../foreign/model";

/** `pod`: `<namespace>/<pod>`, with its container where that is needed. */
interface PodFacts {
  readonly pod: string;
}

interface Change extends PodFacts {
  readonly now: Mark | undefined;
  readonly wanted: Mark | undefined;
  readonly tenant: string | undefined;
}

interface ForeignFacts extends PodFacts {
  readonly rule: ForeignRule;
  readonly address: string;
  /** Whose mark the packets have then, if that is known. */
  readonly gives: string | undefined;
}

interface MarkFindings {
  readonly "marks-differ": PodFacts & { readonly what: readonly string[] };
  readonly "annotation-differs": Change;
  readonly "annotation-ignored": Change;
  readonly "annotation-denied": PodFacts & { readonly why: string };
  readonly "marks-unclaimed": PodFacts & {
    readonly tag: string;
    readonly addresses: readonly string[];
    /** In this network's journal its record is missing; else they are those of another network. */
    readonly isOurs: boolean;
    /** A network interface of the node, or of a pod on it, has one of the addresses. */
    readonly inUse: boolean;
  };
  readonly "del-never-came": PodFacts & { readonly netns: string };
  readonly unfinished: PodFacts & { readonly verb: "ADD" | "DEL" };
  readonly "address-taken": PodFacts & { readonly why: string };
  readonly "foreign-rule": ForeignFacts;
  readonly "record-damaged": { readonly file: string; readonly why: string };
}

const REPAIR = "wrapper repair --apply";

/** The kinds of findings about marks. */
export const MARK_FINDINGS = {
  "marks-differ": {
    code: "TR0650",
    category: "pods",
    severity: "failed",
    title: "Marks are not as the pod's record says",
    fault: ({ pod, what }) => `${pod}: ${what.join("; ")}`,
    consequence: () => "its packets leave by another gateway than its tenant's, or by the node's",
    remedy: () => REPAIR,
  },
  "annotation-differs": {
    code: "TR0651",
    category: "pods",
    severity: "failed",
    title: "The annotation of today asks for another mark",
    fault: ({ pod, now, wanted, tenant }) =>
      `${pod} has ${markText(now)}, and its annotation of today asks for ${markText(wanted)}${tenant === undefined ? "" : ` (tenant ${tenant})`}`,
    consequence: () => "its packets leave as its tenant of before",
    remedy: () => REPAIR,
  },
  "annotation-ignored": {
    code: "TR0652",
    category: "pods",
    severity: "warning",
    title: "The annotation has changed, and onAnnotationChange is ignore",
    fault: ({ pod, now, wanted }) =>
      `${pod} has ${markText(now)}, its annotation of today asks for ${markText(wanted)}, and "onAnnotationChange" is "ignore"`,
    consequence: () => "it keeps the mark that it started with until it is made again",
    remedy: ({ pod }) => recreate(pod),
  },
  "annotation-denied": {
    code: "TR0653",
    category: "pods",
    severity: "warning",
    title: "The annotation of today is refused",
    fault: ({ pod, why }) => `${pod}: ${why}`,
    consequence: () => "it keeps the mark that it has, and would not start again",
    remedy: ({ pod }) =>
      `correct the annotation (kubectl ${inNamespace(pod, "annotate")} ...), or the tenant in the conflist`,
  },
  "marks-unclaimed": {
    code: "TR0654",
    category: "pods",
    severity: "warning",
    title: "Marks without a record",
    fault: ({ pod, addresses, isOurs }) =>
      `${addresses.join(", ")} ${addresses.length === 1 ? "is" : "are"} marked for ${pod}, which has no record in ${isOurs ? "the journal" : "this conflist's journal"}`,
    consequence: ({ isOurs, inUse }) =>
      !isOurs
        ? "another network has put them there, or a conflist that is gone; they stay until its own DEL"
        : inUse
          ? "a pod has the address now and uses the mark; without a record nothing repairs it"
          : "a pod that is given the address by another plugin takes that tenant's gateway",
    remedy: ({ isOurs, inUse, pod }) =>
      !isOurs
        ? "run wrapper drift --conf with the conflist of the other network"
        : inUse
          ? recreate(pod)
          : `${REPAIR} --unclaimed`,
  },
  "del-never-came": {
    code: "TR0655",
    category: "pods",
    severity: "failed",
    title: "The sandbox is gone and its DEL is owed",
    fault: ({ pod, netns }) => `${pod}: its network namespace ${netns} is gone, and no DEL came`,
    consequence: () => "its address, marks and record are kept for nobody",
    remedy: () => REPAIR,
  },
  unfinished: {
    code: "TR0656",
    category: "pods",
    severity: "warning",
    title: "An ADD or DEL did not finish",
    fault: ({ pod, verb }) => `${pod}: its ${verb} did not finish, and its process is gone`,
    consequence: () => "the runtime repeats it; until then address and marks are kept",
    remedy: ({ pod }) => `wrapper check ${pod}`,
  },
  "address-taken": {
    code: "TR0657",
    category: "pods",
    severity: "failed",
    title: "Two pods have one address",
    fault: ({ pod, why }) => `${pod}: ${why}`,
    consequence: () => "the marks belong to one of the two, and the other takes its gateway",
    remedy: ({ pod }) => recreate(pod),
  },
  "foreign-rule": {
    code: "TR0658",
    category: "pods",
    severity: "failed",
    title: "A foreign rule marks a pod's packets",
    fault: ({ rule, pod, address, gives }) =>
      `foreign rule "${rule.text}" (${rule.where}) marks packets of ${pod} (${address})${gives === undefined ? "" : ` as ${gives}'s`}`,
    consequence: ({ gives }) =>
      gives === undefined
        ? "they may leave by another gateway than the pod's tenant has"
        : `they leave by the gateway of ${gives}, unless a later rule marks them again`,
    remedy: ({ rule }) => rule.removal,
  },
  "record-damaged": {
    code: "TR0659",
    category: "pods",
    severity: "failed",
    title: "A record of the journal cannot be used",
    fault: ({ file, why }) => `${file}: ${why}`,
    consequence: () =>
      "its pod is not checked and not repaired; its DEL finds the marks all the same",
    remedy: ({ file }) => `rm ${file}`,
  },
} satisfies { readonly [K in keyof MarkFindings]: Kind<MarkFindings[K]> };

function markText(mark: Mark | undefined): string {
  return mark === undefined ? "no mark" : `mark ${formatMark(mark)}`;
}

function recreate(pod: string): string {
  return pod.includes("/") ? `kubectl ${inNamespace(pod, "delete")}` : "recreate the pod";
}

function inNamespace(pod: string, verb: string): string {
  const [namespace = "", name = ""] = pod.split(" ")[0]?.split("/") ?? [];
  return `-n ${namespace} ${verb} pod ${name}`;
}
