import { toCniError, type CniError } from "../cni/error";
import { formatMark, type Mark } from "../net/mark";
import { choiceText, type MarkChoice } from "./mark-choice";

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

/** How an operation ended, and what is known about it either way. */
export type Outcome = { readonly facts: Facts } & (
  { readonly output: string } | { readonly error: CniError }
);

export function createProgress(): Progress {
  const facts: Facts = {};
  return { facts, note: (more) => void Object.assign(facts, more) };
}

/** Runs `body` to its end, whatever that is. Never throws. */
export async function outcomeOf(progress: Progress, body: () => Promise<string>): Promise<Outcome> {
  const { facts } = progress;
  try {
    return { facts, output: await body() };
  } catch (thrown) {
    return { facts, error: toCniError(thrown) };
  }
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
    // As it has always been called: whoever reads the log may look for it.
    orphansEnded: facts.leftoversEnded,
  };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
