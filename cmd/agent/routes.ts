import type { PluginConf } from "../../conf/types";
import { sameMark, type Mark } from "../../lib/net/mark";
import { toCniError } from "../../lib/cni/error";
import { asksForRoutes, routedTenants } from "../../lib/routes/plan/desired";
import type { ResolvedGateway } from "../../lib/routes/model";
import {
  FailoverCounter,
  gatewayFigures,
  type GatewayFigure,
} from "../../lib/routes/watch/failovers";
import { createEventQueue } from "../../lib/routes/watch/events";
import { routesNode, type RoutesRun } from "../commands/routes/run";
import { watchNode } from "../commands/routes/watch";
import type { Io } from "../io";
import type { Say } from "./say";
import type { Settings } from "./settings";

export interface RoutesService {
  /**
   * Whether packets with that mark are led to its tenant, as far as the node's routes have tenants' marks at
   * all: a mark without its rule would take the node's default route.
   */
  leads(conf: PluginConf, mark: Mark): boolean;
  /** The gateways that are kept; none where none are. */
  gateways(): readonly GatewayFigure[];
  /** How often a gateway was lost and another one took over, by tenant. */
  failovers(): Readonly<Record<string, number>>;
  /** Resolves when the watcher has ended; the routes stay as they are. */
  stop(): Promise<void>;
}

export interface RoutesOptions {
  readonly io: Io;
  readonly json: boolean;
  /** Whether kernel settings are changed, too. */
  readonly sysctl: boolean;
  readonly say: Say;
  /** Hears each line of the watcher's log, too. */
  readonly onLine?: RoutesRun["onLine"];
}

/**
 * Keeps the node's routes where the conflist has any, as `wrapper routes watch` does. A collision, or a
 * watcher of its own that runs already, ends that until the conflist changes; the agent goes on.
 */
export function startRoutes(settings: Settings, options: RoutesOptions): RoutesService {
  let events: ReturnType<typeof createEventQueue> | undefined;
  let running = Promise.resolve();
  let kept: PluginConf | undefined;
  let gateways: readonly ResolvedGateway[] = [];
  const failovers = new FailoverCounter();
  const onKept = (conf: PluginConf, now: readonly ResolvedGateway[]): void => {
    [kept, gateways] = [conf, now];
    failovers.see(conf, now);
  };
  const start = (): void => {
    if (events !== undefined) return events.post("reload");
    const { conf } = settings.current();
    if (!asksForRoutes(conf)) return;
    events = createEventQueue();
    running = watch(settings, { ...options, onKept }, events).finally(() => {
      events = undefined;
      [kept, gateways] = [undefined, []];
    });
  };
  settings.onChange(start);
  start();
  return {
    leads: (conf, mark) =>
      events === undefined || !hasRoute(conf, mark) || (kept !== undefined && hasRoute(kept, mark)),
    gateways: () => (kept === undefined ? [] : gatewayFigures(kept, gateways)),
    failovers: () => failovers.byTenant(),
    stop: () => {
      events?.post("stop");
      return running;
    },
  };
}

function hasRoute(conf: PluginConf, mark: Mark): boolean {
  return routedTenants(conf).some((tenant) => sameMark(tenant.mark, mark));
}

async function watch(
  settings: Settings,
  { io, json, sysctl, say, onKept, onLine }: RoutesOptions & Pick<RoutesRun, "onKept">,
  events: ReturnType<typeof createEventQueue>,
): Promise<void> {
  const { conf, path } = settings.current();
  try {
    const node = routesNode(conf);
    const run = { io, conf, path, node, json, sysctl, force: false };
    await watchNode({ ...run, ...(onKept && { onKept }), ...(onLine && { onLine }) }, events);
  } catch (thrown) {
    const { message } = toCniError(thrown);
    say({
      event: "condition",
      message: `the node's routes are not kept until the conflist changes: ${message}`,
    });
  }
}
