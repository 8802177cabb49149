import type { KubeObject } from "./types";

export interface Change {
  readonly version: number;
  readonly before: KubeObject | undefined;
  /** undefined: removed. A removed object's `before` carries the version of its removal. */
  readonly after: KubeObject | undefined;
}

/** What happened to the objects, for watches that begin in the past. */
export class History {
  #changes: Change[] = [];
  #forgotten = 0;
  readonly #listeners = new Set<(change: Change) => void>();

  /** Changes up to this version are no longer known. */
  get forgotten(): number {
    return this.#forgotten;
  }

  add(change: Change): void {
    this.#changes.push(change);
    for (const listener of this.#listeners) listener(change);
  }

  since(version: number): readonly Change[] {
    return this.#changes.filter((change) => change.version > version);
  }

  /** Forgets everything up to now, as compaction does: who asks for older versions gets 410. */
  expire(version: number): void {
    this.#changes = [];
    this.#forgotten = version;
  }

  /** Returns how to end it. */
  follow(listener: (change: Change) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
