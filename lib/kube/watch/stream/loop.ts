import { isObject, own, parseJson, quote, type JsonObject } from "../../../cni/json";
import { MAX_BODY_BYTES } from "../../errors";
import { backoffMs } from "./backoff";
import type { Connection } from "./connection";
import {
  ANSWER_SILENCE_MS,
  describe,
  eventFailure,
  GoneError,
  readFailure,
  WatchFailure,
} from "./failure";
import { LineSplitter } from "./lines";
import { ListReader } from "./list-body";
import { heard } from "./heard";
import type { Reply } from "./request";
import { type Keys, readSeen, type Seen } from "./seen";
import { type After, pause } from "./timer";

/** Who is told what the server has. */
export interface Sink {
  /** Everything there is; whatever else was known is gone. */
  replace(all: readonly Seen[]): void;
  set(one: Seen): void;
  remove(one: Seen): void;
}

export interface LoopOptions {
  readonly resource: "pods" | "namespaces";
  /** `fieldSelector`, not yet escaped; undefined for none. Asked before every request. */
  readonly selector: () => Promise<string | undefined>;
  readonly keys: () => Keys;
  readonly connection: Connection;
  readonly sink: Sink;
  /** Milliseconds that never go back. */
  readonly elapsed: () => number;
  readonly after: After;
  /** From 0 up to 1. */
  readonly random: () => number;
  /** The pause after a 403 where it is not the usual one. */
  readonly forbiddenPauseMs?: () => number;
  /** After every attempt that failed (`problem`), and when all is well again. */
  readonly onOutcome: (problem: Problem | undefined) => void;
}

export interface Problem {
  /** One sentence. */
  readonly message: string;
  /** HTTP status; 0 where none came. */
  readonly status: number;
}

/** What the loop knows, for decisions and figures. */
export interface LoopState {
  /** Whether a list was complete. */
  readonly synced: boolean;
  /** Milliseconds since the server's last sign of life; undefined before the first list. */
  readonly ageMs: number | undefined;
  /** Whether a sign of life is not overdue, so that what is known may decide. */
  readonly trusted: boolean;
}

/** A server that times a watch out may be this late. Also how long a sign of life may be overdue. */
const MARGIN_MS = 30_000;
/** Between two bookmarks of a real API server there is about a minute (k8s.io/apiserver, cacher). */
const BOOKMARK_MS = 90_000;
/** Where bookmarks come, a stream that is silent for this long is dead. */
const SILENT_MS = 2 * BOOKMARK_MS;
const PAGE = 500;
/** A watch that ends earlier than this without an event is a failure, or we would ask in a circle. */
const SHORT_MS = 1000;

const LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
const OBJECT = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";

/** What the next list asks for: anything the server has, nothing older than we know, or the very latest. */
type Freshness = { readonly atLeast: string } | "latest";

/**
 * LIST, then WATCH for as long as it goes: the protocol of client-go's reflector (Kubernetes API concepts,
 * "Efficient detection of changes"; decision 0075). It ends only by `stop`.
 */
export class WatchLoop {
  #abort = new AbortController();
  #version: string | undefined;
  #freshness: Freshness = { atLeast: "0" };
  #synced = false;
  #aliveAt: number | undefined;
  #timeoutMs = 0;
  #bookmarks = false;
  #failures = 0;
  #wasWatching = false;
  #isWell = false;
  /** Ends the pause or watch that is under way, for a new list. */
  #interrupt = new AbortController();

  constructor(readonly options: LoopOptions) {}

