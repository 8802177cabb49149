/** `wrapper validate`: everything about a conflist before it is switched on. */
import { join } from "node:path";
import { effectOf, effectText, type Effect } from "../../lib/checks/conflist/effect";
import { statusObject } from "../../lib/checks/report/json";
import { statusText, wrap, wrapCommand } from "../../lib/checks/report/text";
import { runChecks, statusOf, type Verdict } from "../../lib/checks/run";
import { shellWord } from "../../lib/text/shell";
import { hasColours } from "../colours";
import { outputFormat, type RunCommand } from "../command";
import type { Io } from "../io";
import { painter } from "../status/paint";
import { escaped } from "../status/escaped";
import { withSignOfLife } from "../status/waiting";
import { validation, type Validation } from "../validate/checks";
import { readInput, type Input } from "../validate/input";

const INDENT = "  ";

/**
 * Judges FILE, by default the one that the runtime uses. Returns 0 when it can be switched on (warnings
 * included), 1 when it cannot, 2 when something could not be looked at. Throws when FILE cannot be read.
 */
export const validateCommand: RunCommand = async (io, positionals, values) => {
  const json = outputFormat(values) === "json";
  const input = readInput(io, positionals, values);
  const what = validation(input, values.api === true);
  const verdicts = await withSignOfLife("looking at the conflist", () => runChecks(what.checks));
  const effect = what.conflist && what.conf && effectOf(what.conflist, what.conf);
  const status = statusOf(verdicts);
  if (json) {
    const object = { ...statusObject(input.file, verdicts), effect: effect ?? null };
    io.stdout(`${JSON.stringify(object, null, 2)}\n`);
  } else {
    print(io, verdicts);
    if (effect !== undefined && status !== 1) io.stdout(validText(effect, input, what.place));
  }
  return status;
};

function print(io: Io, verdicts: readonly Verdict[]): void {
  if (hasColours()) io.coloured(statusText(verdicts.map(escaped), painter(true)));
  else io.stdout(statusText(verdicts, painter(false)));
}

function validText(
  effect: Effect,
  { file, dir }: Input,
  { name, installed }: Validation["place"],
): string {
  const source = file === "stdin" ? "FILE" : shellWord(file);
  const heading = wrap(`valid: ${file} will do this:`, "");
  const move = wrapCommand(`mv ${source} ${shellWord(join(dir, name))}`, INDENT);
  const next = installed ? "" : `switch it on:\n${move}\n`;
  return `\n${heading}\n${effectText(effect, (text) => wrap(text, INDENT))}${next}`;
}
