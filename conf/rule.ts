import type { JsonObject } from "../lib/ports";
import type { Verb } from "../lib/cni/request";
import type { Draft } from "./draft";
import type { Problem } from "./problem";

export interface RuleInput {
  /** As it was written, whatever is wrong with it: tells a missing key from a refused one. */
  readonly raw: JsonObject;
  /** Only what satisfies the schema. */
  readonly draft: Draft;
  readonly verb: Verb;
}

/** Returns what is wrong, never throws, and does not repeat what the schema has refused. */
export type Rule = (input: RuleInput) => readonly Problem[];
