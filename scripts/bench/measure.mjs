// The measuring process: runs in the node's network namespace, one iptables variant at a time.
// Argument: the plan as JSON (bench.mjs). Writes its figures to plan.output.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { startApi } from "./api.mjs";
import { measureBurst } from "./burst.mjs";
import { add, createPlugins, del, findDelegate, timed, version } from "./cni.mjs";
import { measurePackets } from "./packets.mjs";
import { populate, saved, takePattern, trackConnections } from "./populate.mjs";
import { mean, median, summary } from "./statistics.mjs";

/** Rounds that are not counted: they fill the page cache and settle the clock speed. */
const WARM_UP = 2;
const ATTACHED = ["bare", "runtime", "api", "unmarked"];
/** Kinds that are also measured with the other binary (--against). */
const COMPARED = ["runtime", "api"];

async function main(plan) {
  const { dir, names, variant } = plan;
  mountJournal(dir);
  const api = await startApi({ script: plan.apiServer, rbac: plan.rbac, dir: join(dir, "api") });
  try {
    const paths = {
      dir,
      binary: plan.binary,
      delegate: findDelegate("ptp"),
      netns: `/run/netns/${names.pod}`,
      kubeconfig: api.kubeconfig,
    };
    const plugins = createPlugins(paths, variant);
    if (plan.burst) {
      const burst = await measureBurst(plugins, (n) => `/run/netns/${names.pods[n]}`);
      return void writeFileSync(plan.output, JSON.stringify({ variant, burst }));
    }
    const pattern = takePattern(plugins.runtime, plan);
    const nodes = [];
    trackConnections(variant, true);
    const others =
      plan.against === undefined
        ? undefined
        : createPlugins({ ...paths, binary: plan.against }, variant);
    for (const count of plan.pods)
      nodes.push(await measureNode(count, { plan, plugins, others, pattern }));
    const packets = plan.packets ? await measurePacketsOf({ plan, plugins, pattern }) : [];
    writeFileSync(
      plan.output,
      JSON.stringify({ variant, rulesPerPod: pattern.rules.length, nodes, packets }),
    );
  } finally {
    api.stop();
  }
}

// On tmpfs, as in production; `ip netns exec` gave us a mount namespace that goes when we go.
function mountJournal(dir) {
  const journal = join(dir, "journal");
  mkdirSync(journal, { mode: 0o700 });
  timed("mount", ["-t", "tmpfs", "-o", "mode=0700", "tmpfs", journal], {
    env: { PATH: process.env.PATH },
  });
}

/** One node size: every kind of run once per round, one after the other, so that drift affects all alike. */
async function measureNode(count, { plan, plugins, others, pattern }) {
  process.stderr.write(`iptables-${plan.variant}, ${count} pods on the node ...\n`);
  populate(pattern, count, plan);
  expectRecognised(count, { plan, plugins });
  const series = {};
  const logs = { runtime: [], api: [], unmarked: [] };
  const pairs = [];
  for (let round = -WARM_UP; round < plan.iterations; round++) {
    // Every program is waited for synchronously, so this is when a signal is heard.
    await setImmediate();
    const times = { node: timed(process.execPath, ["-e", "0"]), version: version(plugins.runtime) };
    for (const kind of ATTACHED) {
      forgetLog(plan);
      const attached = add(plugins[kind]);
      if (kind !== "bare" && round >= 0)
        logs[kind].push({
          ...readLog(plan),
          node: times.node.ms,
          version: times.version.ms,
          wall: attached.ms,
        });
      times[`${kind}Add`] = attached;
      times[`${kind}Del`] = del(plugins[kind], attached);
    }
    const paired = pairOf(round, plugins, others);
    if (round < 0) continue;
    pairs.push(paired);
    for (const [name, run] of Object.entries(times)) (series[name] ??= []).push(run);
  }
  expectUntouched(count, { plan, pattern });
  const times = Object.fromEntries(
    Object.entries(series).map(([name, runs]) => [
      name,
      { ...summary(runs.map(({ ms }) => ms)), cpu: mean(runs.map(({ cpu }) => cpu)) },
    ]),
  );
  return {
    pods: count,
    times,
    against: ratios(pairs),
    breakdown: Object.fromEntries(
      Object.entries(logs).map(([kind, lines]) => [kind, breakDown(lines)]),
    ),
  };
}

