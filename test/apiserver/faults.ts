/** What can go wrong with an answer. Sizes in bytes, times in milliseconds. */
export type FaultAction =
  /** The good answer, or the next matching fault, after a wait. */
  | { readonly kind: "latency"; readonly ms: number }
  /** No answer; the connection stays open. */
  | { readonly kind: "hang" }
  /** A Status object of this code; `retryAfter` in seconds. */
  | {
      readonly kind: "status";
      readonly code: number;
      readonly message?: string;
      readonly retryAfter?: number;
    }
  /** TCP RST instead of an answer. */
  | { readonly kind: "reset" }
  /** The good answer, `bytes` (1) at a time, every `ms` (50). */
  | { readonly kind: "drip"; readonly ms?: number; readonly bytes?: number }
  /** Valid JSON with an annotation that makes it this long (100 MB); streamed, gzipped on request. */
  | { readonly kind: "huge"; readonly bytes?: number; readonly gzip?: boolean }
  /** 200 and an HTML page, as from a captive portal. */
  | { readonly kind: "nonJson" }
  /** Any body; `base64` for bytes that are not text. */
  | {
      readonly kind: "body";
      readonly status?: number;
      readonly contentType?: string;
      readonly text?: string;
      readonly base64?: string;
    }
  /** `code` (302) to `location` (`/elsewhere` of this server). */
  | { readonly kind: "redirect"; readonly location?: string; readonly code?: number }
  /** 101 and a connection that stays open: HTTP/1.1's way to another protocol, which nobody asked for. */
  | { readonly kind: "switchProtocols" }
  /** 200 without a body. */
  | { readonly kind: "empty" }
  /** The good answer with another metadata.uid: a pod of the same name that is not this one. */
  | { readonly kind: "wrongUid"; readonly uid?: string }
  /** The good answer cut in the middle, the connection closed. */
  | { readonly kind: "truncated" }
  /** A watch whose connection is reset after this many events (0). */
  | { readonly kind: "cutStream"; readonly events?: number }
  /** A watch that ends in the middle of the event after this many (0). */
  | { readonly kind: "halfLine"; readonly events?: number }
  /** A watch that begins and never says anything, not even that its time is over. */
  | { readonly kind: "silence" };

/** Faults of the connection, before there is a request. */
export type ConnectionAction =
  /** TCP is accepted, the TLS handshake never answered. */
  | { readonly kind: "tlsHang" }
  /** TCP is accepted and reset. */
  | { readonly kind: "tlsReset" };

interface Scope {
  /** How many times it strikes; absent means until it is removed. */
  readonly count?: number;
}

interface RequestScope extends Scope {
  /** Path without query; `*` stands for anything, slashes too. Absent means every path. */
  readonly path?: string;
  readonly method?: string;
  /** `get`, `list` or `watch`, which a collection's path does not tell apart. */
  readonly verb?: string;
}

export type Fault = (FaultAction & RequestScope) | (ConnectionAction & Scope);

const CONNECTION_KINDS: ReadonlySet<string> = new Set<ConnectionAction["kind"]>([
  "tlsHang",
  "tlsReset",
]);
const REQUEST_KINDS: ReadonlySet<string> = new Set<FaultAction["kind"]>([
  "latency",
  "hang",
  "status",
  "reset",
  "drip",
  "huge",
  "nonJson",
  "body",
  "redirect",
  "switchProtocols",
  "empty",
  "wrongUid",
  "truncated",
  "cutStream",
  "halfLine",
  "silence",
]);

interface Active {
  readonly id: number;
  readonly fault: Fault;
  left: number;
}

/** The faults now in force, oldest first. */
export class Faults {
  #active: Active[] = [];
  #nextId = 1;

  /** Puts a fault in force, behind those already there; returns its id. Throws for an unknown kind. */
  add(fault: Fault): number {
    if (!CONNECTION_KINDS.has(fault.kind) && !REQUEST_KINDS.has(fault.kind)) {
      throw new Error(`unknown fault kind ${JSON.stringify((fault as { kind?: unknown }).kind)}`);
    }
    const id = this.#nextId++;
    this.#active.push({ id, fault, left: fault.count ?? Infinity });
    return id;
  }

  /** Takes one fault out of force. */
  remove(id: number): void {
    this.#active = this.#active.filter((active) => active.id !== id);
  }

  /** Everything works again. */
  clear(): void {
    this.#active = [];
  }

  /** The faults in force, with what is left of their counts. */
  list(): readonly { id: number; fault: Fault; left: number | "unlimited" }[] {
    return this.#active.map(({ id, fault, left }) => ({
      id,
      fault,
      left: left === Infinity ? "unlimited" : left,
    }));
  }

  /** What strikes this request: any latencies, then at most one other fault. Uses up their counts. */
  takeForRequest(method: string, path: string, verb?: string): FaultAction[] {
    const struck: FaultAction[] = [];
    for (const active of this.#active) {
      const { fault } = active;
      if (isConnectionFault(fault) || !matchesRequest(fault, { method, path, verb })) continue;
      active.left -= 1;
      struck.push(fault);
      if (fault.kind !== "latency") break;
    }
    this.#dropSpent();
    return struck;
  }

  /** What strikes this new connection, if anything. */
  takeForConnection(): ConnectionAction | undefined {
    const active = this.#active.find((candidate) => isConnectionFault(candidate.fault));
    if (active === undefined) return undefined;
    active.left -= 1;
    this.#dropSpent();
    return active.fault as ConnectionAction;
  }

  #dropSpent(): void {
    this.#active = this.#active.filter((active) => active.left > 0);
  }
}

function isConnectionFault(fault: Fault): fault is ConnectionAction & Scope {
  return CONNECTION_KINDS.has(fault.kind);
}

function matchesRequest(
  scope: RequestScope,
  { method, path, verb }: { method: string; path: string; verb: string | undefined },
): boolean {
  if (scope.verb !== undefined && scope.verb !== verb) return false;
  if (scope.method !== undefined && scope.method !== method) return false;
  return scope.path === undefined || matchesGlob(scope.path, path);
}

/** Whether `path` matches `pattern` as a whole; `*` stands for any text, slashes included. */
export function matchesGlob(pattern: string, path: string): boolean {
  const source = pattern
    .split("*")
    .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"))
    .join(".*");
  return new RegExp(`^${source}$`, "s").test(path);
}
