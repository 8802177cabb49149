/** What the guard has kept from the node's default ways. */
import { countersOf } from "../../marks/nftables/table";
import type { NftRunner } from "../../marks/nftables/runner";
import type { Leaked } from "../../traffic";
import { NAT_TABLE } from "../model";
import { stoppedMark } from "../plan/nft-words";

/** Packets that were dropped since the table was made, by mark; no nft and no table: none. Throws CniError `rules`. */
export async function countStopped(runner: NftRunner): Promise<readonly Leaked[]> {
  if (!runner.has()) return [];
  return [...(await countersOf(runner, NAT_TABLE))].flatMap(([name, counted]) => {
    const mark = stoppedMark(name);
    return mark === undefined ? [] : [{ reason: "default_route" as const, mark, ...counted }];
  });
}