/** One ADD and one DEL of each compared kind with both binaries, the other one first in every second round; empty without another one. */
function pairOf(round, plugins, others) {
  if (others === undefined) return {};
  const order = round % 2 === 0 ? ["this", "other"] : ["other", "this"];
  const runs = {};
  for (const kind of COMPARED)
    for (const which of order) {
      const plugin = (which === "this" ? plugins : others)[kind];
      const attached = add(plugin);
      (runs[`${kind} ADD`] ??= {})[which] = attached;
      (runs[`${kind} DEL`] ??= {})[which] = del(plugin, attached);
    }
  return runs;
}

/** This binary's time over the other's: the median of the rounds, and all processor time together. */
function ratios(pairs) {
  const total = (name, which) => pairs.reduce((sum, pair) => sum + pair[name][which].cpu, 0);
  return Object.fromEntries(
    Object.keys(pairs[0] ?? {}).map((name) => [
      name,
      {
        wall: median(pairs.map((pair) => pair[name].this.ms / pair[name].other.ms)),
        cpu: total(name, "this") / total(name, "other"),
      },
    ]),
  );
}

// The wrapper would skip pods that it does not recognise faster than real ones.
function expectRecognised(count, { plan, plugins }) {
  const conflist = join(plan.dir, "bench.conflist");
  const { cniVersion, name, ...plugin } = plugins.api.netconf;
  writeFileSync(conflist, JSON.stringify({ cniVersion, name, plugins: [plugin] }));
  const { stdout } = timed(
    plan.binary,
    ["check", "--conf", conflist, "--no-delegate", "-o", "json"],
    { env: { PATH: process.env.PATH } },
  );
  const { length } = JSON.parse(stdout).attachments;
  if (length !== count)
    throw new Error(`wrapper check sees ${length} pods on the node instead of ${count}`);
}

// A wrapper that removed other pods' rules too would look fast.
function expectUntouched(count, { plan, pattern }) {
  const standing = saved(plan.variant)
    .split("\n")
    .filter((line) => line.startsWith("-A PREROUTING ")).length;
  const wanted = count * pattern.rules.length;
  if (standing !== wanted)
    throw new Error(`${standing} rules on the node after the rounds instead of ${wanted}`);
}

function measurePacketsOf({ plan, plugins, pattern }) {
  process.stderr.write(`iptables-${plan.variant}, packets ...\n`);
  populate(pattern, 0, plan);
  trackConnections(plan.variant, false);
  return measurePackets({
    plugin: plugins.bare,
    pattern,
    pods: plan.pods,
    rounds: plan.packetRounds,
    pings: plan.pings,
    variant: plan.variant,
    podNetns: plan.names.pod,
  });
}

/** Medians (ms) of the parts of one ADD, from what the wrapper logged and what was seen from outside in the same round. */
function breakDown(lines) {
  const of = (part) => median(lines.map((line) => part({ rulesMs: 0, ...line })));
  return {
    wall: of(({ wall }) => wall),
    nodeStart: of(({ node }) => node),
    ownStart: of(({ version: started, node }) => started - node),
    around: of(({ wall, durationMs, version: started }) => wall - durationMs - started),
    delegate: of(({ delegateMs }) => delegateMs),
    rules: of(({ rulesMs }) => rulesMs),
    rest: of(({ durationMs, delegateMs, rulesMs }) => durationMs - delegateMs - rulesMs),
  };
}

function forgetLog({ dir }) {
  rmSync(join(dir, "wrapper.log"), { force: true });
}

function readLog({ dir }) {
  const file = join(dir, "wrapper.log");
  const lines = existsSync(file) ? readFileSync(file, "utf8").trim().split("\n") : [];
  const record = lines.map((line) => JSON.parse(line)).find(({ msg }) => msg === "ADD");
  if (record === undefined) throw new Error(`the wrapper wrote no line about its ADD to ${file}`);
  return record;
}

// `ip netns exec` has become this process, so the signal arrives here.
for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"]) process.once(signal, () => process.exit(1));

try {
  await main(JSON.parse(process.argv[2]));
} catch (error) {
  process.stderr.write(`bench: ${error.message}\n`);
  process.exitCode = 1;
}
