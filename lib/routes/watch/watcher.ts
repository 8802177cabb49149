/**
 * Keeps the node routes as the configuration has them: looks at the node again and again, and
 * repairs what differs.
 */
import { everyGateway } from "../../../conf/gateways";
import { CniError, toCniError } from "../../cni/error";
import { collisionsOf, look } from "../apply";
import { carryOut, type CarriedOut, errorsOf, type RoutesView } from "../carry-out";
import { routedTenants } from "../plan/desired";
import { createHealthTracker, type HealthTracker, silenceText } from "./health";
import { type LinkCondition, noCarrier } from "./probe";
import { probeAll } from "./probe-all";
import { createStatusWriter, HEARTBEAT_MS, type StatusWriter, type WatchStatus } from "./status";
import { createConditions, reportChanges, type Conditions } from "./report";
import type { Collision } from "../conflicts/kinds";
import { collisionText } from "../conflicts/text";
import type { ResolvedGateway } from "../model";
import { errorText } from "../text";
import { type ForeignConflict, foreignConflicts, linksText, settingsText } from "./foreign";
import type { WatchOptions, WatchPorts, WatchTarget } from "./ports";

export type { WatchOptions, WatchPorts, WatchTarget } from "./ports";

/** From an event to the look at the node, so that events that come together cause one look (ms). */
const DEBOUNCE_MS = 200;
/**
 * After a look, events wait this many times as long as the look took, so that a busy node keeps its
 * processor.
 */
const PAUSE_FACTOR = 4;

/**
 * Runs until the event `stop`; the routes stay as they are then. Returns the collisions that kept
 * it from starting; none otherwise. Throws CniError `io` when a gateway's check needs a program
 * that is not installed. Nothing else ends it: what fails is reported, and tried again.
 */
export function watchRoutes(
  target: WatchTarget,
  ports: WatchPorts,
  options: WatchOptions,
): Promise<readonly Collision[]> {
  return new Watcher(target, ports, options).run();
}

class Watcher {
  private readonly health: HealthTracker;
  private readonly conditions: Conditions;
  private readonly statusWriter: StatusWriter;
  private links: readonly LinkCondition[] = [];
  /** As the last look found them; undefined: there was no look yet. */
  private gateways: readonly ResolvedGateway[] | undefined;
  private foreign: readonly ForeignConflict[] = [];
  private repairs = 0;
  private lastRepair: WatchStatus["lastRepair"];
  private nextLookAt = 0;
  private probing = false;
  private done = false;

  constructor(
    private target: WatchTarget,
    private readonly ports: WatchPorts,
    private readonly options: WatchOptions,
  ) {
    this.health = createHealthTracker(
      () => this.target.conf.routes.watch,
      target.node.watcherLock.lostBefore(),
    );
    // A terminal's Ctrl-C and timeout(1) signal the watcher's programs too.
    this.conditions = createConditions((line) => {
      if (!ports.events.isStopping()) ports.say(line);
    });
    this.statusWriter = createStatusWriter(ports, this.conditions);
  }

  async run(): Promise<readonly Collision[]> {
    await requirePing(this.target);
    void this.postEvery("tick", () => this.target.conf.routes.watch.intervalMs);
    void this.postEvery("heartbeat", () => HEARTBEAT_MS);
    const collisions = await this.collisionsAtStart();
    if (collisions.length === 0) await this.watch();
    this.done = true;
    const { statusFile } = this.target.conf.routes.watch;
    if (statusFile !== undefined) this.ports.removeStatus(statusFile);
    if (collisions.length === 0)
      this.ports.say({ event: "stop", message: "stopped; the routes stay as they are" });
    return collisions;
  }

  private async postEvery(event: "tick" | "heartbeat", ms: () => number): Promise<void> {
    while (!this.done) {
      await this.ports.clock.sleep(ms());
      this.ports.events.post(event);
    }
  }

  /** Nothing is changed before it is known that it disturbs nobody else; tries until it is known. */
  private async collisionsAtStart(): Promise<readonly Collision[]> {
    const { events, clock, say } = this.ports;
    for (;;) {
      try {
        if (events.take("reload")) this.target = await this.readAgain();
        const collisions = await this.collisionsWith(this.target);
        this.conditions.clear("cycle");
        return collisions;
      } catch (thrown) {
        this.conditions.report("cycle", textOf(thrown));
      }
      this.saveStatus();
      await events.rest(clock.sleep(this.target.conf.routes.watch.intervalMs));
      if (events.take("report")) say({ event: "report", message: this.saveStatus(true) });
      if (events.take("stop")) {
        // For watch(), which then returns at once.
        events.post("stop");
        return [];
      }
    }
  }

  private async collisionsWith({ conf, node }: WatchTarget): Promise<readonly Collision[]> {
    if (this.options.force) return [];
    return collisionsOf(conf, node, await look(conf, node, this.options));
  }

  private async watch(): Promise<void> {
    const { events } = this.ports;
    if (events.take("stop")) return;
    await this.cycle("start");
    this.saveStatus();
    do await this.turn();
    while (!events.take("stop"));
  }

