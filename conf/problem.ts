import { CniError } from "../lib/cni/error";
import { quote } from "../lib/cni/json";

/** One thing that is wrong with a configuration, and what to do about it. */
export interface Problem {
  /** Where the value is, or where the missing one belongs, as the keys from the top. */
  readonly path: readonly string[];
  /** Follows the pointer in a sentence: `is missing`, `is "x", which is not valid`. */
  readonly what: string;
  readonly hint: string;
  /** A key that the schema does not have; `meant` is the path it was probably meant for. */
  readonly unknown?: { readonly meant: readonly string[] | undefined };
  readonly missing?: true;
  /** What a verb that lives with the problem leaves out, where that is not what `path` leads to. */
  readonly drop?: readonly (readonly string[])[];
  /** Without this value no verb can go on, not even DEL. */
  readonly fatal?: true;
}

/** Messages longer than this move the list of problems into `details`. */
const MAX_MESSAGE = 700;
/** Problems beyond this number are only counted. */
const MAX_LISTED = 20;

/** The JSON pointer (RFC 6901) of a path, made safe for a message. */
export function pointerOf(path: readonly string[]): string {
  const pointer = path.map((key) => `/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
  return quote(pointer).slice(1, -1);
}

/** One problem as a sentence without its final stop: pointer, what is wrong, the remedy. */
export function problemText(problem: Problem): string {
  return `${pointerOf(problem.path)} ${problem.what}: ${problem.hint}`;
}

/**
 * All problems of a configuration as one error: `unsupportedField` when nothing but unknown keys
 * is wrong, else `invalidConfig`. The first problem is always in the message.
 */
export function problemsError(network: string | undefined, problems: readonly Problem[]): CniError {
  const all = withoutConsequences(problems);
  const kind = all.every((p) => p.unknown !== undefined) ? "unsupportedField" : "invalidConfig";
  const subject =
    network === undefined ? "network configuration" : `configuration of network ${quote(network)}`;
  const texts = all.map(problemText);
  const whole = `${subject}: ${texts.join("; ")}`;
  if (texts.length <= MAX_LISTED && whole.length <= MAX_MESSAGE) return new CniError(kind, whole);
  const message = `${subject}: ${texts[0] ?? ""} (the first of ${texts.length} problems, see the details)`;
  const listed = texts.slice(0, MAX_LISTED).map((text, i) => `${i + 1}) ${text}`);
  if (texts.length > MAX_LISTED) listed.push(`and ${texts.length - MAX_LISTED} more`);
  return new CniError(kind, message, { details: listed.join("; ") });
}

// A mistyped key is also a missing one; told twice, the typing error would hide behind it.
function withoutConsequences(problems: readonly Problem[]): readonly Problem[] {
  const meant = new Set(
    problems.flatMap((p) => (p.unknown?.meant === undefined ? [] : [pointerOf(p.unknown.meant)])),
  );
  return problems.filter((p) => p.missing !== true || !meant.has(pointerOf(p.path)));
}
