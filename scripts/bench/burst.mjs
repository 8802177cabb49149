// A reboot of a full node: every pod at once, also beside processes that have nothing to do with it.
import { spawn } from "node:child_process";
import { childrenCpu, invocation } from "./cni.mjs";
import { variantLabel } from "./kinds.mjs";
import { populate } from "./populate.mjs";
import { median } from "./statistics.mjs";

/** What is compared, in this order. */
const COMPARED = ["bare", "agent", "runtime", "fallback"];

/** For each number of pods, in rounds: with each kind all ADDs at once, then all DELs. Medians of the rounds. */
export async function measureBursts(stage) {
  const { plan } = stage;
  await populate(stage.pattern, 0, stage);
  const busy = Array.from({ length: plan.busy }, () =>
    spawn("/bin/sh", ["-c", "while :; do :; done"], { stdio: "ignore" }),
  );
  try {
    const rows = [];
    for (const pods of plan.bursts) rows.push(...(await measureRounds(stage, pods)));
    return rows;
  } finally {
    for (const child of busy) child.kill("SIGKILL");
  }
}

// In alternation: the first burst of a node's life and one on a machine that others use last longer.
async function measureRounds(stage, pods) {
  const { plan, plugins } = stage;
  const kinds = COMPARED.filter((each) => plugins[each] !== undefined);
  const rounds = [];
  for (let round = 1; round <= plan.burstRounds; round++)
    for (const kind of kinds) {
      process.stderr.write(
        `${variantLabel(plan.variant)}, ${pods} pods at once, ${kind}, round ${round} ...\n`,
      );
      rounds.push(...(await measureBurst(stage, kind, pods)));
    }
  return kinds.flatMap((kind) =>
    ["ADD", "DEL"].map((verb) =>
      summarized(rounds.filter((row) => row.kind === kind && row.verb === verb)),
    ),
  );
}

function summarized(rows) {
  const of = (key) => rows.map((row) => row[key]);
  return {
    ...rows[0],
    all: median(of("all")),
    cpu: median(of("cpu")),
    median: median(of("median")),
    longest: Math.max(...of("longest")),
    failed: of("failed").reduce((sum, failed) => sum + failed, 0),
  };
}

async function measureBurst(stage, kind, pods) {
  const { plugins, names } = stage;
  const agent = kind === "agent" ? await stage.startAgent() : undefined;
  try {
    await agent?.settle();
    const rows = [];
    for (const verb of ["ADD", "DEL"]) {
      const calls = Array.from({ length: pods }, (_, n) => {
        const plugin = { ...plugins[kind], netns: `/run/netns/${names.pods[n]}` };
        return invocation(plugin, verb, `burst-${kind}-${pods}-${n}`, plugin.netconf);
      });
      rows.push({ kind, pods, ...(await together(verb, calls, agent)) });
    }
    return rows;
  } finally {
    await agent?.stop();
  }
}

/** Times in ms; `cpu` of everything, the agent included. */
async function together(verb, invocations, agent) {
  const [cpu, agentCpu, started] = [childrenCpu(), agent?.cpu() ?? 0, performance.now()];
  const runs = await Promise.all(invocations.map(run));
  const all = performance.now() - started;
  await agent?.settle();
  const times = runs.map(({ ms }) => ms);
  const failures = runs.filter(({ status }) => status !== 0).map(({ said }) => said);
  if (failures.length > 0)
    process.stderr.write(`${failures.length} of ${runs.length} failed; one: ${failures[0]}\n`);
  return {
    verb,
    all,
    cpu: childrenCpu() - cpu + (agent?.cpu() ?? 0) - agentCpu,
    median: median(times),
    longest: Math.max(...times),
    failed: failures.length,
  };
}

/** Executes one call without waiting for others; resolves with its exit status, time (ms) and stdout. Never rejects. */
export function run({ path, env, input }) {
  const started = performance.now();
  const child = spawn(path, [], { env, cwd: "/", stdio: ["pipe", "pipe", "ignore"] });
  let said = "";
  child.stdout.on("data", (text) => (said += String(text)));
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  return new Promise((resolve) => {
    child.once("error", ({ message }) => resolve({ status: null, ms: 0, said: message }));
    child.once("close", (status) => resolve({ status, ms: performance.now() - started, said }));
  });
}
