/** Pure: the unicast peers of a vxlan from what `bridge -j fdb show` prints. */
import { canonicalAddress } from "../../net/address";
import { fieldsOf, listOf } from "../../text/fields";
import { ANY_MAC } from "../link-text";

/** Where packets go whose receiver is not known yet: the entries for the address of all zeros. */
export function peersIn(entries: unknown): readonly string[] {
  return listOf(entries)
    .map(fieldsOf)
    .flatMap(({ mac, dst }) =>
      mac === ANY_MAC && typeof dst === "string" ? [canonicalAddress(dst)] : [],
    );
}
