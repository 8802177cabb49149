/** Where the figures come from: plain functions, given where the agent is composed. */
import type { Mark } from "../../net/mark";
import type { LeakReason } from "../../traffic";

/** What was counted for one mark, as the kernel has it: it starts again at 0 when its rule or table is made again. */
export interface MarkCounter {
  readonly mark: Mark;
  /** Whose it is and where, if that is counted apart: it goes with its attachment, whose packets stay counted. */
  readonly backend?: string | undefined;
  readonly tag?: string | undefined;
  /** Why they were dropped, if they were. */
  readonly reason?: LeakReason | undefined;
  readonly packets: number;
  readonly bytes: number;
}

/** Reads all counters at once. Several with one mark are added up. May throw, and may take long. */
export type ReadCounters = () => Promise<readonly MarkCounter[]>;

/** Answers of the API server since the agent started. */
export interface ApiRequests {
  /** `pods`, `namespaces`. */
  readonly resource: string;
  /** `GET`, `LIST`, `WATCH`. */
  readonly method: string;
  /** The HTTP status, or an errno name where there was no answer. */
  readonly code: string;
  readonly count: number;
}

export interface GatewayState {
  readonly tenant: string;
  /** As a person names it: `10.0.0.1 dev eth1`. */
  readonly gateway: string;
  readonly isUp: boolean;
}

/** A subsystem that is off is undefined, and its series are left out. Totals are since the agent started. */
export interface MetricsSources {
  readonly build: { readonly version: string; readonly commit: string };
  readonly queue: () => { readonly active: number; readonly waiting: number };
  readonly cache?: {
    /** Seconds since the last sign of life, by resource. */
    readonly ages: () => Readonly<Record<string, number>>;
    readonly isSynced: () => boolean;
  };
  readonly apiRequests?: () => readonly ApiRequests[];
  readonly marks?: {
    /** How many attachments are to have a mark. */
    readonly wanted: () => number;
    /** How many have it, by place. */
    readonly installed: () => Readonly<Record<string, number>>;
  };
  /** What was restored, by kind. */
  readonly repairs?: () => Readonly<Record<string, number>>;
  /** Running pods whose annotation is refused at the moment. */
  readonly refusedAnnotations?: () => number;
  /** Packets that were marked. */
  readonly traffic?: ReadCounters;
  /** Packets that the guard dropped, with the reason. */
  readonly leaks?: ReadCounters;
  /** The name of the mark's tenant; undefined: it is nobody's, and stands for itself. */
  readonly tenantOf: (mark: Mark) => string | undefined;
  readonly gateways?: () => readonly GatewayState[];
  /** How often, because a gateway was lost, a tenant's packets were moved to another gateway, by tenant. */
  readonly failovers?: () => Readonly<Record<string, number>>;
  /** Of the last look at the node; undefined before the first one, and when it failed. */
  readonly findings?: () => SeenFindings | undefined;
  /** Whether /readyz would say so. */
  readonly ready?: () => Promise<boolean>;
}

/** What a look at the node has found. */
export interface SeenFindings {
  readonly ageSeconds: number;
  readonly findings: readonly { readonly code: string; readonly severity: string }[];
}

/** A request that has ended. */
export interface RequestReport {
  /** CNI_COMMAND; undefined for one that is none of the specification's. */
  readonly verb: string | undefined;
  /** The error's code; undefined: it went well. */
  readonly code: number | undefined;
  /** From the launcher's connection to its end. */
  readonly seconds: number;
  /** How long it waited for its turn; undefined: it never waited for one. */
  readonly waitedSeconds: number | undefined;
}
