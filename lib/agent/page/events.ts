/** The last things that the agent did or noticed, in bounded memory. */
import type { Clock } from "../../ports";

/** So many are remembered; older ones are in the log. */
const MOST_EVENTS = 200;
/** A longer message is cut (UTF-16 units); the log has all of it. */
const MOST_TEXT = 500;

/**
 * `repair`: something was put back. `change`: something is other than before because conflist, annotations or gateways
 * are. `lost`, `back`: a gateway. `condition`: something is wrong, or is over. The others are the agent's own life.
 */
export type EventKind =
  "start" | "stop" | "reload" | "repair" | "change" | "lost" | "back" | "condition" | "collect";

/** What happened, without its number and time. */
export interface Happened {
  readonly kind: EventKind;
  readonly message: string;
  readonly tenant?: string | undefined;
  /** `namespace/name`. */
  readonly pod?: string | undefined;
}

/** One event as it is published. */
export interface EventObject {
  /** Grows by one from event to event, from 1 at the agent's start. */
  readonly id: number;
  /** ISO 8601, UTC. */
  readonly time: string;
  readonly kind: EventKind;
  readonly message: string;
  readonly tenant: string | null;
  readonly pod: string | null;
}

export interface Events {
  add(happened: Happened): void;
  /** The oldest first. */
  list(): readonly EventObject[];
  /** The newest event's number; 0: there is none. */
  last(): number;
}

/** No events yet. */
export function createEvents(clock: Pick<Clock, "now">): Events {
  const ring: EventObject[] = [];
  let last = 0;
  return {
    add: ({ kind, message, tenant, pod }) => {
      last++;
      const text = message.length > MOST_TEXT ? `${message.slice(0, MOST_TEXT)}...` : message;
      const time = clock.now().toISOString();
      ring.push({ id: last, time, kind, message: text, tenant: tenant ?? null, pod: pod ?? null });
      if (ring.length > MOST_EVENTS) ring.shift();
    },
    list: () => [...ring],
    last: () => last,
  };
}
