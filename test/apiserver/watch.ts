import type { IncomingMessage, ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import type { FaultAction } from "./faults";
import type { Change } from "./history";
import { isSelected, render } from "./list";
import type { Representation } from "./negotiate";
import type { ObjectStore } from "./object-store";
import { refOf } from "./resources";
import { writeHead } from "./respond";
import { statusAnswer } from "./status";
import type { Answer, KubeObject, RequestInfo } from "./types";

/** A watch that authorisation has let through. */
export interface WatchRequest {
  readonly info: RequestInfo;
  readonly form: Representation;
}

export type StreamFault = Extract<FaultAction, { kind: "cutStream" | "halfLine" | "silence" }>;

/** A real server sends a bookmark about once a minute (k8s.io/apiserver, cacher), and one before it ends. */
export const BOOKMARK_MS = 60_000;
const BEFORE_END_MS = 2000;

/** Every open watch, and what can be done to all of them. */
export class Watches {
  readonly #open = new Set<WatchStream>();
  /** How a watch from a forgotten version is refused: an ERROR event as the real one's cache, or a 410. */
  goneAs: "event" | "status" = "event";

  constructor(
    readonly store: ObjectStore,
    readonly bookmarkMs: number,
  ) {}

  get count(): number {
    return this.#open.size;
  }

  /** Sends a bookmark to everybody who wants one, now. */
  bookmark(): void {
    for (const stream of this.#open) stream.bookmark();
  }

  /** Ends all of them with an ERROR event of 410. */
  gone(): void {
    for (const stream of this.#open) stream.gone();
  }

  /** Ends all of them as their timeout does. */
  end(): void {
    for (const stream of this.#open) stream.res.end();
  }

  /** Resets all of their connections. */
  cut(): void {
    for (const stream of this.#open) stream.cut();
  }

  /** What a watch is refused with before it begins; undefined: it may begin. */
  refusal({ info }: WatchRequest): Answer | undefined {
    const from = Number(info.query.get("resourceVersion") ?? "0");
    if (this.goneAs === "event" || from === 0 || from >= this.store.history.forgotten)
      return undefined;
    return statusAnswer(410, { message: tooOld(from, this.store) });
  }

  /** Serves one watch to its end. */
  async serve(
    request: WatchRequest,
    io: { req: IncomingMessage; res: ServerResponse },
    fault: StreamFault | undefined,
  ): Promise<void> {
    const stream = new WatchStream(request, io.res, { store: this.store, fault });
    this.#open.add(stream);
    io.res.once("close", () => this.#open.delete(stream));
    const bookmarks = setInterval(() => stream.bookmark(), this.bookmarkMs).unref();
    io.res.once("close", () => clearInterval(bookmarks));
    stream.begin();
    await stream.end();
  }
}

class WatchStream {
  #stopFollowing: () => void = () => undefined;
  #sent = 0;

  constructor(
    readonly request: WatchRequest,
    readonly res: ServerResponse,
    readonly world: { readonly store: ObjectStore; readonly fault: StreamFault | undefined },
  ) {}

  begin(): void {
    const { store } = this.world;
    const { query } = this.request.info;
    writeHead(this.res, { status: 200, contentType: "application/json", body: "" });
    this.res.flushHeaders();
    this.#strike();
    const from = Number(query.get("resourceVersion") ?? "0");
    if (from !== 0 && from < store.history.forgotten) return this.gone(from);
    if (from === 0) this.#sendAll();
    else for (const change of store.history.since(from)) this.#change(change);
    this.#stopFollowing = store.history.follow((change) => this.#change(change));
    this.res.once("close", this.#stopFollowing);
  }

  /** Resolves when the time that was asked for is over and the answer has ended. */
  async end(): Promise<void> {
    const seconds = Number(this.request.info.query.get("timeoutSeconds") ?? "0") || 1800;
    const ms = seconds * 1000;
    await this.#wait(Math.max(0, ms - BEFORE_END_MS));
    this.bookmark();
    await this.#wait(Math.min(ms, BEFORE_END_MS));
    if (this.world.fault?.kind !== "silence") this.res.end();
  }

  bookmark(): void {
    const { info, form } = this.request;
    if (!["1", "true"].includes(info.query.get("allowWatchBookmarks") ?? "")) return;
    const metadata = { resourceVersion: this.world.store.resourceVersion, creationTimestamp: null };
    const { kind, apiVersion } =
      form.kind === "metadata"
        ? { kind: "PartialObjectMetadata", apiVersion: form.apiVersion }
        : { kind: info.resource === "pods" ? "Pod" : "Namespace", apiVersion: "v1" };
    this.#send("BOOKMARK", { kind, apiVersion, metadata });
  }

  gone(from = 1): void {
    const status = statusAnswer(410, { message: tooOld(from, this.world.store) });
    this.#send("ERROR", JSON.parse(status.body));
    this.res.end();
  }

  cut(): void {
    this.res.destroy();
  }

  #sendAll(): void {
    const { info } = this.request;
    for (const object of this.world.store.list(info.resource, info.namespace, info.group))
      if (isSelected(object, info)) this.#send("ADDED", render(object, this.request.form));
  }

  /** An object that begins or ceases to match the selector is added or deleted for this watcher. */
  #change({ before, after }: Change): void {
    const [was, is] = [this.#concerns(before), this.#concerns(after)];
    const { form } = this.request;
    if (after !== undefined && is) this.#send(was ? "MODIFIED" : "ADDED", render(after, form));
    else if (before !== undefined && was) this.#send("DELETED", render(before, form));
  }

  #concerns(object: KubeObject | undefined): boolean {
    if (object === undefined) return false;
    const { info } = this.request;
    const { group, resource, namespace } = refOf(object);
    const isHere = info.namespace === "" || info.namespace === namespace;
    return resource === info.resource && group === info.group && isHere && isSelected(object, info);
  }

  #send(type: string, object: unknown): void {
    if (this.#isMute()) return;
    const { fault } = this.world;
    const line = `${JSON.stringify({ type, object })}\n`;
    if (fault?.kind === "halfLine" && this.#sent === (fault.events ?? 0)) {
      this.res.write(line.slice(0, line.length >> 1), () => this.cut());
      return;
    }
    this.#sent++;
    this.res.write(line, () => this.#strike());
  }

  #isMute(): boolean {
    const { fault } = this.world;
    if (this.res.writableEnded || this.res.destroyed || fault?.kind === "silence") return true;
    return fault?.kind === "cutStream" && this.#sent >= (fault.events ?? 0);
  }

  #strike(): void {
    const { fault } = this.world;
    if (fault?.kind === "cutStream" && this.#sent >= (fault.events ?? 0)) this.cut();
  }

  async #wait(ms: number): Promise<void> {
    const closed = new AbortController();
    const abort = (): void => closed.abort();
    this.res.once("close", abort);
    if (this.res.destroyed) abort();
    await sleep(ms, undefined, { ref: false, signal: closed.signal }).catch(() => undefined);
    this.res.off("close", abort);
  }
}

const tooOld = (from: number, store: ObjectStore): string =>
  `too old resource version: ${from} (${store.history.forgotten})`;
