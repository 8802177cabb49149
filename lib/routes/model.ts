/** The node routes' vocabulary: what the kernel has, what we want of it, and what is done about the difference. */
import type { Mark } from "../net/mark";
import type { Family } from "../net/family";

/**
 * `protocol kernel` (rtnetlink RTPROT_KERNEL): systemd-networkd leaves rules and routes with it alone
 * (decision 0034).
 */
export const PROTOCOL_KERNEL = 2;
/** Tables of the kernel. */
export const TABLE_MAIN = 254;
export const TABLE_LOCAL = 255;
/** `ip -j` prints two `dst` for a route with an encapsulation: where that leads, and the route's own, which is lost. */
export const UNKNOWN_DESTINATION = "?";
/** Worst metric there is: behind every other default route of its table. */
export const WORST_METRIC = 4294967295;
/** Our nftables table, as `nft` takes it. */
export const NAT_TABLE = "inet tenant-routing";

/** One `ip rule`. Absent selectors match everything. */
export interface IpRule {
  readonly family: Family;
  readonly priority: number;
  readonly not?: true;
  /** Canonical networks as lib/net/address formats them. */
  readonly from?: string;
  readonly to?: string;
  readonly fwmark?: Mark;
  /** undefined: another action than a lookup. */
  readonly table?: number;
  /** The packet is refused. */
  readonly unreachable?: true;
  readonly suppressPrefixLength?: number;
  readonly protocol: number;
  /** Selectors and actions that we never write (iif, uidrange, goto, ...), as words; makes the rule unlike any of ours. */
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
  /** Words that we never write (src, onlink, ...); makes the route unlike any of ours. */
  readonly other?: string;
  /** Has, or may have, properties with which it could not be written again, such as a locked MTU. */
  readonly lossy?: true;
}

export interface Link {
  readonly name: string;
  /** Other names of it, which `ip` takes too. */
  readonly altNames: readonly string[];
  /** Bytes. */
  readonly mtu: number;
  /** Administratively up. */
  readonly up: boolean;
  /** Addresses other than link-local ones, by family. */
  readonly addresses: readonly { readonly family: Family; readonly address: string }[];
}

/** What the kernel has of the things that the node routes are made of. */
export interface NodeState {
  readonly families: readonly Family[];
  readonly rules: readonly IpRule[];
  readonly routes: readonly IpRoute[];
  readonly links: readonly Link[];
  /** By path under /proc/sys, such as `net/ipv4/ip_forward`; undefined where the kernel has no such file. */
  readonly sysctl: (path: string) => string | undefined;
}

/** Who uses mark bits on this node, and where. */
export type MarkUser =
  | { readonly kind: "ip-rule"; readonly family: Family; readonly priority: number }
  | {
      readonly kind: "iptables";
      /** With family and flavour, such as `ip6tables-nft`. */
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
  /** Bits that are read or written, and the value they are compared with or set to, where it is known. */
  readonly mask: number;
  readonly value: number | undefined;
  /** The whole mark is read or written: every other user of any bit disturbs it. */
  readonly whole: boolean;
}

/** A line of rt_tables. */
export interface TableNameEntry {
  readonly number: number;
  readonly name: string;
  readonly file: string;
}

/** What else lives on the node: for collisions, so read only before something is changed. */
export interface Surroundings {
  readonly markUses: readonly MarkUse[];
  /** Names of iptables chains of all tables and flavours. */
  readonly chains: readonly string[];
  /** `family name` of native nftables tables, ours excepted. */
  readonly nftTables: readonly string[];
  /** Entries of rt_tables and rt_tables.d that we did not write. */
  readonly tableNames: readonly TableNameEntry[];
  /** Sentences about what could not be read. */
  readonly unseen: readonly string[];
}

/** Something of the kernel that is wanted, for whom and why. */
export interface Planned<T> {
  readonly item: T;
  /** undefined: for the node as a whole. */
  readonly tenant: string | undefined;
  /** Half a sentence for people, such as "the main table's exact routes come first". */
  readonly why: string;
}

export interface WantedSysctl {
  /** Under /proc/sys. */
  readonly path: string;
  readonly value: string;
  /** Values that do as well. */
  readonly also: readonly string[];
}

/** A rule of iptables' filter FORWARD, in iptables-save form without `-A FORWARD `. */
export interface ForwardRule {
  readonly family: Family;
  readonly spec: string;
  /** Where it stands, when that is not the flavour in use. */
  readonly backend?: "nft" | "legacy";
}

/** Everything the configuration asks of the node. */
export interface RoutesPlan {
  readonly rules: readonly Planned<IpRule>[];
  readonly routes: readonly Planned<IpRoute>[];
  readonly sysctls: readonly Planned<WantedSysctl>[];
  readonly forward: readonly Planned<ForwardRule>[];
  /** Our nftables table as `nft -f` reads it; undefined: none. */
  readonly nat: string | undefined;
  /** The file with the tables' names; undefined: none. */
  readonly names: { readonly path: string; readonly text: string } | undefined;
  /** Gateways of each tenant as they were found on the node. */
  readonly gateways: readonly ResolvedGateway[];
  /** Marks that are stopped, because pods carry them and no tenant has them any more. */
  readonly retired: readonly RetiredMark[];
}

/** A running pod's mark. */
export interface CarriedMark {
  readonly mark: Mark;
  /** For people: namespace and name. */
  readonly pod: string;
}

/** A mark that led somewhere until the configuration changed, and the pods that still carry it. */
export interface RetiredMark {
  readonly mark: Mark;
  /** The mark by which they are stopped: no tenant's packets match it. */
  readonly stop: Mark;
  readonly pods: readonly string[];
}

/** A gateway of the configuration, seen on this node. */
export interface ResolvedGateway {
  readonly tenant: string;
  readonly family: Family;
  readonly via: string | undefined;
  /** The device, looked up when it was left out; undefined: nothing leads there. */
  readonly dev: string | undefined;
  readonly weight: number;
  readonly check: string | undefined;
  /** undefined: usable; else why it is not in the routes. */
  readonly unusable:
    "device-missing" | "device-down" | "own-address" | "off-link" | "failed" | undefined;
}

/** One change of the node. */
export type Action =
  | { readonly kind: "rule"; readonly op: "add" | "del"; readonly rule: IpRule }
  | { readonly kind: "route"; readonly op: "replace" | "del"; readonly route: IpRoute }
  | { readonly kind: "sysctl"; readonly path: string; readonly value: string }
  | { readonly kind: "forward"; readonly op: "insert" | "del"; readonly rule: ForwardRule }
  | { readonly kind: "nat"; readonly text: string | undefined }
  | { readonly kind: "file"; readonly path: string; readonly text: string | undefined }
  /** Takes an empty one away; one that others have put something into stays. */
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
  /** Routes of others that stood at the place of ours. */
  readonly displaced: readonly IpRoute[];
  /** By path under /proc/sys; `sides`: what the kernel changes along with it. */
  readonly sysctls: Readonly<
    Record<string, ChangedSysctl & { readonly sides?: Readonly<Record<string, ChangedSysctl>> }>
  >;
  readonly forward: readonly ForwardRule[];
  /** Our nftables table as it was written, and as the kernel listed it right after. */
  readonly nat: { readonly text: string; readonly listing: string } | undefined;
  /** Path of the file with the tables' names. */
  readonly names: string | undefined;
  /** Directories that were made for it, the outermost first. */
  readonly directories: readonly string[];
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
};
