/**
 * Pure: the kinds of findings and collisions, what each is about, its code, and how it is reported.
 */
import type { LargeLink, LinkObstacle, WaitingLink } from "../links/plan";
import type { Mark } from "../../net/mark";
import type { Family } from "../../net/family";
import type {
  IpRoute,
  IpRule,
  MarkUse,
  MarkUser,
  ResolvedGateway,
  RetiredMark,
  TableNameEntry,
} from "../model";

/** What a finding of each kind is about. */
interface FindingFacts {
  readonly "device-missing": GatewayFacts;
  readonly "device-down": GatewayFacts;
  readonly "gateway-own-address": GatewayFacts;
  readonly "gateway-off-link": GatewayFacts;
  readonly "gateway-failed": GatewayFacts;
  readonly "mark-without-tenant": { readonly retired: RetiredMark };
  readonly "forwarding-off": SettingFacts & { readonly why: string };
  /** `all`: the setting for all devices; the kernel takes the larger of the two. */
  readonly "strict-rp-filter": SettingFacts & { readonly dev: string; readonly all: string };
  readonly "main-refuses": { readonly route: IpRoute };
  readonly "main-may-refuse": { readonly route: IpRoute };
  /** `hasRoutes`: some networks have gateways all the same. */
  readonly "no-gateway": { readonly table: number; readonly hasRoutes?: true };
  /** Devices whose filter drops replies for it. */
  readonly "no-default-route": { readonly devices: readonly string[] };
  readonly "half-default": { readonly routes: readonly IpRoute[] };
  /** `behind`: the last priority of the tenants' rules, in its family. */
  readonly "rule-before": { readonly rule: IpRule; readonly behind: number };
  readonly "ra-default": { readonly dev: string };
  readonly mtu: MtuFacts;
  readonly "link-waits": WaitingLink;
  readonly "link-mtu": LargeLink;
}

interface GatewayFacts {
  readonly gateway: ResolvedGateway;
}

/** A kernel setting by its path under /proc/sys, its value now and the one that is needed. */
interface SettingFacts {
  readonly path: string;
  readonly have: string;
  readonly want: string;
}

/** Bytes. */
interface MtuFacts {
  readonly pods: number;
  readonly least: number;
  /** The device that allows no more; undefined: the tenant's own `mtu`. */
  readonly dev: string | undefined;
  /** Whether the tenant's own patch of the delegate sets the pods' MTU. */
  readonly patched: boolean;
}

/** What a collision of each kind is about. */
interface CollisionFacts {
  readonly mark: MarkFacts;
  readonly mask: MarkFacts;
  /**
   * Foreign rules that look the tenant's table up, or foreign routes in it; the other list is
   * empty.
   */
  readonly table: {
    readonly table: number;
    readonly rules: readonly IpRule[];
    readonly routes: readonly IpRoute[];
  };
  /** Foreign rules at one of our priorities, or a rule for the local table that comes too late. */
  readonly priority:
    | {
        readonly priority: number;
        readonly purpose: string | undefined;
        readonly rules: readonly IpRule[];
      }
    | {
        readonly family: Family;
        /** Our first rule. */
        readonly first: number;
        /** Where the rule for the local table is; undefined: nowhere. */
        readonly local: number | undefined;
      };
  readonly route: { readonly present: IpRoute; readonly wanted: IpRoute; readonly why: string };
  /** An entry of rt_tables, or a foreign file in the place of ours. */
  readonly name:
    { readonly table: number; readonly entry: TableNameEntry } | { readonly path: string };
  readonly unseen: { readonly problem: string };
  readonly link: Obstacle<"link">;
  readonly "link-id": Obstacle<"link-id">;
  readonly "link-port": Obstacle<"link-port">;
}

type Obstacle<K extends LinkObstacle["kind"]> = Omit<
  Extract<LinkObstacle, { readonly kind: K }>,
  "kind"
>;

interface MarkFacts {
  readonly mark: Mark;
  readonly use: MarkUse;
  /** Uses by the same user that meet the mark too, `use` among them. */
  readonly meeting: readonly MarkUse[];
  readonly free: FreeMarks;
}

/** Marks that the tenants could have instead. */
export interface FreeMarks {
  readonly tenants: readonly string[];
  /** undefined: no run of bits is free. */
  readonly proposal: Proposal | undefined;
  /** Users of the whole mark: no mask avoids them. */
  readonly unavoidable: readonly MarkUser[];
}

