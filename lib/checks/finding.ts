/** Types and pure functions: what a check can find, as data, and as the sentences that people read. */

/** What a check is about, in the order in which a node comes to life. */
export const CATEGORIES = {
  runtime: "what the container runtime does with the conflist",
  conflist: "what the conflist says",
  credentials: "the kubeconfig and what is in it",
  api: "the API server and what it allows",
  pods: "the pods' marks against the journal and the annotations",
  routes: "the tenants' rules, tables and gateways",
  node: "this machine: disks, kernel settings, what goes around the marks",
  agent: "the agent and the watcher",
} as const;

export type Category = keyof typeof CATEGORIES;

/** `failed`: pods do not start, or packets do not go where they should. `warning`: they may, one day. */
export type Severity = "failed" | "warning";

/** One kind of finding: `F` is what it has to know of this node. */
export interface Kind<F> {
  /** Stable: the same kind has it for ever, and no other kind ever gets it. */
  readonly code: `TR${number}`;
  readonly category: Category;
  readonly severity: Severity;
  /** For lists and pages: a few words, the same on every node. */
  readonly title: string;
  /** One sentence without a full stop: what is so. */
  readonly fault: (facts: F) => string;
  /** One sentence without a full stop: what follows for the pods. */
  readonly consequence: (facts: F) => string;
  /** One command that can be copied and ends it; what no command can do begins with a verb. */
  readonly remedy: (facts: F) => string;
}

/** A finding with its sentences. */
export interface Finding {
  /** The name of its kind, for programs: `kubeconfig-mode`. */
  readonly kind: string;
  readonly code: string;
  readonly category: Category;
  readonly severity: Severity;
  readonly fault: string;
  readonly consequence: string;
  readonly remedy: string;
  /** Tenant, pod (`namespace/name`), device or file that it is about; undefined: the node. */
  readonly subject: string | undefined;
}

/** What a kind has to know. */
export type FactsOf<T> = T extends Kind<infer F> ? F : never;

/** Kinds by their names. A kind of any facts is one of these. */
export type Kinds = Readonly<Record<string, Kind<never>>>;

/** A finding of the kind `name` of `kinds`, about `subject`. */
export function findingOf<T extends Kinds, K extends keyof T & string>(
  kinds: T,
  name: K,
  facts: FactsOf<T[K]>,
  subject?: string,
): Finding {
  const { code, category, severity, ...texts } = kinds[name] as Kind<FactsOf<T[K]>>;
  return {
    kind: name,
    code,
    category,
    severity,
    fault: texts.fault(facts),
    consequence: texts.consequence(facts),
    remedy: texts.remedy(facts),
    subject,
  };
}

/** For who shows one line and no more: code, fault and what ends it. */
export function lineOf({ code, fault, remedy }: Finding): string {
  return `${code} ${fault}: ${remedy}`;
}

/** Where the page about a code is, below the project's root. */
export function pageOf(code: string): string {
  return `docs/checks.md#${code.toLowerCase()}`;
}
