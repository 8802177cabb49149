/** The resident agent: composition of its parts. */
import type { PluginConf } from "../../conf/types";
import type { Events } from "../../lib/agent/page/events";
import type { MetricsSources } from "../../lib/agent/metrics/sources";
import { findingOf, lineOf } from "../../lib/checks/finding";
import { AGENT } from "../../lib/checks/kinds/agent";
import { runChecks, troubleOf } from "../../lib/checks/run";
import { createOwnLines } from "../../lib/reconcile/own-changes";
import { createQueue, type Queue } from "../../lib/agent/queue";
import { startServer } from "../../lib/agent/server";
import type { Node } from "../../lib/attachment/context";
import { createKnown } from "../../lib/marks/nftables/known";
import type { NftRunner } from "../../lib/marks/nftables/runner";
import { CniError } from "../../lib/cni/error";
import { formatMark, type Mark } from "../../lib/net/mark";
import { systemClock } from "../../lib/node/clock";
import { createExec, createTiedExec } from "../../lib/node/exec";
import { localHost } from "../../lib/node/host";
import { createStandingPosts, type StandingPosts } from "../../lib/node/lock-queue";
import { ownProcess } from "../../lib/node/processes";
import { backendKind, newRunner } from "../backends";
import { nextRequest, ownerOf, tokenOf } from "../deps";
import type { Io } from "../io";
import { createLog } from "../log";
import { startCache, type CacheService } from "./cache";
import { startGuard, type GuardService } from "./guard";
import { startLooking, type LookService } from "./look";
import { createMonitor, type Monitor, type ReadyCheck } from "./metrics";
import { createNodes } from "./nodes";
import { happenedOf, openPage } from "./page";
import { startReconcile, type ReconcileService } from "./reconcile";
import { serveRequest } from "./requests";
import { startRoutes, type RoutesService } from "./routes";
import type { Say } from "./say";
import type { Settings } from "./settings";

/** How long an ADD waits for the routes of a conflist that has just changed (ms). */
const LED_MS = 5000;

export interface AgentOptions {
  readonly io: Io;
  readonly json: boolean;
  readonly sysctl: boolean;
  readonly say: Say;
  /** What the page shows of what has happened. */
  readonly events: Events;
  /** The conflist that was named on the command line. */
  readonly named: string | undefined;
}

export interface RunningAgent {
  /** Takes no more requests and changes nothing any more by itself; another agent may start after that. */
  stop(): Promise<void>;
  /** Resolves when every request that was taken has its answer. */
  drained(): Promise<void>;
}

/** Starts all parts. Throws CniError `io` when the socket cannot be used. */
export async function startAgent(settings: Settings, options: AgentOptions): Promise<RunningAgent> {
  const parts = await startParts(settings, options);
  const { runner, posts, cache, reconcile, routes, looking } = parts;
  const monitor = monitorOf(settings, parts, options);
  const self = ownProcess();
  const server = await startServer({
    path: settings.current().conf.agent.socket,
    nextToken: () => tokenOf({ ...self, request: nextRequest() }),
    localExec: createExec(),
    serve: (launcher, token) =>
      serveRequest(launcher, ownerOf(token)?.request ?? "", { ...parts, onEnd: monitor.onRequest }),
    onGarbage: ({ message }) => options.say({ event: "condition", message }),
    onHttp: monitor.onHttp,
  });
  monitor.serve(server);
  return {
    stop: async () => {
      server.close();
      monitor.stop();
      cache.stop();
      looking.stop();
      await Promise.all([routes.stop(), reconcile.stop()]);
    },
    drained: async () => {
      await server.drained();
      runner.stop();
      posts.close();
    },
  };
}

interface Parts {
  readonly runner: NftRunner;
  readonly posts: StandingPosts;
  readonly guard: GuardService;
  readonly cache: CacheService;
  readonly reconcile: ReconcileService;
  readonly openNode: (conf: PluginConf) => Node;
  readonly queue: Queue;
  readonly routes: RoutesService;
  readonly looking: LookService;
}

