/** A Context for unit tests of the verbs: real journal in a temporary directory, everything else scripted. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PluginConf } from "../../conf/types";
import type { CniError } from "../../lib/cni/error";
import type { Request } from "../../lib/cni/request";
import { createJournal, type Attachment } from "../../lib/attachment/journal";
import type {
  Confirm,
  Exec,
  ExecOutcome,
  InstalledMark,
  MarkBackend,
  MarkOrder,
  Marks,
  RestoreOrder,
} from "../../lib/ports";
import type { Traffic } from "../../lib/traffic";
import { restoreOneByOne } from "./one-by-one";
import { createIptablesBackend, type IptablesOptions } from "../../lib/marks/iptables/backend";
import { attachmentTag } from "../../lib/marks/tag";
import type { Context, Node, RequestScope } from "../../lib/attachment/context";
import { createProgress } from "../../lib/attachment/facts";
import { confWith } from "./conf-object";
import { OUTCOME } from "./fakes";

export const RESULT = {
  cniVersion: "1.0.0",
  interfaces: [{ name: "veth1" }, { name: "eth0", sandbox: "/run/netns/x" }],
  ips: [{ interface: 1, address: "10.0.0.5/24" }],
};
export const KEY = { network: "net", containerId: "c1", ifname: "eth0" };
export const TAG = attachmentTag(KEY);
/** What iptables' rules for a marking are. */
const rulePieces = createIptablesBackend({} as IptablesOptions).pieces;
const ME = { pid: 4242, startTime: "1" };

/** Marks in memory, in pieces as iptables has them; `fail` makes a method throw. */
export class FakeMarks implements MarkBackend, Marks {
  installed: InstalledMark[] = [];
  fail: Partial<Record<"install" | "evict" | "remove" | "list" | "probe", CniError>> = {};
  readonly places = ["nft", "legacy"];
  readonly home = (): string => "nft";
  readonly pieces: MarkBackend["pieces"] = rulePieces;

  open = (): Marks => this;

  anticipate(): void {}

  async install(order: MarkOrder) {
    this.check("install");
    order.confirm?.();
    const tag = attachmentTag(order.key);
    const evicted = await this.evict(order.key, order.addresses);
    this.installed = this.installed.filter((r) => r.tag !== tag);
    for (const piece of this.pieces(order, undefined))
      this.installed.push({ ...piece, backend: "nft", tag, label: order.label, text: "" });
    return { place: "nft", evicted };
  }

  async restore(orders: readonly RestoreOrder[]) {
    const places = new Map(orders.map(({ key, place }) => [attachmentTag(key), place]));
    const placed = (tag: string): string | undefined =>
      this.places.find((place) => place === places.get(tag));
    const done = await restoreOneByOne(this, orders);
    return done.map((each) => ({ ...each, place: placed(each.tag) ?? each.place }));
  }

  async evict(key: Attachment["key"], addresses: readonly string[], confirm?: Confirm) {
    this.check("evict");
    confirm?.();
    const gone = this.installed.filter(
      (r) => r.tag !== attachmentTag(key) && addresses.includes(r.address),
    );
    this.installed = this.installed.filter((r) => !gone.includes(r));
    return [...new Set(gone.map((r) => r.tag))];
  }

  async remove(tags: readonly string[]) {
    this.check("remove");
    this.installed = this.installed.filter((r) => !tags.includes(r.tag));
  }

  async list() {
    this.check("list");
    return this.installed;
  }

  /** By attachment, as a test says. */
  counted: Traffic[] = [];

  async traffic() {
    this.check("list");
    return this.counted;
  }

  async probe() {
    this.check("probe");
  }

  private check(method: keyof FakeMarks["fail"]): void {
    const error = this.fail[method];
    if (error !== undefined) throw error;
  }
}

type Answer = Partial<ExecOutcome>;

export interface Setup {
  readonly context: Context;
  readonly marks: FakeMarks;
  /** Verbs that reached the delegate, in order, and what it got on stdin. */
  readonly calls: {
    verb: string;
    netconf: Record<string, unknown>;
    env: Readonly<Record<string, string>>;
  }[];
  readonly warnings: CniError[];
  readonly alive: Set<number>;
  /** What the delegate answers per verb; a function may look around first. */
  readonly answers: Record<string, Answer | (() => Answer | Promise<Answer>)>;
  readonly ended: string[];
  readonly journalDir: string;
  readonly cleanUp: () => void;
}

