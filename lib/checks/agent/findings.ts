/** Pure: what the agent's answers and the watcher's status file mean. */
import { CniError } from "../../cni/error";
import { isObject, own, parseJson } from "../../cni/json";
import { findingOf, type Finding } from "../finding";
import { AGENT } from "../kinds/agent";
import type { Said } from "./ask";

/** What was asked of an agent. */
export interface AgentAnswers {
  readonly socket: string;
  readonly health: Said;
  readonly ready: Said;
  readonly metrics: Said;
  /** Version of this program. */
  readonly version: string;
}

/** What is wrong with an agent whose socket is there. */
export function agentFindings({
  socket,
  health,
  ready,
  metrics,
  version,
}: AgentAnswers): readonly Finding[] {
  if (health.kind === "dead")
    return [findingOf(AGENT, "agent-dead", { socket, problem: health.why }, socket)];
  if (health.kind === "silent") {
    const problem = "does not answer /healthz within a second";
    return [findingOf(AGENT, "agent-frozen", { socket, problem }, socket)];
  }
  const reasons = [health, ready].flatMap((said) =>
    said.kind === "answered" && said.status !== 200 ? linesOf(said.body) : [],
  );
  const other = otherVersion(metrics, version);
  return [
    ...[...new Set(reasons)].map((problem) =>
      findingOf(AGENT, "agent-not-ready", { socket, problem }, socket),
    ),
    ...(other === undefined
      ? []
      : [findingOf(AGENT, "agent-version", { agent: other, ours: version }, socket)]),
  ];
}

function linesOf(text: string): readonly string[] {
  return text.split("\n").filter((line) => line.trim() !== "");
}

function otherVersion(metrics: Said, ours: string): string | undefined {
  if (metrics.kind !== "answered") return undefined;
  const version = /^tenant_routing_build_info\{[^}]*version="([^"]*)"/m.exec(metrics.body)?.[1];
  return version === ours ? undefined : version;
}

/** The watcher writes at least so often; older means that it hangs (ms). */
const OLD_MS = 90_000;

export interface WatcherView {
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly now: Date;
  readonly isAlive: (pid: number) => boolean;
}

/** What is wrong with the watcher that wrote the file. */
export function watcherFindings({ path, bytes, now, isAlive }: WatcherView): readonly Finding[] {
  const status = parseJson(bytes, path);
  if (!isObject(status)) throw new CniError("io", `${path} is not a JSON object`);
  const [time, pid, error] = ["time", "pid", "error"].map((key) => own(status, key));
  if (typeof pid === "number" && !isAlive(pid)) {
    const problem = `has ended (process ${pid})`;
    return [findingOf(AGENT, "watcher-dead", { path, problem }, path)];
  }
  const age = now.getTime() - Date.parse(typeof time === "string" ? time : "");
  if (!(age < OLD_MS)) {
    const problem = `has written nothing for ${Math.round(age / 1000)} s`;
    return [findingOf(AGENT, "watcher-dead", { path, problem }, path)];
  }
  if (typeof error !== "string") return [];
  return [findingOf(AGENT, "watcher-trouble", { path, problem: error }, path)];
}
