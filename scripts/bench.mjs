// npm run bench (as root): what the wrapper costs beside the bare delegate, and what its rules cost
// each packet. Everything happens in network namespaces of its own, which are always removed.
// Performance is never asserted: exit status 1 means that something failed to run.
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg, tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { variantLabel } from "./bench/kinds.mjs";
import {
  connectInternet,
  createNode,
  netnsNames,
  removeNode,
  removeStale,
  withGateways,
  withPods,
} from "./bench/namespaces.mjs";
import { parseOptions, USAGE } from "./bench/options.mjs";
import { renderChaos } from "./bench/report/chaos.mjs";
import { fillPlace, renderReport } from "./bench/report/report.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "..");
const MEASURE = join(here, "bench", "measure.mjs");
const CHAOS = join(here, "bench", "chaos", "run.mjs");
/** Pods that come and go in the chaos. */
const CHAOS_PODS = 10;
const BINARY = join(root, "dist", "tenant-routing-wrapper");
const LAUNCHER = join(root, "dist", "tenant-routing-launcher");
const API_SERVER = join(root, "dist", "apiserver.cjs");
/** The measuring process that runs now, and whether a signal has asked us to end. */
let child;
let interrupted = false;

async function main() {
  const options = parseOptions(process.argv.slice(2));
  if (options.help) return void process.stdout.write(USAGE);
  if (process.getuid() !== 0) throw new Error("run it as root: it makes network namespaces");
  const binary = resolve(options.binary ?? BINARY);
  const launcher = resolve(options.launcher ?? LAUNCHER);
  const against = options.against === undefined ? undefined : resolve(options.against);
  prepare(options.binary === undefined);
  removeStale();
  const work = mkdtempSync(join(tmpdir(), "tenant-routing-bench-"));
  try {
    const about = describeMachine(options);
    const variants = [];
    for (const variant of options.variants)
      variants.push(await measureVariant(variant, { ...options, binary, launcher, against, work }));
    publish({ ...about, loadAfter: loadavg()[0], variants }, options);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** The API server is built anew each time: it takes 0.1 s, and a stale one measures the wrong thing. */
function prepare(buildBinary) {
  mkdirSync(join(root, "dist"), { recursive: true });
  if (buildBinary) run([join(root, "scripts", "build.mjs")]);
  run([join(root, "test", "apiserver", "build.mjs"), API_SERVER]);
}

function run(args) {
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: ["ignore", 2, 2] });
  if (status !== 0) throw new Error(`${args.join(" ")} failed with status ${status}`);
}

function describeMachine({ iterations, busy }) {
  return {
    date: new Date().toISOString(),
    node: process.version,
    machine: `${availableParallelism()} x ${cpus()[0]?.model.trim() ?? "unknown processor"}`,
    cores: availableParallelism(),
    loadBefore: loadavg()[0],
    iterations,
    busy,
  };
}

/**
 * One variant on a node of its own: where another variant's tables exist, the wrapper lists both. The measuring
 * process itself runs in it, so that no call pays for `ip netns exec`.
 */
async function measureVariant(variant, options) {
  const bursts = options.sections.includes("bursts") ? options.bursts : [];
  const names =
    options.chaos === undefined
      ? withPods(netnsNames(variant), Math.max(0, ...bursts))
      : withGateways(withPods(netnsNames(variant), CHAOS_PODS));
  const dir = join(options.work, variant);
  mkdirSync(dir, { recursive: true });
  try {
    createNode(names);
    connectInternet(names);
    const output = join(dir, "figures.json");
    const plan = {
      ...options,
      variant,
      names,
      dir,
      output,
      apiServer: API_SERVER,
      rbac: join(root, "manifests", "rbac.yaml"),
    };
    await runInside(names.node, plan);
    return JSON.parse(readFileSync(output, "utf8"));
  } finally {
    removeNode(names);
  }
}

function runInside(netns, plan) {
  if (interrupted) throw new Error("interrupted");
  const script = plan.chaos === undefined ? MEASURE : CHAOS;
  child = spawn("ip", ["netns", "exec", netns, process.execPath, script, JSON.stringify(plan)], {
    stdio: ["ignore", "inherit", "inherit"],
  });
  return new Promise((fulfil, reject) => {
    child.once("error", reject);
    child.once("close", (status, signal) => {
      if (status === 0) fulfil();
      else
        reject(
          new Error(
            interrupted
              ? "interrupted"
              : `measuring on ${variantLabel(plan.variant)} failed (${signal ?? `status ${status}`})`,
          ),
        );
    });
  });
}

function publish(report, options) {
  const out = resolve(options.out ?? join(root, "dist", "bench.json"));
  mkdirSync(dirname(out), { recursive: true });
  writeFileSync(out, `${JSON.stringify(report, null, 1)}\n`);
  if (options.chaos !== undefined) return publishChaos(report, out);
  process.stdout.write(`${renderReport(report, options)}\n\nwritten: ${out}\n`);
  if (options.page === undefined) return;
  const tables = renderReport(report, { breakdown: false });
  writeFileSync(options.page, fillPlace(readFileSync(options.page, "utf8"), tables));
}

/** Exit status 1 where something was found: unlike a figure, that is wrong on any machine. */
function publishChaos(report, out) {
  process.stdout.write(`${renderChaos(report)}\n\nwritten: ${out}\n`);
  if (report.variants.some(({ findings = [] }) => findings.length > 0)) process.exitCode = 1;
}

// Only remembered: the clean-up runs when the measuring process has ended.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.on(signal, () => {
    interrupted = true;
    child?.kill("SIGTERM");
  });
}

try {
  await main();
} catch (error) {
  process.stderr.write(`bench: ${error.message}\n`);
  process.exitCode = 1;
}
