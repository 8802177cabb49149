import type { Connection } from "./stream/connection";
import { WatchLoop } from "./stream/loop";
import { NamespaceStore } from "./namespace-store";
import { Poller } from "./poller";
import type { Problems } from "./problems";
import type { Keys, Seen } from "./stream/seen";
import type { After } from "./stream/timer";

export interface NamespacesOptions {
  readonly connection: Connection;
  readonly keys: () => Keys;
  /** Those with local pods. */
  readonly needed: () => readonly string[];
  readonly changed: (namespace: string) => void;
  readonly problems: Problems;
  readonly pollMs: number;
  readonly elapsed: () => number;
  readonly after: After;
  readonly random: () => number;
}

/** Where a watch is not granted it is tried again after 3 to 6 minutes: rbac.yaml may be applied by then. */
const TRY_AGAIN_MS = 3 * 60_000;
/** What a poll brought is good for this long after the next one was due. */
const MARGIN_MS = 30_000;

/** The namespaces, kept fresh by a watch where RBAC grants it, else by polling those with local pods. */
export class Namespaces {
  readonly store: NamespaceStore;
  readonly #loop: WatchLoop;
  readonly #poller: Poller;
  #isTried = false;

  constructor(readonly options: NamespacesOptions) {
    const { random, elapsed, problems } = options;
    this.store = new NamespaceStore(options.changed, elapsed);
    this.#loop = new WatchLoop({
      ...options,
      resource: "namespaces",
      selector: () => Promise.resolve(undefined),
      sink: this.store,
      forbiddenPauseMs: () => TRY_AGAIN_MS * (1 + random()),
      onOutcome: (problem) => {
        // That it may only poll is no problem.
        const message = problem?.status === 403 ? undefined : problem?.message;
        problems.set("namespaces", message);
        this.#isTried = true;
        if (problem !== undefined) this.#poller.kick();
      },
    });
    this.#poller = new Poller({
      ...options,
      store: this.store,
      active: () => this.#isTried && !this.isWatched,
      intervalMs: options.pollMs,
      onOutcome: (problem) => {
        this.#dropUnneeded();
        problems.set("polling namespaces", problem);
      },
    });
  }

  get isWatched(): boolean {
    return this.#loop.state().trusted;
  }

  async run(): Promise<void> {
    await Promise.all([this.#loop.run(), this.#poller.run()]);
  }

  stop(): void {
    this.#loop.stop();
    this.#poller.stop();
  }

  relist(): void {
    this.store.replace([]);
    this.#loop.relist();
    this.#poller.kick();
  }

  /** A namespace has its first local pod: a poll brings it before the pod's ADD asks. */
  isNeeded(name: string): void {
    if (this.store.get(name) === undefined) this.#poller.kick();
  }

  /** What may decide: undefined where only a GET tells. */
  trusted(name: string): Seen | undefined {
    const ageMs = this.isWatched ? 0 : (this.store.ageMs(name) ?? Infinity);
    return ageMs <= this.options.pollMs * 1.2 + MARGIN_MS ? this.store.get(name) : undefined;
  }

  /** Keeps what a GET that was sent at `askedAt` brought, where a watch has not brought it in between. */
  remember(seen: Seen, askedAt: number): void {
    if (!this.isWatched || this.store.get(seen.name) === undefined) this.store.read(seen, askedAt);
  }

  /** See `CacheState`. */
  ageMs(): number | undefined {
    if (this.isWatched) return this.#loop.state().ageMs;
    const ages = this.options.needed().map((name) => this.store.ageMs(name));
    const known = ages.filter((age) => age !== undefined);
    return known.length === 0 ? undefined : Math.max(...known);
  }

  #dropUnneeded(): void {
    if (this.isWatched) return;
    const needed = new Set(this.options.needed());
    for (const name of this.store.names()) {
      // What a watch brought may be needed when it goes on.
      const ageMs = this.store.ageMs(name) ?? 0;
      if (!needed.has(name) && ageMs > this.options.pollMs) this.store.remove({ name });
    }
  }
}
