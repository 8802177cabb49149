/** The checks of the agent and the watcher. */
import { existsSync, readFileSync } from "node:fs";
import type { PluginConf } from "../../../conf/types";
import type { Clock } from "../../ports";
import { findingOf } from "../finding";
import { AGENT } from "../kinds/agent";
import type { Check, Looked } from "../run";
import { askAgent } from "./ask";
import { agentFindings, watcherFindings } from "./findings";

export interface AgentView {
  /** Throws when there is no conflist. */
  readonly conf: () => PluginConf;
  readonly clock: Pick<Clock, "now">;
  /** Version of this program. */
  readonly version: string;
  /** Whether the process runs. */
  readonly isAlive: (pid: number) => boolean;
}

/** How long the agent may take for each answer (ms). */
const ANSWER_MS = 1000;
/** Where systemd keeps what is enabled. */
const ENABLED = "/etc/systemd/system/multi-user.target.wants";

/** The checks of this category. */
export function agentChecks(view: AgentView): readonly Check[] {
  return [
    { name: "agent", category: "agent", local: true, look: () => lookAtAgent(view) },
    { name: "watcher", category: "agent", local: true, look: async () => lookAtWatcher(view) },
  ];
}

async function lookAtAgent({ conf, version }: AgentView): Promise<Looked> {
  const { socket } = conf().agent;
  if (!existsSync(socket)) {
    if (!isEnabled("tenant-routing-agent.service"))
      return { findings: [], skipped: "no agent on this node" };
    const problem = "its unit is enabled, and there is no socket";
    return { findings: [findingOf(AGENT, "agent-dead", { socket, problem }, socket)] };
  }
  const ask = (path: string) => askAgent(socket, path, ANSWER_MS);
  const [health, ready, metrics] = await Promise.all(["/healthz", "/readyz", "/metrics"].map(ask));
  if (health === undefined || ready === undefined || metrics === undefined) return { findings: [] };
  const findings = agentFindings({ socket, health, ready, metrics, version });
  return { findings, summary: findings.length === 0 ? "the agent answers" : "" };
}

function lookAtWatcher({ conf, clock, isAlive }: AgentView): Looked {
  const { statusFile: path } = conf().routes.watch;
  if (path === undefined || !existsSync(path)) {
    if (!isEnabled("tenant-routing-routes.service"))
      return { findings: [], skipped: "no watcher on this node" };
    const facts = { path: path ?? "no status file", problem: "is enabled and does not run" };
    return { findings: [findingOf(AGENT, "watcher-dead", facts, path)] };
  }
  const findings = watcherFindings({ path, bytes: readFileSync(path), now: clock.now(), isAlive });
  return { findings, summary: findings.length === 0 ? "the watcher is at work" : "" };
}

function isEnabled(unit: string): boolean {
  return existsSync(`${ENABLED}/${unit}`);
}