export const stdout = (value: unknown): Partial<ExecOutcome> => ({
  stdout: new TextEncoder().encode(typeof value === "string" ? value : JSON.stringify(value)),
});
export const failing = (code: number, msg: string): Partial<ExecOutcome> => ({
  exitCode: 1,
  ...stdout({ code, msg }),
});

export function setUp(conf: Partial<PluginConf> = {}, request: Partial<Request> = {}): Setup {
  const dir = mkdtempSync(join(tmpdir(), "verbs-"));
  writeFileSync(join(dir, "noop"), "#!/bin/sh\n");
  const journal = createJournal(join(dir, "journal"));
  journal.prepare();
  const marks = new FakeMarks();
  const setup: Omit<Setup, "context"> = {
    marks,
    calls: [],
    warnings: [],
    alive: new Set([ME.pid]),
    ended: [],
    journalDir: join(dir, "journal"),
    answers: { ADD: stdout(RESULT), DEL: {}, CHECK: {}, GC: {}, STATUS: {} },
    cleanUp: () => rmSync(dir, { recursive: true, force: true }),
  };
  const clock = { now: () => new Date(0), elapsed: () => 0, sleep: async () => {} };
  const exec = delegateExec(setup);
  const node: Node = {
    journal,
    locks: { hold: (_names, _timeout, body) => body(), sweep: async () => {} },
    backend: marks,
    exec,
    clock,
    pods: async () => {
      throw new Error("no API in this test");
    },
    leftovers: {
      end: async (id) => {
        setup.ended.push(id);
        return 0;
      },
    },
    addChecks: async () => [],
    process: ME,
    requests: new Set(),
    isAlive: ({ pid }) => setup.alive.has(pid),
    viewpoint: () => undefined,
    sandboxState: (netns) => (netns.startsWith("/gone/") ? "gone" : "there"),
    isCollectionDue: () => false,
  };
  const scope: RequestScope = {
    cni: {
      verb: "ADD",
      containerId: "c1",
      netns: "/run/netns/x",
      ifname: "eth0",
      path: [dir],
      netnsOverride: false,
      args: new Map([
        ["K8S_POD_NAMESPACE", "team-a"],
        ["K8S_POD_NAME", "web-0"],
      ]),
      ...request,
    },
    conf: confWith({
      runtimeConfig: {
        "io.kubernetes.cri.pod-annotations": { "tenant.routing/fwmark": "0x10/0xff" },
      },
      ...conf,
    }),
    key: KEY,
    tag: TAG,
    owner: { ...ME, request: "1" },
    marks,
    delegate: {
      exec,
      clock,
      env: { CNI_COMMAND: "ADD" },
      path: [dir],
      timeoutMs: 1000,
      stderr: () => {},
    },
    progress: createProgress(),
    warn: (warning) => setup.warnings.push(warning),
    callerIsGone: () => false,
    helpers: [],
    takesOver: undefined,
    unfinished: new Set(),
  };
  return { ...setup, context: { node, request: scope } };
}

/** Delegates that answer as the test says. */
function delegateExec({ calls, answers }: Pick<Setup, "calls" | "answers">): Exec {
  return {
    run: async ({ env, stdin }) => {
      const verb = env["CNI_COMMAND"] ?? "";
      calls.push({ verb, netconf: JSON.parse(String(stdin)) as Record<string, unknown>, env });
      const answer = answers[verb] ?? {};
      return { ...OUTCOME, ...(typeof answer === "function" ? await answer() : answer) };
    },
  };
}

/** The same context on a node that differs in these things. */
export function onNode({ context }: Setup, part: Partial<Node>): Context {
  return { ...context, node: { ...context.node, ...part } };
}

/** Another request of the same process at the same time. */
export function otherRequest({ context }: Setup, id: string): Context {
  const owner = { ...context.request.owner, request: id };
  const own = { owner, progress: createProgress(), unfinished: new Set<string>() };
  return { ...context, request: { ...context.request, ...own } };
}

/** A record as a finished ADD leaves it. */
export function record(part: Partial<Attachment> = {}): Attachment {
  return {
    format: 1,
    state: "complete",
    key: KEY,
    netns: "/run/netns/x",
    owner: ME,
    pod: { namespace: "team-a", name: "web-0" },
    mark: { value: 0x10, mask: 0xff },
    markReplies: false,
    addresses: ["10.0.0.5"],
    backend: "nft",
    delegate: { type: "noop" },
    result: RESULT,
    cniVersion: "1.0.0",
    since: "2026-01-01T00:00:00.000Z",
    ...part,
  };
}
