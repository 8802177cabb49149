/** What becomes known in the course of an operation, as data and as the fields of its log line. */
import type { Tenant } from "../../conf/types";
import type { CniError } from "../cni/error";
import type { PodRef } from "../cni/request";
import { formatMark, type Mark } from "../net/mark";

/** The annotation that decides, and on which of the two it is. */
export interface ChosenAnnotation {
  readonly key: string;
  readonly value: string;
  readonly source: "pod" | "namespace";
}

/**
 * A pod's mark and where it comes from, or why it runs without one. none: no annotation, neither from
 * the runtime nor (where `askedApi`) at the API server. failed: it could not be found out or put in force,
 * and `onError` is "allow".
 */
export type MarkChoice =
  | (ChosenAnnotation & { readonly mark: Mark; readonly tenant: Tenant | undefined })
  | (Unmarked & { readonly source: "none"; readonly askedApi: boolean })
  | (Unmarked & { readonly source: "exempt"; readonly namespace: string })
  | (Unmarked & {
      readonly source: "failed";
      readonly step: "lookup" | "rules";
      readonly error: CniError;
    });

interface Unmarked {
  readonly mark?: undefined;
  readonly tenant?: undefined;
}

/** The annotation that decided on a mark; undefined: there is no mark. */
export function annotationOf(choice: MarkChoice): ChosenAnnotation | undefined {
  if (choice.mark === undefined) return undefined;
  const { key, value, source } = choice;
  return { key, value, source };
}

/** For people, and for the record: where the mark came from, or why there is none. */
export function choiceText(choice: MarkChoice): string {
  switch (choice.source) {
    case "none":
      return choice.askedApi
        ? "no annotation on the pod or its namespace"
        : "no annotation from the runtime, and no kubeconfig to look further";
    case "exempt":
      return `namespace ${choice.namespace} is exempt`;
    case "failed":
      return `${choice.step} failed, onError is allow`;
    default:
      return `${choice.source} annotation ${choice.key}`;
  }
}

/** What people read beside an installed mark: `<namespace>/<pod>`, or "". */
export function labelOf(pod: PodRef | undefined): string {
  return pod === undefined ? "" : `${pod.namespace}/${pod.name}`;
}

/** What became known in the course of an operation. Times in milliseconds. */
export interface Facts {
  /** Of an ADD. */
  readonly choice?: MarkChoice;
  /** Of a DEL: what its record says. */
  readonly mark?: Mark;
  readonly addresses?: readonly string[];
  readonly delegateMs?: number;
  readonly rulesMs?: number;
  /** Tags of the attachments whose marks were still on the addresses. */
  readonly evicted?: readonly string[];
  /** How many processes a killed ADD had left running. */
  readonly leftoversEnded?: number;
}

/** Gathers the facts of one operation while it runs, because one that fails has its facts too. */
export interface Progress {
  readonly facts: Facts;
  /** What is noted later replaces what was noted before. */
  note(facts: Facts): void;
}

/** Facts that are empty at first. */
export function createProgress(): Progress {
  const facts: Facts = {};
  return { facts, note: (more) => void Object.assign(facts, more) };
}

/** The facts as fields of a log line, those that are known. */
export function factFields(facts: Facts): Readonly<Record<string, unknown>> {
  const { choice, addresses, delegateMs, rulesMs, evicted } = facts;
  const mark = choice === undefined ? facts.mark : (choice.mark ?? "none");
  const fields = {
    mark: typeof mark === "object" ? formatMark(mark) : mark,
    tenant: choice?.tenant?.name,
    source: choice === undefined ? undefined : choiceText(choice),
    addresses,
    delegateMs,
    rulesMs,
    evicted,
    // The name is older than the word for it: programs that read the log know it.
    orphansEnded: facts.leftoversEnded,
  };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
