/** Pure: what can be wrong with the agent and the watcher: TR08xx. */
import type { Kind } from "../finding";

interface SocketFacts {
  readonly socket: string;
  readonly problem: string;
}

interface WatcherFacts {
  /** The status file. */
  readonly path: string;
  readonly problem: string;
}

const RESTART_AGENT = "systemctl restart tenant-routing-agent";
const RESTART_WATCHER = "systemctl restart tenant-routing-routes";
const WITHOUT =
  "requests are done by the packed binary, more slowly; nothing puts marks or routes back";

export const AGENT = {
  "agent-dead": {
    code: "TR0801",
    category: "agent",
    severity: "failed",
    title: "The agent is not there",
    fault: ({ socket, problem }: SocketFacts) => `the agent at ${socket} is not there (${problem})`,
    consequence: () => WITHOUT,
    remedy: () => RESTART_AGENT,
  },
  "agent-frozen": {
    code: "TR0802",
    category: "agent",
    severity: "failed",
    title: "The agent does not answer",
    fault: ({ socket, problem }: SocketFacts) => `the agent at ${socket} ${problem}`,
    consequence: () => `each request waits a second for it first; then ${WITHOUT}`,
    remedy: () => RESTART_AGENT,
  },
  "agent-not-ready": {
    code: "TR0803",
    category: "agent",
    severity: "failed",
    title: "The agent says that it cannot do its work",
    fault: ({ problem }: SocketFacts) => `the agent is not ready: ${problem}`,
    consequence: () => "what it names is not kept as it should be",
    remedy: ({ socket }: SocketFacts) =>
      `Do what it says: curl -s --unix-socket ${socket} http://agent/readyz`,
  },
  "agent-version": {
    code: "TR0804",
    category: "agent",
    severity: "warning",
    title: "The agent is of another version",
    fault: ({ agent, ours }: { readonly agent: string; readonly ours: string }) =>
      `the agent is version ${agent}, and this binary is ${ours}`,
    consequence: () => "what was upgraded is not in force yet",
    remedy: () => RESTART_AGENT,
  },
  "agent-starting": {
    code: "TR0807",
    category: "agent",
    severity: "failed",
    title: "The agent has not compared the marks yet",
    fault: () => "the marks have not been compared with the record yet",
    consequence: () => "what others removed while no agent ran may still be missing",
    remedy: () => "Wait a moment",
  },
  "agent-blind": {
    code: "TR0808",
    category: "agent",
    severity: "failed",
    title: "The agent does not know this node's pods yet",
    fault: ({ problem }: { readonly problem: string }) =>
      `the pods of this node are not known yet${problem === "" ? "" : `: ${problem}`}`,
    consequence: () => "each ADD asks the API server, and annotations that change are not applied",
    remedy: () => "wrapper status --only credentials,api",
  },
  "watcher-dead": {
    code: "TR0805",
    category: "agent",
    severity: "failed",
    title: "The watcher of the routes is not there",
    fault: ({ path, problem }: WatcherFacts) => `the watcher that writes ${path} ${problem}`,
    consequence: () => "routes that others remove stay away, and a lost gateway is not taken out",
    remedy: () => RESTART_WATCHER,
  },
  "watcher-trouble": {
    code: "TR0806",
    category: "agent",
    severity: "warning",
    title: "The watcher says that something is wrong",
    fault: ({ problem }: WatcherFacts) => `the watcher says: ${problem}`,
    consequence: () => "it tries again, and the routes stay as they are until then",
    remedy: ({ path }: WatcherFacts) => `Do what it says; ${path} has all of it`,
  },
} satisfies Record<string, Kind<never>>;
