/** What the reconciler works with, and what it tells. */
import type { PluginConf } from "../../conf/types";
import type { DriftKind } from "../attachment/drift";
import type { Journal } from "../attachment/journal";
import type { Clock, Locks, MarkBackend, Marks } from "../ports";

type Annotations = Readonly<Record<string, string>>;

/** What is known of pods without asking anybody. */
export interface PodView {
  /** undefined: nothing is known of such a pod. */
  pod(
    namespace: string,
    name: string,
  ): { readonly uid: string; readonly annotations: Annotations } | undefined;
  /** Annotations of a namespace; undefined: they are not known. */
  namespace(name: string): Annotations | undefined;
}

/** Something that is installed for every attachment with a mark: the marks themselves, or what guards them. */
export interface Layer {
  readonly name: "marks" | "guard";
  readonly backend: Pick<MarkBackend, "pieces">;
  readonly marks: Pick<Marks, "list" | "restore" | "remove">;
}

/** Where new marks go, and those of running pods too. */
export interface Home {
  /** As records have it; undefined: it is not decided, so all stay where they are. */
  place(): string | undefined;
  /** Throws what keeps marks from being put there. */
  probe(): Promise<void>;
}

/** What is compared, as the present configuration has it. */
export interface Target {
  readonly conf: PluginConf;
  readonly journal: Pick<Journal, "tags" | "read" | "write">;
  readonly locks: Locks;
  /** The marks first. Only their place is in the record. */
  readonly layers: readonly Layer[];
  /** Where the marks belong; left out, they stay where they are. */
  readonly home?: Home;
}

export interface ReconcilePorts {
  readonly clock: Clock;
  /** Asked before each look. */
  readonly target: () => Target;
  /** undefined: nothing is known of pods, so their marks stay as they are. */
  readonly pods: PodView | undefined;
  readonly say: (line: ReconcileLine) => void;
}

/**
 * One line of the log. repair: marks were put back. change: a pod has another mark, or none, because its
 * annotations or the configuration have changed. condition: something is wrong, or is no longer.
 */
export interface ReconcileLine {
  readonly event: "repair" | "change" | "condition";
  readonly message: string;
  readonly pod?: string;
}

/** Figures since the start, and of the last look. Times in milliseconds. */
export interface ReconcileFigures {
  /** Pieces that the records call for. */
  readonly wanted: number;
  /** Managed pieces that are there. */
  readonly installed: number;
  /** Pieces put right, by what was wrong with them. */
  readonly repairs: Readonly<Record<Exclude<DriftKind, "foreign">, number>>;
  /** Attachments that were given another mark, or none. */
  readonly changes: number;
  /** Attachments whose annotation is refused now. */
  readonly refusals: number;
  readonly looks: number;
  readonly lastLookMs: number;
  /** What is wrong now, for people. */
  readonly conditions: readonly string[];
}
