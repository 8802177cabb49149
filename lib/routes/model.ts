/** Types of the node routes: what the kernel has, what it should have, and the changes in between. */
import type { Prefix } from "../net/address";
import type { LinkSpec } from "../net/link";
import type { Mark } from "../net/mark";
import type { GuardedWay } from "./guarded-way";
import type { LinkChange, LinkFacts } from "./link-model";
import type { Family } from "../net/family";

/**
 * `protocol kernel` (rtnetlink RTPROT_KERNEL): systemd-networkd removes no rules and routes that
 * have it (decision 0034).
 */
export const PROTOCOL_KERNEL = 2;
/** The kernel's own tables (rtnetlink RT_TABLE_*). */
export const TABLE_DEFAULT = 253;
export const TABLE_MAIN = 254;
export const TABLE_LOCAL = 255;
/** Stands for the destination of a route with an encapsulation: `ip -j` prints a second `dst` over it. */
export const UNKNOWN_DESTINATION = "?";
/** The largest metric: a route with it comes behind every other of its table. */
export const WORST_METRIC = 4294967295;
/** Our nftables table, as `nft` takes it. */
export const NAT_TABLE = "inet tenant-routing";
/** All native tables of ours: that one, the marks' and the guard's (lib/marks/nftables/layout). */
export const OUR_TABLES: readonly string[] = [
  NAT_TABLE,
  "inet tenant-routing-marks",
  "inet tenant-routing-guard",
];

/** One rule of `ip rule`. Selectors that are absent match everything. */
export interface IpRule {
  readonly family: Family;
  readonly priority: number;
  readonly not?: true;
  /** Canonical networks as lib/net/address formats them. */
  readonly from?: string;
  readonly to?: string;
  readonly fwmark?: Mark;
  /** The table that is looked up; undefined: the rule does something else. */
  readonly table?: number;
  /** Packets that match are refused. */
  readonly unreachable?: true;
  readonly suppressPrefixLength?: number;
  readonly protocol: number;
  /**
   * Selectors and actions that we never write (iif, uidrange, goto, ...), as `ip` takes them. No
   * rule of ours has any.
   */
  readonly other?: string;
}

export interface Nexthop {
  readonly via?: string;
  readonly dev?: string;
  readonly weight: number;
}

/** One route. */
export interface IpRoute {
  readonly family: Family;
  readonly table: number;
  /** `default` or a canonical network. */
  readonly dst: string;
  readonly type:
    | "unicast"
    | "local"
    | "broadcast"
    | "anycast"
    | "multicast"
    | "unreachable"
    | "blackhole"
    | "prohibit"
    | "throw"
    | "other";
  /** 0 where IPv4 has none, 1024 where IPv6 has its default. */
  readonly metric: number;
  readonly protocol: number;
  /** Bytes. */
  readonly mtu?: number;
  readonly nexthops: readonly Nexthop[];
  /** Properties that we never write (src, onlink, ...), as `ip` takes them. No route of ours has any. */
  readonly other?: string;
  /** The route has, or may have, properties with which it could not be written again, such as a locked MTU. */
  readonly lossy?: true;
}

export interface Link {
  readonly name: string;
  /** Alternative names, which `ip` accepts too. */
  readonly altNames: readonly string[];
  /** Bytes. */
  readonly mtu: number;
  /** Administratively up. */
  readonly up: boolean;
  /** Addresses other than link-local ones, by family. */
  readonly addresses: readonly { readonly family: Family; readonly address: string }[];
  /** What only those who make links have to know; absent where nobody asked. */
  readonly facts?: LinkFacts;
}

/** The kernel's rules, routes, links and settings. */
export interface NodeState {
  readonly families: readonly Family[];
  readonly rules: readonly IpRule[];
  readonly routes: readonly IpRoute[];
  readonly links: readonly Link[];
  /** The value of a path under /proc/sys, such as `net/ipv4/ip_forward`; undefined: there is no such file. */
  readonly sysctl: (path: string) => string | undefined;
}

/** Who uses mark bits on this node, and where. */
export type MarkUser =
  | { readonly kind: "ip-rule"; readonly family: Family; readonly priority: number }
  | {
      readonly kind: "iptables";
      /** With family and variant, such as `ip6tables-nft`. */
      readonly program: string;
      readonly table: string;
      readonly chain: string;
    }
  /** `table`: with its family, such as `inet firewalld`. */
  | { readonly kind: "nft"; readonly table: string; readonly chain: string }
  /** A project that is known to use marks; `sign`: what it was recognised by. */
  | { readonly kind: "known"; readonly name: string; readonly sign: string };

/** A use of mark bits on this node that is not ours. */
export interface MarkUse {
  readonly by: MarkUser;
  /** Bits that are read or written, and the value that they are compared with or set to; undefined: not known. */
  readonly mask: number;
  readonly value: number | undefined;
  /** All 32 bits are read or written, so every other use of any bit disturbs this one. */
  readonly whole: boolean;
  /** undefined: no single rule, such as all that a known project does. */
  readonly rule?: UsingRule;
}

/** One rule that uses mark bits, for people. */
export interface UsingRule {
  /** As its own tool prints it. */
  readonly text: string;
  /** One command that removes it. */
  readonly removal: string;
  /** Where the packets come from that it is for; none: from anywhere, or not known. */
  readonly sources: readonly Prefix[];
  /** It writes these bits, and does not only compare them. */
  readonly writes: boolean;
  /** Addresses whose marks a rule of ours behind it writes again. */
  readonly overwritten?: readonly Prefix[];
  /** More than the source decides which packets it is for; undefined: not known. */
  readonly narrowed?: boolean;
}

