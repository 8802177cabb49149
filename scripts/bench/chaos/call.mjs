// One call of the plugin, with what may happen to it meanwhile.
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";

/** A runtime that gave up would kill the plugin: longer than any limit of the plugin's own (ms). */
const HANGS_MS = 120_000;
/** Most calls last less (ms). */
const HURT_WITHIN_MS = 120;

/**
 * Executes one call; resolves with { status, said, hurt }. `trouble`: "launcher" or "program", what is killed at a
 * random moment: the launcher itself, or what it has started.
 */
export function call({ path, env, input }, run, trouble) {
  const child = spawn(path, [], { env, cwd: "/", stdio: ["pipe", "pipe", "ignore"] });
  let said = "";
  let hurt = false;
  child.stdout.on("data", (text) => (said += String(text)));
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  const hurtIt = setTimeout(() => {
    const victims = trouble === "launcher" ? [child.pid] : below(child.pid);
    for (const pid of victims) hurt = kill(pid) || hurt;
    if (hurt) run.note(`${trouble} killed`);
  }, Math.random() * HURT_WITHIN_MS);
  if (trouble === undefined) clearTimeout(hurtIt);
  const hangs = setTimeout(() => {
    run.findings.push(
      `${env.CNI_COMMAND} of ${env.CNI_CONTAINERID} has not ended in ${HANGS_MS} ms`,
    );
    child.kill("SIGKILL");
  }, HANGS_MS);
  return new Promise((resolve) => {
    child.once("error", (error) => resolve({ status: null, said: error.message, hurt }));
    // Not "close": what a killed launcher started may hold its output.
    child.once("exit", (status) => {
      clearTimeout(hurtIt);
      clearTimeout(hangs);
      setImmediate(() => resolve({ status, said, hurt }));
    });
  });
}

// Only what our own call has started.
function below(pid) {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, "latin1").split(" ").filter(Boolean);
  } catch {
    return [];
  }
}

function kill(pid) {
  try {
    process.kill(Number(pid), "SIGKILL");
    return true;
  } catch {
    return false;
  }
}
