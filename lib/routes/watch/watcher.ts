/** Keeps the node routes true: looks at the node again and again, and mends what differs. */
import { CniError, toCniError } from "../../cni/error";
import { collisionsOf, look } from "../apply";
import { carryOut, type CarriedOut, errorsOf, type RoutesView } from "../carry-out";
import { routedTenants } from "../plan/desired";
import { canBeProbed, createHealthBook, type HealthBook } from "./health";
import { type LinkCondition, noCarrier } from "./probe";
import { createStatusKeeper, HEARTBEAT_MS, type StatusKeeper, type WatchStatus } from "./status";
import { createTroubles, hopText, tellChanges, type Troubles } from "./report";
import type { Collision } from "../conflicts/kinds";
import { collisionText } from "../conflicts/text";
import type { ResolvedGateway } from "../model";
import { errorText } from "../text";
import { type InTheWay, othersInTheWay, settingsText } from "./watch-others";
import type { WatchOptions, WatchPorts, WatchTarget } from "./watch-ports";

export type { WatchOptions, WatchPorts, WatchTarget } from "./watch-ports";

/** Between an event and the look at the node, for the events that come with it (ms). */
const DEBOUNCE_MS = 200;
/** After a look events wait this many times as long as it took: a busy node keeps its processor. */
const PAUSE_FACTOR = 4;

/**
 * Runs until there is a notice to stop; the routes stay as they are then. Returns the collisions
 * for which it did not even start; none otherwise. Throws CniError `io` when a gateway's check needs
 * a program that is not there. Nothing else ends it: what fails is told, and tried again.
 */
export function watchRoutes(
  target: WatchTarget,
  ports: WatchPorts,
  options: WatchOptions,
): Promise<readonly Collision[]> {
  return new Watcher(target, ports, options).run();
}

class Watcher {
  private readonly book: HealthBook;
  private readonly troubles: Troubles;
  private readonly keeper: StatusKeeper;
  private links: readonly LinkCondition[] = [];
  /** As the last look found them; undefined: the node was not yet looked at. */
  private gateways: readonly ResolvedGateway[] | undefined;
  private others: readonly InTheWay[] = [];
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
    this.book = createHealthBook(
      () => this.target.conf.routes.watch,
      target.node.seat.lostBefore(),
    );
    this.troubles = createTroubles(ports.say);
    this.keeper = createStatusKeeper(ports, this.troubles);
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

  private async postEvery(notice: "tick" | "heartbeat", ms: () => number): Promise<void> {
    while (!this.done) {
      await this.ports.clock.sleep(ms());
      this.ports.inbox.post(notice);
    }
  }

  /** Nothing is changed before it is known that nobody else is disturbed. */
  private async collisionsAtStart(): Promise<readonly Collision[]> {
    const { inbox, clock, say } = this.ports;
    for (;;) {
      try {
        if (inbox.take("reload")) this.target = await this.readAgain();
        const collisions = await this.collisionsWith(this.target);
        this.troubles.over("cycle");
        return collisions;
      } catch (thrown) {
        this.troubles.tell("cycle", troubleText(thrown));
      }
      this.saveStatus();
      await inbox.rest(clock.sleep(this.target.conf.routes.watch.intervalMs));
      if (inbox.take("report")) say({ event: "report", message: this.saveStatus(true) });
      if (inbox.take("stop")) {
        // For watch(), which then does nothing.
        inbox.post("stop");
        return [];
      }
    }
  }

  private async collisionsWith({ conf, node }: WatchTarget): Promise<readonly Collision[]> {
    if (this.options.force) return [];
    return collisionsOf(conf, node, await look(conf, node, this.options));
  }

  private async watch(): Promise<void> {
    const { inbox } = this.ports;
    if (inbox.take("stop")) return;
    await this.cycle("start");
    this.saveStatus();
    do await this.turn();
    while (!inbox.take("stop"));
  }

