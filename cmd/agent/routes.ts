import { toCniError } from "../../lib/cni/error";
import { routedTenants } from "../../lib/routes/plan/desired";
import { createEventQueue } from "../../lib/routes/watch/events";
import { routesNode } from "../commands/routes/run";
import { watchNode } from "../commands/routes/watch";
import type { Io } from "../io";
import type { Say } from "./say";
import type { Settings } from "./settings";

export interface RoutesService {
  /** Resolves when the watcher has ended; the routes stay as they are. */
  stop(): Promise<void>;
}

export interface RoutesOptions {
  readonly io: Io;
  readonly json: boolean;
  /** Whether kernel settings are changed, too. */
  readonly sysctl: boolean;
  readonly say: Say;
}

/**
 * Keeps the node's routes where the conflist has any, as `wrapper routes watch` does. A collision, or a
 * watcher of its own that runs already, ends that until the conflist changes; the agent goes on.
 */
export function startRoutes(settings: Settings, options: RoutesOptions): RoutesService {
  let events: ReturnType<typeof createEventQueue> | undefined;
  let running = Promise.resolve();
  const start = (): void => {
    if (events !== undefined) return events.post("reload");
    if (routedTenants(settings.current().conf).length === 0) return;
    events = createEventQueue();
    running = watch(settings, options, events).finally(() => (events = undefined));
  };
  settings.onChange(start);
  start();
  return {
    stop: () => {
      events?.post("stop");
      return running;
    },
  };
}

async function watch(
  settings: Settings,
  { io, json, sysctl, say }: RoutesOptions,
  events: ReturnType<typeof createEventQueue>,
): Promise<void> {
  const { conf, path } = settings.current();
  try {
    await watchNode({ io, conf, path, node: routesNode(conf), json, sysctl, force: false }, events);
  } catch (thrown) {
    const { message } = toCniError(thrown);
    say({
      event: "condition",
      message: `the node's routes are not kept until the conflist changes: ${message}`,
    });
  }
}
