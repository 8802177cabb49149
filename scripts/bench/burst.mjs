// A reboot of a full node: every pod at once, beside processes that have nothing to do with it.
import { spawn } from "node:child_process";
import { invocation } from "./cni.mjs";
import { median } from "./statistics.mjs";

/** The kubelet's default limit of pods on a node. */
export const PODS = 110;
const BUSY_PROCESSES = 40;
/** What is compared, in this order. */
const KINDS = ["bare", "runtime"];

/** All ADDs at once, then all DELs, for each kind. `netns(n)`: the path of pod n's network namespace. */
export async function measureBurst(plugins, netns) {
  const busy = Array.from({ length: BUSY_PROCESSES }, () =>
    spawn("/bin/sh", ["-c", "while :; do :; done"], { stdio: "ignore" }),
  );
  try {
    const rows = [];
    for (const kind of KINDS) {
      process.stderr.write(`${PODS} pods at once, ${kind} ...\n`);
      const pods = Array.from({ length: PODS }, (_, n) => ({ ...plugins[kind], netns: netns(n) }));
      const added = await together(
        "ADD",
        pods.map((plugin, n) => invocation(plugin, "ADD", `burst-${kind}-${n}`, plugin.netconf)),
      );
      const deleted = await together(
        "DEL",
        pods.map((plugin, n) => invocation(plugin, "DEL", `burst-${kind}-${n}`, plugin.netconf)),
      );
      rows.push({ kind, ...added }, { kind, ...deleted });
    }
    return rows;
  } finally {
    for (const child of busy) child.kill("SIGKILL");
  }
}

async function together(verb, invocations) {
  const started = performance.now();
  const runs = await Promise.all(invocations.map(run));
  const times = runs.map(({ ms }) => ms);
  return {
    verb,
    all: performance.now() - started,
    median: median(times),
    longest: Math.max(...times),
    failed: runs.filter(({ status }) => status !== 0).length,
  };
}

function run({ path, env, input }) {
  const started = performance.now();
  const child = spawn(path, [], { env, cwd: "/", stdio: ["pipe", "ignore", "ignore"] });
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  return new Promise((resolve) =>
    child.once("close", (status) => resolve({ status, ms: performance.now() - started })),
  );
}
