/**
 * A watcher on paper: a kernel that remembers, a clock that the test turns, gateways that answer or
 * not.
 */
import type { PluginConf } from "../../../../../conf/types";
import { CniError } from "../../../../../lib/cni/error";
import type { Clock } from "../../../../../lib/ports";
import { createEventQueue } from "../../../../../lib/routes/watch/events";
import type { Collision } from "../../../../../lib/routes/conflicts/kinds";
import type { LinkCondition } from "../../../../../lib/routes/watch/probe";
import {
  type Action,
  type CarriedMark,
  EMPTY_RECORD,
  type IpRoute,
  type IpRule,
  type NodeState,
  type Surroundings,
} from "../../../../../lib/routes/model";
import { routePlace, ruleKey } from "../../../../../lib/routes/changes/identity";
import {
  type WatchOptions,
  watchRoutes,
  type WatchTarget,
} from "../../../../../lib/routes/watch/watcher";
import type { WatchLine } from "../../../../../lib/routes/watch/report";
import { FakeLock } from "../../../../helpers/fakes";
import { confOf, connected, link, stateOf } from "../node-rig";

export const A = "192.0.2.1";
export const B = "192.0.3.1";
export const TENANT = {
  fwmark: "0x10/0xff",
  table: 100,
  gateways: [
    { via: A, dev: "eth1" },
    { via: B, dev: "eth2" },
  ],
};
const WATCH = {
  interval: "1s",
  timeout: "500ms",
  failAfter: 2,
  holdDown: "3s",
  statusFile: "/run/s.json",
};

export function watchConf(tenant: object = {}, watch: object = {}, more: object = {}): PluginConf {
  return confOf({
    tenants: { a: { ...TENANT, ...tenant } },
    routes: { namesDir: "", watch: { ...WATCH, ...watch } },
    ...more,
  } as never);
}

/** Lets everything that is ready run. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
}

class TestClock implements Clock {
  private ms = 0;
  private sleepers: { at: number; wake: () => void }[] = [];
  now = (): Date => new Date(this.ms);
  elapsed = (): number => this.ms;
  sleep = (ms: number): Promise<void> =>
    new Promise((wake) => this.sleepers.push({ at: this.ms + ms, wake }));

  async advance(ms: number): Promise<void> {
    for (const end = this.ms + ms; this.ms < end;) {
      this.ms += 100;
      const due = this.sleepers.filter(({ at }) => at <= this.ms);
      this.sleepers = this.sleepers.filter(({ at }) => at > this.ms);
      for (const { wake } of due) wake();
      await settle();
    }
  }
}

/** The node's rules and routes; `refuse` names changes that fail. */
export class PaperKernel {
  rules: readonly IpRule[] = stateOf().rules;
  routes: readonly IpRoute[] = [...stateOf().routes, connected("192.0.3.0/24", "eth2")];
  links = [link("eth0", "198.51.100.2"), link("eth1", "192.0.2.9"), link("eth2", "192.0.3.9")];
  sysctls: Readonly<Record<string, string>> = {};
  /** Thrown by the next looks. */
  broken: CniError | undefined;
  refuse: (action: Action) => boolean = () => false;
  looks = 0;

  state = async (): Promise<NodeState> => {
    this.looks++;
    if (this.broken !== undefined) throw this.broken;
    return stateOf(
      { rules: this.rules, routes: this.routes, links: this.links, families: [4] },
      this.sysctls,
    );
  };
  own = async () => ({
    forward: [],
    natListing: undefined,
    file: () => undefined,
    leftover: () => undefined,
    absent: () => [],
  });
  natListing = async () => undefined;
  perform = async (action: Action): Promise<void> => {
    if (this.refuse(action)) throw new CniError("io", "RTNETLINK answers: Network is unreachable");
    if (action.kind === "rule")
      this.rules = [
        ...this.rules.filter((rule) => ruleKey(rule) !== ruleKey(action.rule)),
        ...(action.op === "add" ? [action.rule] : []),
      ];
    if (action.kind === "route")
      this.routes = [
        ...this.routes.filter((route) => routePlace(route) !== routePlace(action.route)),
        ...(action.op === "del" ? [] : [action.route]),
      ];
  };

  /** Where the tenant's default route leads. */
  ways(): readonly (string | undefined)[] {
    return this.routes
      .filter(({ table, dst, type }) => table === 100 && dst === "default" && type === "unicast")
      .flatMap(({ nexthops }) => nexthops.map(({ via }) => via));
  }
}

