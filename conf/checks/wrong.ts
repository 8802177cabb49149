import { type Problem, showValue } from "../problem";
import { schemaAt } from "../schema/plugin";

/** A text that the schema takes and that is none of what it has to be; `why` follows "which". */
export function wrong(path: readonly string[], text: string, why: string): Problem {
  return { path, what: `is ${showValue([], text)}, which ${why}`, hint: hintAt(path) };
}

/** What the schema asks for at this place. */
export function hintAt(path: readonly string[]): string {
  return schemaAt(path)?.errorMessage ?? "";
}
