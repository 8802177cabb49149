/** `wrapper routes watch`: composition, signals and output of the watcher. */
import { systemClock } from "../../../lib/node/clock";
import { createExec } from "../../../lib/node/exec";
import { startStream } from "../../../lib/node/stream";
import {
  createEventQueue,
  type EventQueue,
  type WatchEvent,
  startMonitor,
} from "../../../lib/routes/watch/events";
import { createProbes } from "../../../lib/routes/watch/probe";
import { createPrograms } from "../../../lib/node/programs";
import { removeStatusFile, writeStatusFile } from "../../../lib/node/files";
import type { Collision } from "../../../lib/routes/conflicts/kinds";
import { collisionText } from "../../../lib/routes/conflicts/text";
import { type WatchPorts, watchRoutes, type WatchTarget } from "../../../lib/routes/watch/watcher";
import type { WatchLine } from "../../../lib/routes/watch/report";
import { localHost } from "../../../lib/node/host";
import { EXIT_COLLISION } from "../../command";
import { findConf } from "../../conflist";
import { routesNode, type RoutesRun } from "./run";

const SIGNALS: readonly (readonly [NodeJS.Signals, WatchEvent])[] = [
  ["SIGTERM", "stop"],
  ["SIGINT", "stop"],
  ["SIGHUP", "reload"],
  ["SIGUSR1", "report"],
];

/** Runs until SIGTERM or SIGINT: 0. Returns 3 when the plan collides and there is no --force. */
export async function watchCommand(run: RoutesRun): Promise<number> {
  const events = createEventQueue();
  for (const [signal, event] of SIGNALS) process.on(signal, () => events.post(event));
  return (await watchNode(run, events)).length > 0 ? EXIT_COLLISION : 0;
}

/** Watches until the event `stop`; returns the collisions that kept it from starting, which it reports. */
export async function watchNode(run: RoutesRun, events: EventQueue): Promise<readonly Collision[]> {
  // Creates the directory with its modes.
  await run.node.lock.hold(run.conf.lockTimeoutMs, async () => undefined);
  return run.node.watcherLock.hold(async () => {
    const ports = portsOf(run, events);
    const monitor = startMonitor({
      start: startStream,
      host: localHost,
      clock: systemClock,
      onEvent: () => events.post("changed"),
      onExit: (why) => {
        if (!events.isStopping()) ports.say(monitorLine(why));
      },
    });
    try {
      const collisions = await watchRoutes(targetOf(run), ports, run);
      for (const collision of collisions) ports.say(collisionLine(collision));
      return collisions;
    } finally {
      monitor.stop();
    }
  });
}

type Watched = Pick<RoutesRun, "path" | "conf" | "node" | "onKept">;

function targetOf({ path, conf, node, onKept }: Watched): WatchTarget {
  const probes = createProbes(createPrograms(createExec()), systemClock);
  const watcherLock: WatchTarget["node"]["watcherLock"] = {
    lostBefore: node.watcherLock.lostBefore,
    publish: (kept, gateways) => {
      node.watcherLock.publish(kept, gateways);
      onKept?.(kept, gateways);
    },
  };
  return { path, conf, node: { ...node, probes, watcherLock } };
}

function portsOf(run: RoutesRun, events: EventQueue): WatchPorts {
  const { io, path, json, onKept, onLine } = run;
  return {
    clock: systemClock,
    events,
    pid: process.pid,
    say: (line) => {
      onLine?.(line);
      io.stderr(json ? jsonLine(line) : textLine(line));
    },
    reload: () => {
      const { conf } = findConf(path, "STATUS");
      return targetOf({ path, conf, node: routesNode(conf), ...(onKept && { onKept }) });
    },
    writeStatus: writeStatusFile,
    removeStatus: removeStatusFile,
  };
}

function monitorLine(why: string): WatchLine {
  const message = `ip monitor ended (${why}) and is started again; changes are noticed at the next interval meanwhile`;
  return { event: "trouble", message };
}

function collisionLine(collision: Collision): WatchLine {
  const { kind, tenant } = collision;
  const message = `COLLISION ${kind}${tenant === undefined ? "" : ` (tenant ${tenant})`}: ${collisionText(collision)}; nothing was changed, --force goes ahead in spite of it`;
  return { event: "trouble", message, ...(tenant === undefined ? {} : { tenant }) };
}

// The report is for a person or for jq, so it is more than one line.
function textLine({ event, message }: WatchLine): string {
  return event === "report" ? message : `${message}\n`;
}

function jsonLine(line: WatchLine): string {
  const { message, ...rest } = line;
  const body = line.event === "report" ? { status: JSON.parse(message) as unknown } : { message };
  return `${JSON.stringify({ time: new Date().toISOString(), ...rest, ...body })}\n`;
}
