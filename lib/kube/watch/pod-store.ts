import { sameAnnotations, type Seen } from "./stream/seen";
import type { Sink } from "./stream/loop";

/** Calls when something about a pod or namespace changed that was known before. */
export interface StoreEvents {
  /** Its annotations, or its UID: another pod has its name now. */
  changed(namespace: string, name: string): void;
  /** The first pod of a namespace came. */
  namespaceIn(namespace: string): void;
}

interface Remembered {
  readonly seen: Seen;
  readonly until: number;
}

/** An answer of a GET is good for this long without the watch having caught up with it. */
const REMEMBERED_MS = 60_000;
const MOST_REMEMBERED = 1000;

/** The pods of the node, as the watch has them, and those that were asked for before it had them. */
export class PodStore implements Sink {
  #pods = new Map<string, Map<string, Seen>>();
  readonly #remembered = new Map<string, Remembered>();

  constructor(
    readonly events: StoreEvents,
    readonly elapsed: () => number,
  ) {}

  get size(): number {
    return [...this.#pods.values()].reduce((sum, pods) => sum + pods.size, 0);
  }

  namespaces(): readonly string[] {
    return [...this.#pods.keys()];
  }

  hasNamespace(namespace: string): boolean {
    return this.#pods.has(namespace);
  }

  in(namespace: string): readonly Seen[] {
    return [...(this.#pods.get(namespace)?.values() ?? [])];
  }

  /** As the watch has it, else as a GET had it a moment ago. */
  get(namespace: string, name: string): Seen | undefined {
    return this.#pods.get(namespace)?.get(name) ?? this.#recall(namespace, name);
  }

  /** The same for one pod with that UID, if it is one of the two. */
  find(namespace: string, name: string, matches: (seen: Seen) => boolean): Seen | undefined {
    const candidates = [this.#pods.get(namespace)?.get(name), this.#recall(namespace, name)];
    return candidates.find((seen) => seen !== undefined && matches(seen));
  }

  /** Keeps the answer of a GET until the watch brings something about this pod. */
  remember(seen: Seen): void {
    const now = this.elapsed();
    for (const [key, { until }] of this.#remembered)
      if (until <= now || this.#remembered.size >= MOST_REMEMBERED) this.#remembered.delete(key);
    this.#remembered.set(keyOf(seen), { seen, until: now + REMEMBERED_MS });
  }

  replace(all: readonly Seen[]): void {
    const before = this.#pods;
    this.#pods = new Map();
    for (const seen of all) {
      this.#put(seen);
      const remembered = this.#forget(seen);
      const known = before.get(seen.namespace)?.get(seen.name) ?? remembered;
      if (known !== undefined && differs(known, seen))
        this.events.changed(seen.namespace, seen.name);
    }
    for (const namespace of this.#pods.keys())
      if (!before.has(namespace)) this.events.namespaceIn(namespace);
  }

  set(seen: Seen): void {
    const known = this.#pods.get(seen.namespace)?.get(seen.name);
    const remembered = this.#forget(seen);
    const isFirst = !this.#pods.has(seen.namespace);
    this.#put(seen);
    if (isFirst) this.events.namespaceIn(seen.namespace);
    const before = known ?? remembered;
    if (before !== undefined && differs(before, seen))
      this.events.changed(seen.namespace, seen.name);
  }

  remove(seen: Seen): void {
    const pods = this.#pods.get(seen.namespace);
    // The end of a pod whose name another has already must not take the other away.
    if (pods?.get(seen.name)?.uid !== seen.uid) return;
    pods.delete(seen.name);
    if (pods.size === 0) this.#pods.delete(seen.namespace);
  }

  #put(seen: Seen): void {
    const pods = this.#pods.get(seen.namespace);
    if (pods === undefined) this.#pods.set(seen.namespace, new Map([[seen.name, seen]]));
    else pods.set(seen.name, seen);
  }

  #recall(namespace: string, name: string): Seen | undefined {
    const found = this.#remembered.get(keyOf({ namespace, name }));
    return found !== undefined && found.until > this.elapsed() ? found.seen : undefined;
  }

  #forget(seen: Seen): Seen | undefined {
    const found = this.#recall(seen.namespace, seen.name);
    this.#remembered.delete(keyOf(seen));
    return found;
  }
}

function differs(before: Seen, now: Seen): boolean {
  return before.uid !== now.uid || !sameAnnotations(before.annotations, now.annotations);
}

/** No name has a slash. */
function keyOf({ namespace, name }: Pick<Seen, "namespace" | "name">): string {
  return `${namespace}/${name}`;
}
