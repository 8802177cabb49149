import { matchesGlob } from "./faults";

/** One request as it arrived and what became of it. */
export interface RequestRecord {
  readonly method: string;
  /** With the query. */
  readonly url: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** undefined: not authenticated. */
  readonly user: string | undefined;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Kinds of the faults that struck it. */
  readonly faults: readonly string[];
  /** undefined until an answer was begun. */
  status?: number;
  /** Whether the whole answer was handed to the client. */
  complete: boolean;
  /** Bytes written to the socket for it, TLS included; final once the connection let go of it. */
  bytesSent: number;
}

/** Everything that was asked, in order of arrival. */
export class RequestLog {
  #records: RequestRecord[] = [];

  /** Called by the server. */
  add(record: RequestRecord): void {
    this.#records.push(record);
  }

  /** All requests, or those whose path matches (`*` stands for anything). */
  list(pathPattern = "*"): readonly RequestRecord[] {
    return this.#records.filter((record) => matchesGlob(pathPattern, record.path));
  }

  /** How many there were. */
  count(pathPattern = "*"): number {
    return this.list(pathPattern).length;
  }

  /** Forgets all of them. */
  clear(): void {
    this.#records = [];
  }
}
