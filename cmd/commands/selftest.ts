import { readFileSync } from "node:fs";
import { own, isObject, parseJson, type Json } from "../../lib/cni/json";
import { CniError } from "../../lib/cni/error";
import { IMPLIED_VERSION } from "../../lib/cni/version";
import { systemClock } from "../../lib/node/clock";
import { backendKind } from "../backends";
import { EXIT_WRONG, outputFormat, type Values } from "../command";
import { cniPath, findConf } from "../conflist";
import type { Io } from "../io";
import { catchInterrupts } from "../../lib/lab/kit/terminal";
import { checkNeeds } from "../../lib/lab/kit/needs";
import { createShell } from "../../lib/lab/kit/shell";
import { runLab } from "../../lib/lab/kit/run-lab";
import { createTranscript } from "../../lib/lab/kit/transcript";
import type { ConfList } from "../../lib/selftest/copy";
import { createResults } from "../../lib/selftest/results";
import { copyFor, runSelftest, type Task } from "../../lib/selftest/run";
import { isBad, reportJson, reportText } from "../../lib/selftest/report";
import { tenantsToTest, tenantText } from "../../lib/selftest/tenants";

const OUR_TYPE = "tenant-routing-wrapper";

/**
 * `wrapper selftest`: proves with packets, in network namespaces of its own, that what the conflist
 * promises holds on this node. Returns 0 when every property holds, 1 when one does not, 128 + n
 * when signal n ended it; throws when it could not run. The report goes to stdout, what is being done to stderr.
 */
export async function selftestCommand(
  io: Io,
  _positionals: readonly string[],
  values: Values,
): Promise<number> {
  const json = outputFormat(values) === "json";
  if (process.getuid?.() !== 0)
    throw new CniError(
      "invalidEnvironment",
      "the self-test makes network namespaces: run it as root, for example with sudo",
    );
  const { conf, path } = findConf(values.conf, "STATUS");
  const pluginDirs = cniPath(values, io.env);
  const task: Task = {
    conf,
    list: readList(path),
    tenants: tenantsToTest(conf),
    results: createResults(),
    pluginDirs,
    progress: progressLines(io),
  };
  const programs = backendKind(conf) === "nftables" ? ["nft"] : ["iptables", "ip6tables"];
  checkNeeds({ programs, plugins: chained(task) }, pluginDirs);
  const interrupt = catchInterrupts();
  try {
    await run(task, interrupt.signal);
  } catch (error) {
    if (!interrupt.signal.aborted) throw error;
    io.stderr(
      `wrapper selftest: ${(interrupt.signal.reason as Error).message}; everything was removed\n`,
    );
    return interrupt.status() ?? 1;
  } finally {
    interrupt.release();
  }
  const report = { conf: path, tested: task.tenants.map(tenantText), results: task.results };
  io.stdout(json ? reportJson(report) : reportText(report));
  return isBad(task.results) ? EXIT_WRONG : 0;
}

/** One line for each step, with the time since the first. */
function progressLines(io: Io): (text: string) => void {
  const started = systemClock.elapsed();
  return (text) =>
    io.stderr(
      `wrapper selftest: ${Math.round((systemClock.elapsed() - started) / 1000)} s: ${text}\n`,
    );
}

async function run(task: Task, signal: AbortSignal): Promise<void> {
  const lab = {
    picture: "",
    programs: [],
    plugins: [],
    run: (setup: Parameters<typeof runSelftest>[0]) => runSelftest(setup, task),
  };
  const transcript = createTranscript(
    { stdout: () => {}, coloured: () => {} },
    { verify: false, colour: false },
  );
  await runLab(
    lab,
    { shell: createShell(signal), transcript, signal },
    { keep: false, pluginDirs: task.pluginDirs },
  );
}

/** The plugins that the runtime starts itself; a delegate that is missing is a property that does not hold. */
function chained(task: Task): readonly string[] {
  return copyFor(task, "/")
    .list.plugins.map((plugin) => String(own(plugin, "type")))
    .filter((type) => type !== OUR_TYPE);
}

function readList(path: string): ConfList {
  const file = parseJson(readFileSync(path), path);
  if (!isObject(file)) throw new CniError("decode", `${path} is not a JSON object`);
  const plugins = own(file, "plugins");
  return {
    name: String(own(file, "name") ?? ""),
    cniVersion: String(own(file, "cniVersion") ?? IMPLIED_VERSION),
    plugins: Array.isArray(plugins) ? (plugins as readonly Json[]).filter(isObject) : [file],
  };
}