  private async turn(): Promise<void> {
    const { events, clock, say } = this.ports;
    await events.wait();
    if (events.take("report")) say({ event: "report", message: this.saveStatus(true) });
    if (events.take("reload")) await this.reload();
    if (events.take("changed")) {
      await events.rest(clock.sleep(Math.max(DEBOUNCE_MS, this.nextLookAt - clock.elapsed())));
      events.take("changed");
      await this.cycle();
    }
    if (events.take("probed")) await this.cycle();
    if (events.take("tick")) {
      await this.cycle();
      void this.probeAll();
    }
    events.take("heartbeat");
    this.saveStatus();
  }

  /** Looks at the node and repairs it, while no other command changes it. */
  private async cycle(cause?: "start" | "reload"): Promise<void> {
    const { conf, node } = this.target;
    const begun = this.ports.clock.elapsed();
    try {
      await node.lock.hold(conf.lockTimeoutMs, async () => {
        this.links = await node.probes.links();
        const view = await look(conf, node, {
          sysctl: this.options.sysctl,
          health: (gateway) => this.isUp(gateway),
        });
        const outcome = await carryOut(view, node);
        this.report(view, outcome, cause);
        node.watcherLock.publish(conf, view.plan.gateways);
      });
      this.conditions.clear("cycle");
    } catch (thrown) {
      this.conditions.report("cycle", textOf(thrown));
    }
    const ended = this.ports.clock.elapsed();
    this.nextLookAt = ended + PAUSE_FACTOR * (ended - begun);
  }

  // Whether the cable is out is seen at once; whether somebody answers takes a probe.
  private isUp(gateway: ResolvedGateway): boolean {
    const { dev } = gateway;
    const dead =
      dev !== undefined && this.links.some(({ name, carrier }) => name === dev && !carrier);
    if (dead) this.health.record(gateway, noCarrier(dev), this.ports.clock.elapsed());
    return this.health.of(gateway).up;
  }

  private report(
    view: RoutesView,
    outcome: CarriedOut,
    cause: "start" | "reload" | undefined,
  ): void {
    const why = (gateway: ResolvedGateway): string => silenceText(this.health.of(gateway));
    const repaired = reportChanges(
      { conf: this.target.conf, before: this.gateways, view, made: outcome.made, why, cause },
      this.ports.say,
    );
    if (repaired.length > 0) {
      this.repairs += repaired.length;
      this.lastRepair = { time: this.ports.clock.now(), commands: repaired };
    }
    this.conditions.set("routes", errorsOf(outcome).map(errorText).join("; "));
    this.foreign = foreignConflicts(this.target.conf, view);
    this.conditions.set("links", linksText(view));
    this.conditions.set("settings", settingsText(this.target.conf, view));
    this.conditions.set("foreign", this.foreign.map(({ text }) => text).join("; "));
    this.gateways = view.plan.gateways;
    this.health.retain(this.gateways);
  }

  private async probeAll(): Promise<void> {
    if (this.probing) return;
    this.probing = true;
    const { links, health, conditions } = this;
    const { clock, events } = this.ports;
    const { conf, node } = this.target;
    const prober = { conf, probes: node.probes, links, clock, health, conditions };
    const changed = await probeAll(this.gateways ?? [], prober);
    this.probing = false;
    if (changed) events.post("probed");
  }

  private async readAgain(): Promise<WatchTarget> {
    const next = this.ports.reload();
    if (next.conf.dataDir !== this.target.conf.dataDir)
      throw new CniError(
        "invalidConfig",
        'another "dataDir" needs a restart of wrapper routes watch',
      );
    await requirePing(next);
    return next;
  }

  private async reload(): Promise<void> {
    const { say, removeStatus } = this.ports;
    const before = this.target;
    try {
      const next = await this.readAgain();
      const [collision] = await this.collisionsWith(next);
      if (collision !== undefined)
        throw new CniError(
          "invalidConfig",
          `it collides with what others have: ${collisionText(collision)}`,
        );
      this.target = next;
    } catch (thrown) {
      say({
        event: "trouble",
        message: `${before.path} was read again and is not used, the configuration before it stays: ${textOf(thrown)}`,
      });
      return;
    }
    const { statusFile } = before.conf.routes.watch;
    if (statusFile !== undefined && statusFile !== this.target.conf.routes.watch.statusFile)
      removeStatus(statusFile);
    await this.cycle("reload");
  }

  private saveStatus(anyway = false): string {
    const {
      target: { conf, path },
      repairs,
      lastRepair,
    } = this;
    const gateways = this.statusWriter.describe(this.gateways ?? [], this.health);
    const error = ["cycle", "links", "routes", "foreign", "settings"]
      .map((topic) => this.conditions.textOf(topic))
      .find((text) => text !== undefined);
    return this.statusWriter.save(
      {
        pid: this.ports.pid,
        path,
        conf,
        gateways,
        disturbed: this.foreign,
        repairs,
        lastRepair,
        error,
      },
      anyway,
    );
  }
}

async function requirePing({ conf, node }: WatchTarget): Promise<void> {
  const gateways = routedTenants(conf).flatMap(everyGateway);
  if (gateways.some(({ check }) => check !== undefined)) await node.probes.requirePing();
}

function textOf(thrown: unknown): string {
  return errorText(toCniError(thrown));
}
