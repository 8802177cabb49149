/** Types of links: what the kernel says of one, and the changes of one. */
import type { LinkSpec } from "../net/link";

/** What marks a link as made here (`ip link set ... alias`, decision 0115). */
export const LINK_ALIAS = "tenant-routing";

/** What the kernel says of a link beyond what routes need. */
export interface LinkFacts {
  /** `macvlan`, `veth` and so on; absent for hardware. */
  readonly kind?: string;
  readonly alias?: string;
  /** In lower case. */
  readonly mac?: string;
  /** The link that it is made on; absent also when that is in another network namespace. */
  readonly parent?: string;
  /** The bridge, bond or VRF that it is a port of. */
  readonly master?: string;
  readonly id?: number;
  readonly mode?: string;
  readonly local?: string;
  /** The multicast group of a vxlan. */
  readonly group?: string;
  /** The unicast peer that a vxlan was made with in place of a group; one of `peers`, too. */
  readonly remote?: string;
  /** Unicast peers of a vxlan, as `peersIn` has them; absent where nobody asked. */
  readonly peers?: readonly string[];
  readonly port?: number;
  /** It is up, and so is what it is on. */
  readonly running?: true;
  /** `address/length` of its addresses, canonical. */
  readonly prefixes: readonly string[];
}

/** One change of a link. */
export type LinkChange =
  | { readonly op: "add"; readonly name: string; readonly spec: LinkSpec }
  | { readonly op: "del"; readonly name: string }
  | { readonly op: "mark" | "up"; readonly name: string }
  | { readonly op: "mtu"; readonly name: string; readonly mtu: number }
  | { readonly op: "mac"; readonly name: string; readonly mac: string }
  /** `name` becomes a port; `bridge` undefined: of none. */
  | { readonly op: "master"; readonly name: string; readonly bridge: string | undefined }
  | {
      readonly op: "address" | "peer";
      readonly name: string;
      readonly verb: "add" | "del";
      readonly address: string;
    };
