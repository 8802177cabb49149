/** Pure: the unicast peers of a vxlan from what `bridge -j fdb show` prints. */
import { canonicalAddress } from "../../net/address";

type Fields = Readonly<Record<string, unknown>>;

/** Where packets go whose receiver is not known yet: the entries for the address of all zeros. */
export function peersIn(entries: unknown): readonly string[] {
  return (Array.isArray(entries) ? (entries as Fields[]) : []).flatMap(({ mac, dst }) =>
    mac === "00:00:00:00:00:00" && typeof dst === "string" ? [canonicalAddress(dst)] : [],
  );
}
