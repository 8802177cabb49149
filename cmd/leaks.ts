/** What the guard has dropped, wherever it stops packets. */
import { createGuard } from "../lib/marks/nftables/guard";
import type { NftRunner } from "../lib/marks/nftables/runner";
import { countStopped } from "../lib/routes/kernel/stopped";
import type { Leaked } from "../lib/traffic";

/** By mark and reason, since the tables were made. Throws CniError `rules`. */
export async function countLeaked(runner: NftRunner): Promise<readonly Leaked[]> {
  const [{ dropped }, stopped] = await Promise.all([
    createGuard(runner).list(),
    countStopped(runner),
  ]);
  return [...dropped.map((each): Leaked => ({ reason: "no_mark", ...each })), ...stopped];
}