  private async turn(): Promise<void> {
    const { inbox, clock, say } = this.ports;
    await inbox.wait();
    if (inbox.take("report")) say({ event: "report", message: this.saveStatus(true) });
    if (inbox.take("reload")) await this.reload();
    if (inbox.take("event")) {
      await inbox.rest(clock.sleep(Math.max(DEBOUNCE_MS, this.nextLookAt - clock.elapsed())));
      inbox.take("event");
      await this.cycle();
    }
    if (inbox.take("probed")) await this.cycle();
    if (inbox.take("tick")) {
      await this.cycle();
      void this.probeAll();
    }
    inbox.take("heartbeat");
    this.saveStatus();
  }

  /** Looks and mends, alone with the node. */
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
        this.tell(view, outcome, cause);
        node.seat.tell(conf, view.plan.gateways);
      });
      this.troubles.over("cycle");
    } catch (thrown) {
      this.troubles.tell("cycle", troubleText(thrown));
    }
    const ended = this.ports.clock.elapsed();
    this.nextLookAt = ended + PAUSE_FACTOR * (ended - begun);
  }

  // A cable that is out is seen at once; whether somebody answers takes a probe.
  private isUp(gateway: ResolvedGateway): boolean {
    const { dev } = gateway;
    const dead =
      dev !== undefined && this.links.some(({ name, carrier }) => name === dev && !carrier);
    if (dead) this.book.learn(gateway, noCarrier(dev), this.ports.clock.elapsed());
    return this.book.of(gateway).up;
  }

  private tell(view: RoutesView, outcome: CarriedOut, cause: "start" | "reload" | undefined): void {
    const why = (gateway: ResolvedGateway): string => {
      const { failures, lastError } = this.book.of(gateway);
      return failures > 1
        ? `${failures} probes in a row without an answer`
        : (lastError ?? "it has not answered for long enough");
    };
    const repaired = tellChanges(
      { conf: this.target.conf, before: this.gateways, view, made: outcome.made, why, cause },
      this.ports.say,
    );
    if (repaired.length > 0) {
      this.repairs += repaired.length;
      this.lastRepair = { time: this.ports.clock.now(), commands: repaired };
    }
    this.troubles.now("routes", errorsOf(outcome).map(errorText).join("; "));
    this.others = othersInTheWay(this.target.conf, view);
    this.troubles.now("settings", settingsText(this.target.conf, view));
    this.troubles.now("others", this.others.map(({ text }) => text).join("; "));
    this.gateways = view.plan.gateways;
    this.book.keep(this.gateways);
  }

  private async probeAll(): Promise<void> {
    if (this.probing) return;
    this.probing = true;
    const { clock, inbox } = this.ports;
    const { conf, node } = this.target;
    const came = await Promise.all(
      (this.gateways ?? []).filter(canBeProbed).map(async (gateway) => {
        const mark = routedTenants(conf).find(({ name }) => name === gateway.tenant)?.mark;
        if (mark === undefined) return false;
        const verdict = await node.probes.ask({
          gateway,
          mark,
          timeoutMs: conf.routes.watch.timeoutMs,
          links: this.links,
        });
        const topic = `probe of ${gateway.tenant} ${hopText(gateway)}`;
        this.troubles.now(
          topic,
          verdict.kind === "unknown"
            ? `${gateway.tenant}: gateway ${hopText(gateway)} cannot be probed: ${verdict.why}`
            : "",
        );
        return this.book.learn(gateway, verdict, clock.elapsed());
      }),
    );
    this.probing = false;
    if (came.includes(true)) inbox.post("probed");
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
        message: `${before.path} was read again and is not used, the configuration before it stays: ${troubleText(thrown)}`,
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
    const gateways = this.keeper.seen(this.gateways ?? [], this.book);
    const error = ["cycle", "routes", "others", "settings"]
      .map(this.troubles.of)
      .find((text) => text !== undefined);
    return this.keeper.save(
      {
        pid: this.ports.pid,
        path,
        conf,
        gateways,
        disturbed: this.others,
        repairs,
        lastRepair,
        error,
      },
      anyway,
    );
  }
}

async function requirePing({ conf, node }: WatchTarget): Promise<void> {
  if (routedTenants(conf).some(({ gateways }) => gateways.some(({ check }) => check !== undefined)))
    await node.probes.requirePing();
}

function troubleText(thrown: unknown): string {
  return errorText(toCniError(thrown));
}