async function startParts(settings: Settings, options: AgentOptions): Promise<Parts> {
  const { io, say } = options;
  const { conf } = settings.current();
  const known = createKnown();
  const own = createOwnLines(systemClock);
  const runner = newRunner(conf, { exec: createTiedExec(createExec(), localHost), known, own });
  const log = createLog(conf, io.stderr);
  const guard = startGuard(settings, runner, say);
  let wake = (): void => {};
  const cache = await startCache(settings, say, () => wake());
  const posts = createStandingPosts();
  const shared = { runner, own, posts };
  const { events } = options;
  const routes = startRoutes(settings, {
    ...options,
    onLine: (line) => {
      const happened = happenedOf(line);
      if (happened !== undefined) events.add(happened);
    },
  });
  const reconcile = startReconcile(settings, {
    ...{ io, log, say, shared, pods: cache.view, leads: routes.leads, isOwn: own.isOwn },
    guard: (configuration, node) => guard.layers(configuration, node),
  });
  wake = () => reconcile.wake();
  const openNode = createNodes(
    log,
    (configuration) => cache.sourceFor(configuration),
    shared,
    (configuration, mark) => waitUntilLed(settings, routes, [configuration, mark]),
  );
  const queue = createQueue(() => {
    const { requests: slots, queueTimeoutMs: limitMs } = settings.current().conf.agent;
    return { slots, limitMs };
  });
  const looking = startLooking(settings, say);
  return { runner, posts, guard, cache, reconcile, openNode, queue, routes, looking };
}

/** The conflist has just changed, and its routes are being made. Throws CniError `tryAgainLater`. */
async function waitUntilLed(
  settings: Settings,
  { leads }: RoutesService,
  [conf, mark]: readonly [PluginConf, Mark],
): Promise<void> {
  if (leads(conf, mark)) return;
  settings.look();
  const deadline = systemClock.elapsed() + LED_MS;
  while (!leads(conf, mark)) {
    if (systemClock.elapsed() > deadline)
      throw new CniError(
        "tryAgainLater",
        `mark ${formatMark(mark)} has no ip rule on this node yet, so its packets would leave by the default route: ` +
          `see what the agent says of ${settings.current().path}, and wrapper routes plan`,
      );
    await systemClock.sleep(20);
  }
}

function monitorOf(settings: Settings, parts: Parts, options: AgentOptions): Monitor {
  const { guard, cache, reconcile, openNode, queue, routes, looking } = parts;
  const { figures } = reconcile;
  const conf = (): PluginConf => settings.current().conf;
  return createMonitor({
    settings,
    say: options.say,
    site: openPage(settings, parts, options),
    sources: {
      queue: () => queue,
      ...cacheSources(cache),
      marks: {
        wanted: () => figures().wanted,
        installed: () => ({ [backendKind(conf())]: figures().installed }),
      },
      repairs: () => ({ ...figures().repairs }),
      refusedAnnotations: () => figures().refusals,
      traffic: () => openNode(conf()).backend.open({}).traffic(),
      leaks: () => guard.dropped(),
      gateways: () => routes.gateways(),
      failovers: () => routes.failovers(),
      findings: () => looking.latest(),
    },
    ready: [
      async () => {
        const { addChecks, backend } = openNode(conf());
        const needs = { conf: conf(), marks: backend.open({}), path: undefined };
        return troubleOf(await runChecks(await addChecks(needs)));
      },
      ...readyChecks(cache, reconcile),
    ],
  });
}

function cacheSources({ state }: CacheService): Pick<MetricsSources, "cache" | "apiRequests"> {
  return {
    cache: {
      ages: () =>
        Object.fromEntries(
          Object.entries(state()?.ageMs ?? {}).flatMap(([resource, ms]) =>
            ms === undefined ? [] : [[resource, ms / 1000]],
          ),
        ),
      isSynced: () => state()?.synced ?? true,
    },
    apiRequests: () =>
      (state()?.requests ?? []).map(({ resource, verb, status, count }) => ({
        resource,
        method: verb.toUpperCase(),
        code: String(status),
        count,
      })),
  };
}

function readyChecks(cache: CacheService, { figures }: ReconcileService): readonly ReadyCheck[] {
  return [
    () => (figures().looks > 0 ? [] : [lineOf(findingOf(AGENT, "agent-starting", {}))]),
    () => {
      const state = cache.state();
      if (state === undefined || state.synced) return [];
      const problem = state.problems.join("; ");
      return [lineOf(findingOf(AGENT, "agent-blind", { problem }))];
    },
  ];
}
