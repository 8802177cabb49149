import { CniError } from "../../lib/cni/error";
import { EXIT_WRONG, type Values } from "../command";
import { cniPath } from "../conflist";
import { hasColours } from "../screen/colours";
import type { Io } from "../io";
import { catchInterrupts, waitForEnter } from "../../lib/lab/kit/terminal";
import { LABS } from "../../lib/lab/labs";
import { checkNeeds, findLauncher } from "../../lib/lab/kit/needs";
import { createShell } from "../../lib/lab/kit/shell";
import { runLab, type LabOptions } from "../../lib/lab/kit/run-lab";
import { createTranscript, scoreText, type Score } from "../../lib/lab/kit/transcript";
import { removeLeft } from "../../lib/lab/kit/workspace";
import { formatTable } from "../../lib/text/table";

interface Options extends LabOptions {
  readonly verify: boolean;
  readonly pause: boolean;
}

/**
 * `wrapper lab NAME|all`: runs labs one after another. Returns 0 when every statement held, 1 when
 * one did not, 128 + n when signal n ended it; throws when a lab could not run.
 */
export async function labCommand(
  io: Io,
  [name, ...rest]: readonly string[],
  values: Values,
): Promise<number> {
  if (rest.length > 0)
    throw new CniError(
      "invalidEnvironment",
      `one lab at a time, or all: ${rest.join(" ")} is too much`,
    );
  if (values.remove === true) return removeCommand(io);
  if (name === undefined) return list(io);
  const { apiServer, launcher } = values;
  const options = {
    verify: values.verify === true,
    // An audience looks at the page and not at the terminal.
    pause: values.pause === true || (values.page === true && process.stdout.isTTY),
    page: values.page === true,
    keep: values.keep === true,
    pluginDirs: cniPath(values, {}),
    ...(apiServer === undefined ? {} : { apiServer }),
    ...(launcher === undefined ? {} : { launcher }),
  };
  return runAll(io, name === "all" ? Object.keys(LABS) : [name], options);
}

async function runAll(io: Io, names: readonly string[], options: Options): Promise<number> {
  const interrupt = catchInterrupts();
  const total = { passed: 0, failed: 0 };
  try {
    for (const name of names) {
      const { passed, failed } = await runOne(io, name, interrupt.signal, options);
      total.passed += passed;
      total.failed += failed;
    }
  } catch (error) {
    if (!interrupt.signal.aborted) throw error;
    io.stderr(
      `wrapper lab: ${(interrupt.signal.reason as Error).message}; everything was removed\n`,
    );
    return interrupt.status() ?? 1;
  } finally {
    interrupt.release();
  }
  if (names.length > 1) io.stdout(`\n${names.length} labs: ${scoreText(total)}\n`);
  return total.failed === 0 ? 0 : EXIT_WRONG;
}

async function runOne(io: Io, name: string, signal: AbortSignal, options: Options): Promise<Score> {
  const entry = Object.hasOwn(LABS, name) ? LABS[name] : undefined;
  if (entry === undefined)
    throw new CniError(
      "invalidEnvironment",
      `unknown lab "${name}": there are ${Object.keys(LABS).join(", ")}, and all`,
    );
  const lab = await entry.load();
  if (options.page === true && lab.runWithPage === undefined)
    throw new CniError("invalidEnvironment", `the lab "${name}" has no page: tenants has one`);
  checkNeeds(lab, options.pluginDirs);
  if (lab.launcher === true) findLauncher(options.launcher);
  const transcript = createTranscript(io, {
    verify: options.verify,
    colour: hasColours(),
    ...(options.pause ? { pause: () => waitForEnter(signal) } : {}),
  });
  io.stdout(`${name}: ${entry.title}\n\n${lab.picture.replace(/^\n+|\s+$/g, "")}\n`);
  await runLab(lab, { shell: createShell(signal), transcript, signal }, options);
  io.stdout(`\n${scoreText(transcript.score())}\n`);
  return transcript.score();
}

async function removeCommand(io: Io): Promise<number> {
  if (process.getuid?.() !== 0)
    throw new CniError(
      "invalidEnvironment",
      "run it as root (sudo): what it removes belongs to root",
    );
  const removed = await removeLeft({ kept: true });
  io.stdout(
    removed.length === 0
      ? "nothing to remove\n"
      : removed.map((dir) => `Removed ${dir}\n`).join(""),
  );
  return 0;
}

function list(io: Io): number {
  io.stdout(
    formatTable(
      ["LAB", "WHAT IT SHOWS"],
      Object.entries(LABS).map(([name, { title }]) => [name, title]),
    ),
  );
  return 0;
}
