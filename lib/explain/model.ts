/** Types only: what is known of a pod's way to a destination, and the way as a tree of steps. */
import type { PluginConf } from "../../conf/types";
import type { Finding } from "../checks/finding";
import type { Family } from "../net/family";
import type { Mark } from "../net/mark";
import type { NodeState, RoutesPlan } from "../routes/model";
import type { Collision, Finding as RouteFinding } from "../routes/conflicts/kinds";

/** Where the connection goes. */
export interface Destination {
  readonly family: Family;
  /** Canonical. */
  readonly address: string;
  /** A TCP port; undefined: any packet. */
  readonly port: number | undefined;
}

/** The first packet of a connection, as the node's rules see it. */
export interface Packet {
  readonly family: Family;
  /** Canonical. */
  readonly to: string;
  /** A TCP port; undefined: any packet. */
  readonly port: number | undefined;
  /** The pod's address; undefined: a pod on the host's network, whose packets the node itself sends. */
  readonly from: string | undefined;
  /** The node's end of the pod's cable; undefined where no route leads to the pod. */
  readonly iif: string | undefined;
}

/** The pod as its record says; the fields of a pod without one are undefined. */
export interface PodFacts {
  /** `namespace/name`, or the container. */
  readonly pod: string;
  readonly containerId: string | undefined;
  /** Why there is no record, in a few words; undefined where there is one. */
  readonly unrecorded: string | undefined;
  /** An ADD or DEL that did not end. */
  readonly unfinished: "ADD" | "DEL" | undefined;
  readonly source: string | undefined;
  readonly tenant: string | undefined;
  readonly mark: Mark | undefined;
  readonly markReplies: boolean;
  readonly backend: string | undefined;
  /** Where its network namespace is; undefined: there is none any more, or none is known. */
  readonly netns: string | undefined;
  readonly ifname: string | undefined;
  /** Bytes, of the pod's own interface; undefined: it could not be asked. */
  readonly mtu: number | undefined;
}

export interface Counted {
  readonly packets: number;
  readonly bytes: number;
}

/** What is in force for one of the pod's addresses. */
export interface MarkFacts {
  /** What differs from the record, in words; the first is the gravest. */
  readonly drifts: readonly {
    readonly kind: "missing" | "double" | "wrong-mark" | "unexpected" | "foreign";
    /** Whether the mark itself is concerned, and not that of replies. */
    readonly ofMark: boolean;
    readonly text: string;
  }[];
  /** What is in force, as its own tools print it. */
  readonly installed: readonly string[];
  readonly counted: Counted | undefined;
  /** Whether `counted` is of all pods with the mark, and not of this one alone. */
  readonly shared: boolean;
  /** The guard's word on this address; undefined: it has none. */
  readonly guard: { readonly mark: Mark | undefined; readonly dropped: number } | undefined;
}

/** What `iptables-save -c` of one program printed, or why it printed nothing. */
export type SavedTables = { readonly program: string } & (
  { readonly text: string } | { readonly problem: string }
);

/** The firewalls of the node. */
export interface FirewallFacts {
  readonly saved: readonly SavedTables[];
  /** `nft -j list ruleset`, parsed; undefined: it could not be read. */
  readonly nft: unknown;
  /** Why it could not. */
  readonly nftProblem: string | undefined;
}

/** What the kernel answers to `ip route get`. */
export type WayAnswer =
  | {
      readonly dev: string;
      readonly via: string | undefined;
      /** undefined: main. */
      readonly table: number | undefined;
      readonly local: boolean;
    }
  | { readonly refused: string };

/** A gateway, as far as it was asked. */
export interface GatewayFacts {
  /** NUD state; undefined: the neighbour table has no entry. */
  readonly neighbour: string | undefined;
  readonly carrier: boolean;
  readonly answer: "answered" | "silent" | "unknown";
  /** Why it is silent or unknown. */
  readonly why: string | undefined;
}

export interface RouteFacts {
  readonly plan: RoutesPlan;
  readonly state: NodeState;
  readonly findings: readonly RouteFinding[];
  readonly collisions: readonly Collision[];
  /** Whether our table of translations is there. */
  readonly hasNat: boolean;
}

/** Everything that is known of one way. */
export interface PathFacts {
  readonly conf: PluginConf;
  /** What a command of ours needs to read the same configuration: ` --conf FILE`, or "". */
  readonly option: string;
  readonly pod: PodFacts;
  readonly packet: Packet;
  readonly marks: MarkFacts | undefined;
  readonly firewall: FirewallFacts;
  readonly routes: RouteFacts;
  /** The mark of the packet when it is routed, and how it came to it. */
  readonly marked: Marked;
  readonly way: WayAnswer;
  /** undefined: the packet has no gateway, or its device is gone. */
  readonly gateway: GatewayFacts | undefined;
  /** The way of the reply to the pod; undefined where there is none to ask for. */
  readonly back: WayAnswer | undefined;
}

/** The mark that a packet has when it is routed. */
export interface Marked {
  /** All 32 bits. */
  readonly value: number;
  /** The foreign rule that the bits of the tenant come from; undefined: they are as the tenant's mark says. */
  readonly spoiltBy: RuleSight | undefined;
  /** Rules that may change it: whether they match is not known. */
  readonly maybe: readonly RuleSight[];
  /** A rule that ends the packet before it is routed. */
  readonly dropped: RuleSight | undefined;
  /** A rule that keeps connection tracking away. */
  readonly untracked: RuleSight | undefined;
}

/** A rule of a firewall, for people. */
export interface RuleSight {
  /** Where it is: `iptables-nft mangle PREROUTING`. */
  readonly where: string;
  /** As its program prints it. */
  readonly text: string;
  /** The command that removes it. */
  readonly removal: string;
  readonly counted: Counted | undefined;
}

export const STATES = ["ok", "warning", "failed", "unknown"] as const;
/** `unknown`: it could not be looked at. */
export type StepState = (typeof STATES)[number];

/** One step of the way. */
export interface Step {
  /** One or two words, the same for every pod. */
  readonly name: string;
  /** What is so, without a full stop. */
  readonly what: string;
  readonly state: StepState;
  readonly finding?: Finding;
  readonly steps?: readonly Step[];
}

/** The way of one new connection. */
export interface Explanation {
  readonly pod: string;
  readonly destination: Destination;
  /** One sentence without a full stop. */
  readonly verdict: string;
  /** The gravest state of any step. */
  readonly state: StepState;
  readonly steps: readonly Step[];
  /** The first step that is wrong, else the first with a warning. */
  readonly first: Finding | undefined;
}
