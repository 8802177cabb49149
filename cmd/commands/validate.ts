/** `wrapper validate`: everything about a conflist before it is switched on. */
import { dirname, join, resolve } from "node:path";
import { effectOf, effectText, type Effect } from "../../lib/checks/conflist/effect";
import { statusObject } from "../../lib/checks/report/json";
import { wrap, wrapCommand } from "../../lib/checks/report/text";
import { runChecks, statusOf } from "../../lib/checks/run";
import { shellWord } from "../../lib/text/shell";
import { outputFormat, type RunCommand } from "../command";
import { printVerdicts } from "../screen/verdicts";
import { withSignOfLife } from "../screen/waiting";
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
    printVerdicts(io, verdicts);
    if (effect !== undefined && status !== 1) io.stdout(validText(effect, input, what.place));
  }
  return status;
};

function validText(effect: Effect, input: Input, { name, installed }: Validation["place"]): string {
  const heading = wrap(`valid: ${input.file} will do this:`, "");
  const next = installed ? "" : switchOnText(input, name);
  return `\n${heading}\n${effectText(effect, (text) => wrap(text, INDENT))}${next}`;
}

/** The command that makes the runtime use the file. */
function switchOnText({ file, dir, writes, kubelet }: Input, name: string): string {
  const home = writes === undefined ? join(dir, ".new") : join(dirname(writes.settings), name);
  const source = file === "stdin" ? home : file;
  const command =
    writes === undefined
      ? `mv ${shellWord(source)} ${shellWord(join(dir, name))}`
      : `echo ${shellWord(`${writes.setting}: ${resolve(source)}`)} >>${writes.settings} && ${kubelet?.restart ?? "restart the kubelet"}`;
  const first = file === "stdin" ? `save it as ${home}, and ` : "";
  return `${first}switch it on:\n${wrapCommand(command, INDENT)}\n`;
}
