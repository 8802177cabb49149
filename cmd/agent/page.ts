/** The agent's page: composition of what it shows. */
import type { PluginConf } from "../../conf/types";
import type { Site } from "../../lib/agent/metrics/http";
import type { Events, Happened } from "../../lib/agent/page/events";
import { nodeObject, type Sighting } from "../../lib/agent/page/node-object";
import { inBackground, pacedPair } from "../../lib/agent/page/paced";
import { createSite } from "../../lib/agent/page/site";
import type { Node } from "../../lib/attachment/context";
import type { Journal } from "../../lib/attachment/journal";
import { readDevices } from "../../lib/load/devices";
import { takeSample } from "../../lib/load/sample";
import { systemClock } from "../../lib/node/clock";
import { createPrograms } from "../../lib/node/programs";
import { remembered } from "../../lib/reconcile/remembered";
import type { WatchLine } from "../../lib/routes/watch/report";
import { nodeName } from "../status/ask-api";
import { build } from "../version";
import { askStatus, newLookExec } from "./look";
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
  readonly events: Events;
  /** The conflist that was named on the command line. */
  readonly named: string | undefined;
}

/** The page of this agent. It looks at the node while somebody looks at it, and not otherwise. */
export function openPage(settings: Settings, parts: PageParts, options: PageOptions): Site {
  const { events, named } = options;
  const records = rememberedBy();
  const sightings = pacedPair(() => sight(settings.current().conf, parts, records), systemClock);
  const exec = newLookExec();
  const look = () => askStatus(exec, { only: undefined, conf: named });
  const findings = inBackground(FINDINGS_MS, look, systemClock);
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

type Records = Pick<Journal, "tags" | "read">;

/** Journals that are read second after second while somebody looks: a record is read again when it has changed. */
function rememberedBy(): (journal: Journal) => Records {
  const known = new WeakMap<Journal, Records>();
  return (journal) => {
    const records = known.get(journal) ?? remembered(journal);
    known.set(journal, records);
    return records;
  };
}

async function sight(
  conf: PluginConf,
  { openNode, guard }: PageParts,
  records: ReturnType<typeof rememberedBy>,
): Promise<Sighting> {
  const { backend, journal, exec } = openNode(conf);
  const taken = await takeSample(conf, {
    ...{ journal: records(journal), marks: backend.open({}), programs: createPrograms(exec) },
    ...{ clock: systemClock, dropped: () => guard.dropped() },
  });
  return { ...taken, time: systemClock.now(), devices: readDevices() };
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
