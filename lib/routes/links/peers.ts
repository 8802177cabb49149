/** Pure: the unicast peers of a vxlan, from what `bridge -j fdb show` prints, and against those that are wanted. */
import { canonicalAddress } from "../../net/address";
import type { LinkSpec } from "../../net/link";
import { fieldsOf, listOf } from "../../text/fields";
import { ANY_MAC } from "../link-text";
import type { LinkFacts } from "../link-model";

/**
 * Where packets go whose receiver is not known yet: the entries for the address of all zeros. One with a port, an
 * identifier or a device of its own has that behind its address, as `bridge fdb` takes it.
 * `parent`: the device of the vxlan, which is nothing of an entry's own.
 */
export function peersIn(entries: unknown, parent?: string): readonly string[] {
  return listOf(entries)
    .map(fieldsOf)
    .flatMap(({ mac, dst, port, vni, viaIf }) => {
      if (mac !== ANY_MAC || typeof dst !== "string") return [];
      const own = { port, vni, via: viaIf === parent ? undefined : viaIf };
      const words = Object.entries(own).filter(([, value]) => value !== undefined);
      return [
        [canonicalAddress(dst), ...words.map(([word, value]) => `${word} ${String(value)}`)].join(
          " ",
        ),
      ];
    });
}

/** In what the peers of a vxlan are not those that are wanted. */
export interface PeerDifferences {
  readonly missing: readonly string[];
  readonly surplus: readonly string[];
}

/** undefined: it has just the peers that are wanted, or nobody asked for them. */
export function peerDifferences(
  { remotes, group }: LinkSpec,
  { peers }: Pick<LinkFacts, "peers">,
): PeerDifferences | undefined {
  if (peers === undefined) return undefined;
  const missing = remotes.filter((remote) => !peers.includes(remote));
  // The kernel lists a group beside them.
  const surplus = peers.filter((peer) => peer !== group && !remotes.includes(peer));
  return missing.length + surplus.length === 0 ? undefined : { missing, surplus };
}
