/** The agent's page: composition of what it shows. */
import type { PluginConf } from "../../conf/types";
import type { Site } from "../../lib/agent/metrics/http";
import type { Events, Happened } from "../../lib/agent/page/events";
import { nodeObject, type Sighting } from "../../lib/agent/page/node-object";
import { inBackground, pacedPair } from "../../lib/agent/page/paced";
import { createSite } from "../../lib/agent/page/site";
import type { Node } from "../../lib/attachment/context";
import type { StatusObject } from "../../lib/checks/report/json";
import { readDevices } from "../../lib/load/devices";
import { takeSample } from "../../lib/load/sample";
import { systemClock } from "../../lib/node/clock";
import { createPrograms } from "../../lib/node/programs";
import type { WatchLine } from "../../lib/routes/watch/report";
import type { Io } from "../io";
import { nodeName } from "../status/ask-api";
import { build } from "../version";
import type { GuardService } from "./guard";
import type { ReconcileService } from "./reconcile";
import type { RoutesService } from "./routes";
import type { Settings } from "./settings";

/** Between two looks at everything that can be wrong (ms). */
const FINDINGS_MS = 15_000;

/** What the page looks at. */
export interface PageParts {
  readonly openNode: (conf: PluginConf) => Node;
  readonly guard: Pick<GuardService, "dropped">;
  readonly reconcile: Pick<ReconcileService, "figures">;
  readonly routes: Pick<RoutesService, "gateways">;
}

export interface PageOptions {
  readonly io: Io;
  readonly events: Events;
  /** The conflist that was named on the command line. */
  readonly named: string | undefined;
}

/** The page of this agent. It looks at the node while somebody looks at it, and not otherwise. */
export function openPage(settings: Settings, parts: PageParts, options: PageOptions): Site {
  const { io, events, named } = options;
  const sightings = pacedPair(() => sight(settings.current().conf, parts), systemClock);
  const findings = inBackground(FINDINGS_MS, () => lookAtNode(io, named), systemClock);
  return createSite({
    node: async () => {
      const { now, before } = await sightings();
      const { conf, path } = settings.current();
      return nodeObject({
        ...{ conf, path, now, before, kept: parts.routes.gateways() },
        ...{ node: nodeName(), version: build.version, lastEvent: events.last() },
        conditions: parts.reconcile.figures().conditions,
      });
    },
    findings: () => {
      const { value, at, problem } = findings();
      return {
        time: at?.toISOString() ?? null,
        problem: problem ?? null,
        report: value ?? null,
      };
    },
    events: () => ({ events: events.list() }),
  });
}

async function sight(conf: PluginConf, { openNode, guard }: PageParts): Promise<Sighting> {
  const { backend, journal, exec } = openNode(conf);
  const taken = await takeSample(conf, {
    ...{ journal, marks: backend.open({}), programs: createPrograms(exec) },
    ...{ clock: systemClock, dropped: () => guard.dropped() },
  });
  return { ...taken, time: systemClock.now(), devices: readDevices() };
}

/** All that `wrapper status` finds on this machine alone. Loaded for the first who asks: few agents are ever asked. */
async function lookAtNode(io: Io, conf: string | undefined): Promise<StatusObject> {
  const [{ nodeChecks, selected }, { named }, { runChecks }, { statusObject }] = await Promise.all([
    import("../status/checks"),
    import("../status/named"),
    import("../../lib/checks/run"),
    import("../../lib/checks/report/json"),
  ]);
  const { checks, conf: path } = nodeChecks(io, conf === undefined ? {} : { conf });
  const verdicts = await runChecks(selected(checks.filter(({ local }) => local)));
  return statusObject(
    path,
    verdicts.map((verdict) => named(verdict, conf)),
  );
}

/** A line of the watcher's log for the time line; undefined: it is nothing that happened to the node. */
export function happenedOf({ event, state, message, tenant }: WatchLine): Happened | undefined {
  switch (event) {
    case "report":
      return undefined;
    case "gateway":
      return { kind: state ?? "change", message, tenant };
    case "trouble":
      return { kind: "condition", message, tenant };
    default:
      return { kind: event, message, tenant };
  }
}
