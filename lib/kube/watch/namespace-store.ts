import { sameAnnotations, type Seen } from "./stream/seen";
import type { Sink } from "./stream/loop";

interface Entry {
  readonly seen: Seen;
  /** When a GET brought it; undefined: a watch did. */
  readonly readAt: number | undefined;
}

/** What is known of namespaces, by a watch of all of them or by a GET each. */
export class NamespaceStore implements Sink {
  #entries = new Map<string, Entry>();

  /** `changed`: the annotations of a namespace that was known before. */
  constructor(
    readonly changed: (namespace: string) => void,
    readonly elapsed: () => number,
  ) {}

  get size(): number {
    return this.#entries.size;
  }

  names(): readonly string[] {
    return [...this.#entries.keys()];
  }

  /** Milliseconds since a GET brought it; undefined where none did. */
  ageMs(name: string): number | undefined {
    const readAt = this.#entries.get(name)?.readAt;
    return readAt === undefined ? undefined : this.elapsed() - readAt;
  }

  get(name: string): Seen | undefined {
    return this.#entries.get(name)?.seen;
  }

  replace(all: readonly Seen[]): void {
    const before = this.#entries;
    this.#entries = new Map(all.map((seen) => [seen.name, { seen, readAt: undefined }]));
    for (const seen of all) this.#compare(before.get(seen.name), seen);
  }

  set(seen: Seen): void {
    this.#change(seen, undefined);
  }

  /** The answer of a GET that was sent at `askedAt`. */
  read(seen: Seen, askedAt: number): void {
    this.#change(seen, askedAt);
  }

  remove(seen: Pick<Seen, "name">): void {
    this.#entries.delete(seen.name);
  }

  #change(seen: Seen, readAt: number | undefined): void {
    const before = this.#entries.get(seen.name);
    this.#entries.set(seen.name, { seen, readAt });
    this.#compare(before, seen);
  }

  #compare(before: Entry | undefined, now: Seen): void {
    if (before !== undefined && !sameAnnotations(before.seen.annotations, now.annotations))
      this.changed(now.name);
  }
}