/** A line of rt_tables. */
export interface TableNameEntry {
  readonly number: number;
  readonly name: string;
  readonly file: string;
}

/** What else is on the node. Collisions are looked for in it, so it is read only before something is changed. */
export interface Surroundings {
  readonly markUses: readonly MarkUse[];
  /** Names of iptables chains of all tables and variants. */
  readonly chains: readonly string[];
  /** `family name` of the native nftables tables, without ours. */
  readonly nftTables: readonly string[];
  /** Entries of rt_tables and rt_tables.d that we did not write. */
  readonly tableNames: readonly TableNameEntry[];
  /** A sentence about each thing that could not be read. */
  readonly unseen: readonly string[];
}

/** Something that the kernel should have, for whom and why. */
export interface Planned<T> {
  readonly item: T;
  /** undefined: it is for the node as a whole. */
  readonly tenant: string | undefined;
  /** Half a sentence for people, such as "the main table's exact routes come first". */
  readonly why: string;
}

export interface WantedSysctl {
  /** Under /proc/sys. */
  readonly path: string;
  readonly value: string;
  /** Other values that are good enough. */
  readonly also: readonly string[];
}

/** A rule of iptables' filter FORWARD, as iptables-save prints it, without `-A FORWARD `. */
export interface ForwardRule {
  readonly family: Family;
  readonly spec: string;
  /** The iptables variant that has it, when that is not the one in use. */
  readonly backend?: "nft" | "legacy";
}

/** Everything that the configuration asks of the node. */
export interface RoutesPlan {
  readonly rules: readonly Planned<IpRule>[];
  readonly routes: readonly Planned<IpRoute>[];
  readonly sysctls: readonly Planned<WantedSysctl>[];
  readonly forward: readonly Planned<ForwardRule>[];
  /** Rules of our nftables table that translate; `ways` are the rest of it (`tableText`). */
  readonly translation: readonly string[];
  /** The file with the tables' names; undefined: none. */
  readonly names: { readonly path: string; readonly text: string } | undefined;
  /** The gateways of all tenants, as this node sees them. */
  readonly gateways: readonly ResolvedGateway[];
  /** Ways of the node that tenants' packets may not take; none where the guard is not in use. */
  readonly ways: readonly GuardedWay[];
  /** Marks whose packets are stopped, because pods carry them and no tenant has them any more. */
  readonly retired: readonly RetiredMark[];
}

/** A running pod's mark. */
export interface CarriedMark {
  readonly mark: Mark;
  /** Namespace and name, for people. */
  readonly pod: string;
  readonly addresses: readonly string[];
}

/** A mark that had a tenant until the configuration changed, and the pods that still carry it. */
export interface RetiredMark {
  readonly mark: Mark;
  /** The mark that the stop is for: it matches the packets of these pods and of no tenant. */
  readonly stop: Mark;
  readonly pods: readonly string[];
}

/** A gateway of the configuration as this node sees it. */
export interface ResolvedGateway {
  readonly tenant: string;
  /** The networks that it is for, as `Way` has them; absent: it is one of the tenant's own. */
  readonly to?: string;
  readonly family: Family;
  readonly via: string | undefined;
  /** The device, looked up when the configuration has none; undefined: no route leads there. */
  readonly dev: string | undefined;
  readonly weight: number;
  readonly check: string | undefined;
  /** Why it is not in the routes; undefined: it is usable. */
  readonly unusable:
    "device-missing" | "device-down" | "own-address" | "off-link" | "failed" | undefined;
}

/** One change of the node. */
export type Action =
  | { readonly kind: "link"; readonly change: LinkChange }
  | { readonly kind: "rule"; readonly op: "add" | "del"; readonly rule: IpRule }
  | { readonly kind: "route"; readonly op: "replace" | "del"; readonly route: IpRoute }
  | { readonly kind: "sysctl"; readonly path: string; readonly value: string }
  | { readonly kind: "forward"; readonly op: "insert" | "del"; readonly rule: ForwardRule }
  | { readonly kind: "nat"; readonly text: string | undefined }
  | { readonly kind: "file"; readonly path: string; readonly text: string | undefined }
  /** Removes the directory, unless it has something in it by now. */
  | { readonly kind: "directory"; readonly path: string };

/** A kernel setting before its first change, and what was written. */
export interface ChangedSysctl {
  readonly before: string;
  readonly written: string;
}

/** What was changed on the node, so that it can be put back. */
export interface RoutesRecord {
  readonly rules: readonly IpRule[];
  readonly routes: readonly IpRoute[];
  /** Foreign routes that were where ours are now. */
  readonly displaced: readonly IpRoute[];
  /** By path under /proc/sys. `sides`: settings that the kernel changes along with it. */
  readonly sysctls: Readonly<
    Record<string, ChangedSysctl & { readonly sides?: Readonly<Record<string, ChangedSysctl>> }>
  >;
  readonly forward: readonly ForwardRule[];
  /** Our nftables table as it was written, and as the kernel listed it right afterwards. */
  readonly nat: { readonly text: string; readonly listing: string } | undefined;
  /** Path of the file with the tables' names. */
  readonly names: string | undefined;
  /** Directories that were made for that file, the outermost first. */
  readonly directories: readonly string[];
  /** Links that were made, each behind those that it needs. */
  readonly links: readonly LinkSpec[];
}

export const EMPTY_RECORD: RoutesRecord = {
  rules: [],
  routes: [],
  displaced: [],
  sysctls: {},
  forward: [],
  nat: undefined,
  names: undefined,
  directories: [],
  links: [],
};