  /** Never rejects; resolves when the loop has stopped. */
  async run(): Promise<void> {
    const { after } = this.options;
    const { signal } = this.#abort;
    while (!signal.aborted) {
      this.#interrupt = new AbortController();
      const either = AbortSignal.any([signal, this.#interrupt.signal]);
      const waitMs = await this.#step(either).catch((error: unknown) =>
        this.#failed(error, either),
      );
      if (waitMs > 0) await pause(after, waitMs, either);
    }
  }

  /** Ends everything at once, connections and timers. */
  stop(): void {
    this.#abort.abort();
  }

  /** Trusts nothing that is known and lists again. */
  relist(): void {
    [this.#version, this.#synced] = [undefined, false];
    this.#interrupt.abort();
  }

  state(): LoopState {
    const ageMs = this.#aliveAt === undefined ? undefined : this.options.elapsed() - this.#aliveAt;
    const expectedMs = this.#bookmarks ? BOOKMARK_MS : this.#timeoutMs;
    const trusted = this.#synced && ageMs !== undefined && ageMs <= expectedMs + MARGIN_MS;
    return { synced: this.#synced, ageMs, trusted };
  }

  /** One list, if it is needed, and one watch. Returns the milliseconds to wait before the next. */
  async #step(signal: AbortSignal): Promise<number> {
    this.#wasWatching = false;
    if (this.#version === undefined) await this.#list(signal);
    this.#wasWatching = true;
    const began = this.options.elapsed();
    const events = await this.#watch(signal);
    if (events === 0 && this.options.elapsed() - began < SHORT_MS && !signal.aborted)
      throw new WatchFailure(`${this.#who("watch")} ended at once and brought nothing`, 200);
    this.#failures = 0;
    return 0;
  }

  #failed(error: unknown, signal: AbortSignal): number {
    if (signal.aborted) return 0;
    const { random, forbiddenPauseMs } = this.options;
    const { status, retryAfterMs } =
      error instanceof WatchFailure ? error : { status: 0, retryAfterMs: 0 };
    this.#failures++;
    if (error instanceof GoneError || status === 504) this.#distrust(error);
    if (!(error instanceof GoneError)) this.#tell(error, status);
    if (status === 403 && forbiddenPauseMs !== undefined) return forbiddenPauseMs();
    return Math.max(backoffMs(this.#failures, random), retryAfterMs);
  }

  /** A watch's version is too old; a list's, too, or, of a cluster that was restored, too new (504). */
  #distrust(error: unknown): void {
    if (!this.#wasWatching) this.#freshness = "latest";
    else if (error instanceof GoneError) this.#version = undefined;
  }

  #tell(error: unknown, status: number): void {
    this.#isWell = false;
    const message = describe(error, this.#who(this.#wasWatching ? "watch" : "list"));
    this.options.onOutcome({ message, status });
  }

  async #list(signal: AbortSignal): Promise<void> {
    const all: Seen[] = [];
    let page: string | undefined;
    let version = "";
    do {
      const query = await this.#query({ limit: String(PAGE), ...this.#listVersion(page) });
      const reply = await this.#ask("list", query, signal);
      const reader = new ListReader((item) => all.push(readSeen(item, this.options.keys())));
      for await (const chunk of heard(reply, () => ANSWER_SILENCE_MS, this.options.after))
        reader.push(chunk);
      const head = reader.end();
      [page, version] = [head.next, head.resourceVersion];
    } while (page !== "" && !signal.aborted);
    if (signal.aborted) return;
    this.#version = version;
    this.#freshness = { atLeast: version };
    this.options.sink.replace(all);
    this.#synced = true;
    this.#isAlive();
  }

  #listVersion(page: string | undefined): Record<string, string> {
    if (page !== undefined) return { continue: page };
    if (this.#freshness === "latest") return {};
    const { atLeast } = this.#freshness;
    if (atLeast === "0") return { resourceVersion: "0" };
    return { resourceVersion: atLeast, resourceVersionMatch: "NotOlderThan" };
  }

  /** Returns the number of events, bookmarks included. */
  async #watch(signal: AbortSignal): Promise<number> {
    const seconds = 300 + Math.floor(this.options.random() * 301);
    const query = await this.#query({
      watch: "true",
      allowWatchBookmarks: "true",
      timeoutSeconds: String(seconds),
      resourceVersion: this.#version ?? "",
    });
    this.#timeoutMs = seconds * 1000;
    const reply = await this.#ask("watch", query, signal);
    const lines = new LineSplitter(MAX_BODY_BYTES);
    const silentMs = (): number => (this.#bookmarks ? SILENT_MS : this.#timeoutMs + MARGIN_MS);
    let events = 0;
    for await (const chunk of heard(reply, silentMs, this.options.after)) {
      if (signal.aborted) break;
      this.#isAlive();
      events += this.#events(lines, chunk);
    }
    return events;
  }

  #events(lines: LineSplitter, chunk: Uint8Array): number {
    try {
      const found = lines.push(chunk);
      for (const line of found) this.#event(line);
      if (found.length > 0) this.#failures = 0;
      return found.length;
    } catch (error) {
      // The same would come again at the same version.
      this.#version = undefined;
      throw error;
    }
  }

  #event(line: Uint8Array): void {
    const event = parseJson(line, "a watch event", MAX_BODY_BYTES);
    const object = isObject(event) ? own(event, "object") : undefined;
    if (!isObject(event) || !isObject(object))
      throw new WatchFailure(`${this.#who("watch")} sent an event without an object`, 200);
    const type = own(event, "type");
    if (type === "ERROR") throw eventFailure(object, this.#who("watch"));
    if (type === "BOOKMARK") this.#bookmarks = true;
    else this.#change(type, object);
    const metadata = own(object, "metadata");
    const version = isObject(metadata) ? own(metadata, "resourceVersion") : undefined;
    if (typeof version === "string" && version !== "") this.#version = version;
  }

  #change(type: unknown, object: JsonObject): void {
    const seen = readSeen(object, this.options.keys());
    if (type === "ADDED" || type === "MODIFIED") this.options.sink.set(seen);
    else if (type === "DELETED") this.options.sink.remove(seen);
    else throw new WatchFailure(`${this.#who("watch")} sent an event of type ${quote(type)}`, 200);
  }

  #isAlive(): void {
    this.#aliveAt = this.options.elapsed();
    if (!this.#isWell) this.options.onOutcome(undefined);
    this.#isWell = true;
  }

  async #ask(verb: "list" | "watch", query: string, signal: AbortSignal): Promise<Reply> {
    const { connection, resource } = this.options;
    const reply = await connection.ask({
      resource,
      verb,
      path: `/api/v1/${resource}?${query}`,
      accept: verb === "list" ? LIST : OBJECT,
      signal,
    });
    if (reply.status !== 200) throw await readFailure(reply, this.#who(verb), this.options.after);
    return reply;
  }

  async #query(parameters: Readonly<Record<string, string>>): Promise<string> {
    const selector = await this.options.selector();
    const all = selector === undefined ? parameters : { ...parameters, fieldSelector: selector };
    return new URLSearchParams(all).toString();
  }

  #who(verb: string): string {
    const { connection, resource } = this.options;
    return `${connection.server}: ${verb} of ${resource}`;
  }
}
