import { readMetadata } from "../answer";
import { namespaceSubject } from "../source";
import { backoffMs, jittered } from "./stream/backoff";
import type { Connection } from "./stream/connection";
import { ANSWER_SILENCE_MS, describe } from "./stream/failure";
import { heard } from "./stream/heard";
import type { NamespaceStore } from "./namespace-store";
import type { Reply } from "./stream/request";
import { type Keys, keepAnnotations } from "./stream/seen";
import { type After, pause } from "./stream/timer";
import { MAX_BODY_BYTES, OversizeError, Transient } from "../errors";

export interface PollerOptions {
  readonly connection: Connection;
  readonly store: NamespaceStore;
  readonly keys: () => Keys;
  /** Those with local pods. */
  readonly needed: () => readonly string[];
  /** false while a watch keeps them fresh, or is being tried for the first time. */
  readonly active: () => boolean;
  readonly intervalMs: number;
  readonly elapsed: () => number;
  readonly after: After;
  readonly random: () => number;
  /** After each round: what went wrong in it, if anything. */
  readonly onOutcome: (problem: string | undefined) => void;
}

/** Requests at once. */
const AT_ONCE = 4;
const ACCEPT = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";

/** Asks for each namespace with local pods, again and again. It ends only by `stop`. */
export class Poller {
  readonly #abort = new AbortController();
  #wake = new AbortController();
  #failures = 0;
  /** Retry-After of the last round. */
  #askedMs = 0;

  constructor(readonly options: PollerOptions) {}

  /** Never rejects; resolves when the poller has stopped. */
  async run(): Promise<void> {
    const { signal } = this.#abort;
    const { after, random, intervalMs } = this.options;
    while (!signal.aborted) {
      this.#wake = new AbortController();
      const wake = AbortSignal.any([signal, this.#wake.signal]);
      if (this.options.active()) await this.#round(signal);
      const retryMs = this.#failures > 0 ? backoffMs(this.#failures, random) : 0;
      await pause(after, Math.max(jittered(intervalMs, random), retryMs, this.#askedMs), wake);
    }
  }

  /** Starts a round at once, for what no GET has brought yet. */
  kick(): void {
    this.#wake.abort();
  }

  stop(): void {
    this.#abort.abort();
  }

  async #round(signal: AbortSignal): Promise<void> {
    const { needed, store, intervalMs } = this.options;
    // A round that was woken early leaves alone what the last one brought.
    const due = needed().filter((name) => (store.ageMs(name) ?? Infinity) > intervalMs / 2);
    const problems: unknown[] = [];
    const worker = async (): Promise<void> => {
      for (let name = due.pop(); name !== undefined && !signal.aborted; name = due.pop())
        await this.#get(name, signal).catch((error: unknown) => problems.push(error));
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    if (signal.aborted) return;
    this.#failures = problems.length > 0 ? this.#failures + 1 : 0;
    this.#askedMs = Math.max(0, ...problems.map(retryAfterOf));
    const problem = problems[0];
    const who = `${this.options.connection.server}: get of namespaces`;
    this.options.onOutcome(problem === undefined ? undefined : describe(problem, who));
  }

  async #get(name: string, signal: AbortSignal): Promise<void> {
    const { connection, store, elapsed, keys, after } = this.options;
    const askedAt = elapsed();
    const subject = namespaceSubject({ namespace: name, name: "*" });
    const ask = { resource: "namespaces", verb: "get", path: subject.path } as const;
    const reply = await connection.ask({ ...ask, accept: ACCEPT, signal });
    const body = await readBody(reply, after);
    if (reply.status === 404) return store.remove({ name });
    const answer = { status: reply.status, headers: reply.headers, body };
    const { uid, annotations } = readMetadata(answer, subject, connection);
    const kept = keepAnnotations(annotations, keys());
    store.read({ namespace: "", name, uid, mirror: false, annotations: kept }, askedAt);
  }
}

function retryAfterOf(problem: unknown): number {
  return problem instanceof Transient ? (problem.patience.retryAfterMs ?? 0) : 0;
}

async function readBody(reply: Reply, after: After): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of heard(reply, () => ANSWER_SILENCE_MS, after)) {
    size += chunk.byteLength;
    if (size > MAX_BODY_BYTES) throw new OversizeError();
    parts.push(chunk);
  }
  return Buffer.concat(parts);
}
