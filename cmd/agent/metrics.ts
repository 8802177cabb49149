/** The agent's figures and its HTTP side: composition. */
import type { Socket } from "node:net";
import { createHttpDoor, type HttpDoor, type Site } from "../../lib/agent/metrics/http";
import type { AgentServer } from "../../lib/agent/server";
import { createMetrics } from "../../lib/agent/metrics/registry";
import { remember } from "../../lib/agent/metrics/remember";
import type { MetricsSources, RequestReport } from "../../lib/agent/metrics/sources";
import { findingOf, lineOf } from "../../lib/checks/finding";
import { AGENT } from "../../lib/checks/kinds/agent";
import { toCniError } from "../../lib/cni/error";
import { sameMark } from "../../lib/net/mark";
import { build } from "../version";
import type { Say } from "./say";
import type { Settings } from "./settings";

/** How long a port that somebody else has is left alone (ms). */
const PORT_RETRY_MS = 10_000;
/** How long an answer of the checks below holds (ms). */
const CHECK_MS = 2000;

/** Why pods cannot be given their marks, a line each with code and remedy. May throw: that is why, then. */
export type ReadyCheck = () => readonly string[] | Promise<readonly string[]>;

export interface MonitorOptions {
  readonly settings: Settings;
  readonly say: Say;
  /** What the agent's parts have; those that are off are left out. */
  readonly sources: Omit<MetricsSources, "build" | "tenantOf" | "ready">;
  readonly ready: readonly ReadyCheck[];
  /** The page, and what is behind it. */
  readonly site: Site;
}

export interface Monitor {
  /** Answers on a connection of the agent's socket. */
  readonly onHttp: (socket: Socket) => void;
  readonly onRequest: (report: RequestReport) => void;
  /** The agent listens: serves the port of the configuration, whichever that is, until it is stopped. */
  serve(server: Pick<AgentServer, "isReachable">): void;
  /** Closes the port and every connection. */
  stop(): void;
}

/** Counts from now on. */
export function createMonitor(options: MonitorOptions): Monitor {
  const { settings, sources } = options;
  let isReachable = (): boolean => true;
  const sickness = (): readonly string[] => (isReachable() ? [] : [unreachable(settings)]);
  const unready = remember(CHECK_MS, () => reasonsOf(options.ready));
  const metrics = createMetrics({
    ...sources,
    ready: async () => [...sickness(), ...(await unready())].length === 0,
    build: { version: build.version, commit: build.commit },
    tenantOf: (mark) =>
      settings.current().conf.tenants?.find((tenant) => sameMark(tenant.mark, mark))?.name,
  });
  const door = createHttpDoor({
    site: options.site,
    contentType: metrics.contentType,
    metrics: () => metrics.text(),
    sickness,
    unready,
  });
  const port = createPort(door, options);
  return {
    onHttp: (socket) => door.accept(socket),
    onRequest: (report) => metrics.requestEnded(report),
    serve: (server) => {
      isReachable = () => server.isReachable();
      port.serve();
    },
    stop: () => {
      port.stop();
      door.close();
      metrics.stop();
    },
  };
}

function unreachable(settings: Settings): string {
  const { socket } = settings.current().conf.agent;
  const problem = "it does not listen there, or somebody else has put a file there";
  return lineOf(findingOf(AGENT, "agent-dead", { socket, problem }));
}

async function reasonsOf(checks: readonly ReadyCheck[]): Promise<readonly string[]> {
  const reasons = await Promise.all(
    checks.map(async (check) => {
      try {
        return await check();
      } catch (thrown) {
        return [toCniError(thrown).message];
      }
    }),
  );
  return reasons.flat();
}

interface Port {
  serve(): void;
  stop(): void;
}

/** Tries again for as long as somebody else has the port: it may be an agent that is just ending. */
function createPort(door: HttpDoor, { settings, say }: MonitorOptions): Port {
  let timer: NodeJS.Timeout | undefined;
  let served = "";
  let stopped = false;
  const follow = async (): Promise<void> => {
    clearTimeout(timer);
    const { metricsAddress: address, metricsPort: port } = settings.current().conf.agent;
    const wanted = port === undefined ? "" : `${address} port ${port}`;
    if (wanted === served || stopped) return;
    served = wanted;
    try {
      await door.listen(port === undefined ? undefined : { address, port });
      if (wanted !== "") say({ event: "start", message: `serving metrics on ${wanted}` });
    } catch (thrown) {
      served = "";
      const { message } = toCniError(thrown);
      say({ event: "condition", message });
      if (!stopped) timer = setTimeout(() => void follow(), PORT_RETRY_MS);
    }
    // It was stopped while it began to listen.
    if (stopped) door.close();
  };
  return {
    serve: () => {
      settings.onChange(() => void follow());
      void follow();
    },
    stop: () => {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
