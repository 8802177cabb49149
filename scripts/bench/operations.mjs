// One ADD and one DEL of every kind, over and over, with some number of pods on the node.
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { add, del, timed, version } from "./cni.mjs";
import { KINDS, variantLabel } from "./kinds.mjs";
import { populate } from "./populate.mjs";
import { mean, median, summary } from "./statistics.mjs";

/** Rounds that are not counted: they fill the page cache and settle the clock speed. */
const WARM_UP = 2;
/** Kinds that are also measured with the other binary (--against), and those whose log says where the time goes. */
const COMPARED = ["runtime", "api"];
const LOGGED = ["runtime", "api", "unmarked"];

/**
 * One node size: every kind of run once per round, one after the other, so that drift affects all alike.
 */
export async function measureNode(count, stage) {
  const { plan, plugins, others, pattern, tables } = stage;
  process.stderr.write(`${variantLabel(plan.variant)}, ${count} pods on the node ...\n`);
  await populate(pattern, count, stage);
  expectRecognised(count, stage);
  const agent = await stage.startAgent();
  const series = {};
  const logs = Object.fromEntries(LOGGED.map((kind) => [kind, []]));
  const pairs = [];
  try {
    await agent?.settle();
    for (let round = -WARM_UP; round < plan.iterations; round++) {
      const times = await oneRound(plugins, agent, (kind, from) => {
        if (round >= 0 && LOGGED.includes(kind)) logs[kind].push({ ...readLog(plan), ...from });
        forgetLog(plan);
      });
      const paired = pairOf(round, plugins, others);
      if (round < 0) continue;
      pairs.push(paired);
      for (const [name, run] of Object.entries(times)) (series[name] ??= []).push(run);
    }
  } finally {
    await agent?.stop();
  }
  const standing = tables.count();
  // A wrapper that removed other pods' marks too would look fast.
  if (standing !== count * pattern.rules.length)
    throw new Error(`${standing} marks after the rounds with ${count} pods on the node`);
  const times = Object.fromEntries(
    Object.entries(series).map(([name, runs]) => [
      name,
      { ...summary(runs.map(({ ms }) => ms)), cpu: mean(runs.map(({ cpu }) => cpu)) },
    ]),
  );
  const breakdown = Object.entries(logs).map(([kind, lines]) => [kind, breakDown(lines)]);
  return { pods: count, times, against: ratios(pairs), breakdown: Object.fromEntries(breakdown) };
}

async function oneRound(plugins, agent, afterAdd) {
  // Every program is waited for synchronously, so this is when a signal is heard.
  await setImmediate();
  const times = { node: timed(process.execPath, ["-e", "0"]), version: version(plugins.runtime) };
  const from = { node: times.node.ms, version: times.version.ms };
  const run = async ({ kind, resident }, act) => {
    const started = agent?.cpu() ?? 0;
    const done = act(plugins[kind]);
    if (resident !== true) return done;
    await agent.settle();
    return { ...done, cpu: done.cpu + agent.cpu() - started };
  };
  const measure = async (kinds) => {
    for (const each of kinds) {
      const attached = await run(each, add);
      afterAdd(each.kind, { ...from, wall: attached.ms });
      times[`${each.kind}Add`] = attached;
      times[`${each.kind}Del`] = await run(each, (plugin) => del(plugin, attached));
    }
  };
  const present = KINDS.filter(({ kind }) => plugins[kind] !== undefined);
  await measure([{ kind: "bare" }, ...present.filter(({ resident }) => resident)]);
  await beside(agent, () => measure(present.filter(({ resident }) => !resident)));
  return times;
}

/**
 * Others change marks while the agent stands still: it would look at the firewall after each change, beside them and
 * beside the next calls that it answers. Afterwards it looks once, which is no call's.
 */
async function beside(agent, body) {
  agent?.signal("SIGSTOP");
  try {
    await body();
  } finally {
    agent?.signal("SIGCONT");
  }
  await agent?.settle();
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