/** One mask for all tenants and a value for each, in their order. */
export interface Proposal {
  readonly mask: number;
  readonly marks: readonly Mark[];
  /** Known users that are not on this node and would use some of these bits. */
  readonly alsoUsedBy: readonly string[];
}

export type FindingKind = keyof FindingFacts;
export type CollisionKind = keyof CollisionFacts;

/**
 * Something that keeps the routes from working as the operator expects; nothing is refused for it.
 */
export type Finding = {
  [K in FindingKind]: {
    readonly kind: K;
    /** undefined: it concerns every tenant, or none. */
    readonly tenant: string | undefined;
  } & FindingFacts[K];
}[FindingKind];

/** Something foreign that the plan would disturb, or that would disturb it. */
export type Collision = {
  [K in CollisionKind]: {
    readonly kind: K;
    /** undefined: it concerns every tenant. */
    readonly tenant: string | undefined;
    /** Running pods whose packets it hits, by name; undefined: not known. */
    readonly pods?: readonly string[];
  } & CollisionFacts[K];
}[CollisionKind];

/** `problem`: packets of a tenant do not get through, and the exit status is 1. */
export type Severity = "problem" | "warning";

/**
 * How `wrapper routes watch` reports a finding. `gateway`: as the loss of the gateway. `setting`:
 * as a condition that lasts, unless --sysctl puts it right. `link`: as a condition that lasts. `foreign`: as a condition that lasts,
 * and the tenant is "disturbed". `start`: once, at its start and after a reload. `never`: not at
 * all.
 */
export type Watched = "gateway" | "setting" | "link" | "foreign" | "start" | "never";

export interface FindingRow {
  /** Stable: the same kind has it for ever, and no other kind ever gets it. */
  readonly code: `TR01${string}`;
  readonly severity: Severity;
  readonly watched: Watched;
}

/** Every kind of finding, problems first. */
export const FINDINGS: Readonly<Record<FindingKind, FindingRow>> = {
  "device-missing": { code: "TR0101", severity: "problem", watched: "gateway" },
  "device-down": { code: "TR0102", severity: "problem", watched: "gateway" },
  "gateway-own-address": { code: "TR0103", severity: "problem", watched: "gateway" },
  "gateway-off-link": { code: "TR0104", severity: "problem", watched: "gateway" },
  "gateway-failed": { code: "TR0105", severity: "problem", watched: "gateway" },
  "mark-without-tenant": { code: "TR0106", severity: "problem", watched: "start" },
  "forwarding-off": { code: "TR0107", severity: "problem", watched: "setting" },
  "strict-rp-filter": { code: "TR0108", severity: "problem", watched: "setting" },
  "main-refuses": { code: "TR0109", severity: "problem", watched: "foreign" },
  "link-waits": { code: "TR0122", severity: "problem", watched: "link" },
  "main-may-refuse": { code: "TR0110", severity: "warning", watched: "never" },
  "no-gateway": { code: "TR0111", severity: "warning", watched: "never" },
  "no-default-route": { code: "TR0112", severity: "warning", watched: "never" },
  "half-default": { code: "TR0113", severity: "warning", watched: "foreign" },
  "rule-before": { code: "TR0114", severity: "warning", watched: "foreign" },
  "ra-default": { code: "TR0115", severity: "warning", watched: "never" },
  mtu: { code: "TR0116", severity: "warning", watched: "never" },
  "link-mtu": { code: "TR0123", severity: "warning", watched: "link" },
};

export interface CollisionRow {
  /** Stable, as that of a finding. */
  readonly code: `TR02${string}`;
  /**
   * Whether the watcher reports one that comes up while it runs. It looks at rules and routes
   * alone, and a user of the same bits with another value takes no packet of the tenant's.
   */
  readonly watched: boolean;
}

/** Every kind of collision. All of them keep `apply` and `watch` from starting, but for --force. */
export const COLLISIONS: Readonly<Record<CollisionKind, CollisionRow>> = {
  mark: { code: "TR0201", watched: true },
  mask: { code: "TR0202", watched: false },
  table: { code: "TR0203", watched: true },
  priority: { code: "TR0204", watched: true },
  route: { code: "TR0205", watched: true },
  name: { code: "TR0206", watched: false },
  unseen: { code: "TR0207", watched: false },
  link: { code: "TR0208", watched: true },
  "link-id": { code: "TR0209", watched: true },
  "link-port": { code: "TR0210", watched: true },
};

/** True for a finding with which packets do not get through. */
export function isProblem({ kind }: Pick<Finding, "kind">): boolean {
  return FINDINGS[kind].severity === "problem";
}