export interface Rig {
  readonly kernel: PaperKernel;
  readonly clock: TestClock;
  readonly events: ReturnType<typeof createEventQueue>;
  readonly lines: WatchLine[];
  readonly files: Map<string, string>;
  /** Texts that were written to any status file. */
  readonly written: string[];
  /** Addresses of gateways that do not answer, or that cannot be asked. */
  readonly silent: Set<string>;
  readonly unknown: Set<string>;
  /** Devices without carrier. */
  readonly unplugged: Set<string>;
  readonly lock: FakeLock;
  /** Names of the gateways that the watcher before had lost. */
  lostBefore: readonly string[];
  /** The marks of the pods that run. */
  carried: readonly CarriedMark[];
  /** The gateways that were published as lost. */
  lost: readonly (string | undefined)[];
  surroundings: Partial<Surroundings>;
  /** What the next reload gives. */
  next: () => PluginConf;
  noPing: boolean;
  statusFails: boolean;
  messages(event?: WatchLine["event"]): readonly string[];
  status(): {
    readonly tenants: readonly {
      readonly state: string;
      readonly gateways: readonly { readonly state: string }[];
    }[];
    readonly repairs: number;
    readonly error: string | null;
  };
  run(conf: PluginConf, options?: Partial<WatchOptions>): Promise<readonly Collision[]>;
}

export function createRig(): Rig {
  const clock = new TestClock();
  const kernel = new PaperKernel();
  const lines: WatchLine[] = [];
  let record = EMPTY_RECORD;
  const links = (): readonly LinkCondition[] =>
    kernel.links.map(({ name }) => ({ name, carrier: !rig.unplugged.has(name), resolves: true }));
  const targetOf = (conf: PluginConf): WatchTarget => ({
    path: "/etc/cni/net.d/10.conflist",
    conf,
    node: {
      kernel,
      records: {
        read: () => record,
        write: (next) => void (record = next),
        remove: () => void (record = EMPTY_RECORD),
      },
      carriedMarks: () => rig.carried,
      isGuarded: () => false,
      readSurroundings: async () => ({
        markUses: [],
        chains: [],
        nftTables: [],
        tableNames: [],
        unseen: [],
        ...rig.surroundings,
      }),
      lock: rig.lock,
      watcherLock: {
        lostBefore: () => rig.lostBefore,
        publish: (_, gateways) =>
          void (rig.lost = gateways
            .filter(({ unusable }) => unusable === "failed")
            .map(({ via }) => via)),
      },
      probes: {
        requirePing: async () => {
          if (rig.noPing) throw new CniError("io", "no ping");
        },
        links: async () => links(),
        ask: async ({ gateway }) => {
          if (rig.unknown.has(gateway.via ?? "")) return { kind: "unknown", why: "ip is broken" };
          return rig.silent.has(gateway.via ?? "")
            ? { kind: "silent", why: "no answer" }
            : { kind: "answered" };
        },
      },
    },
  });
  const rig: Rig = {
    kernel,
    clock,
    lines,
    events: createEventQueue(),
    files: new Map(),
    written: [],
    silent: new Set(),
    unknown: new Set(),
    unplugged: new Set(),
    lock: new FakeLock(),
    lost: [],
    lostBefore: [],
    carried: [],
    surroundings: {},
    next: () => {
      throw new CniError("decode", "not JSON");
    },
    noPing: false,
    statusFails: false,
    messages: (event) =>
      lines
        .filter((line) => event === undefined || line.event === event)
        .map(({ message }) => message),
    status: () => JSON.parse(rig.files.get("/run/s.json") ?? "") as ReturnType<Rig["status"]>,
    run: (conf, options = {}) => {
      const ports = {
        clock,
        events: rig.events,
        pid: 42,
        say: (line: WatchLine) => void lines.push(line),
        reload: () => targetOf(rig.next()),
        writeStatus: (path: string, text: string) => {
          if (rig.statusFails) throw new CniError("io", "no space");
          rig.files.set(path, text);
          rig.written.push(text);
        },
        removeStatus: (path: string) => void rig.files.delete(path),
      };
      return watchRoutes(targetOf(conf), ports, { sysctl: false, force: false, ...options });
    },
  };
  return rig;
}
