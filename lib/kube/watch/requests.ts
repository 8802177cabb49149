import type { OnRequest } from "../session";
import type { RequestCount } from "./types";

/** Counts requests by resource, verb and status. */
export class RequestCounter {
  readonly #counts = new Map<string, RequestCount>();

  readonly count: OnRequest = (resource, verb, status) => {
    const key = `${resource} ${verb} ${status}`;
    const count = (this.#counts.get(key)?.count ?? 0) + 1;
    this.#counts.set(key, { resource, verb, status, count });
  };

  list(): readonly RequestCount[] {
    return [...this.#counts.values()];
  }
}
