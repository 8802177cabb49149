/** Reads the firewalls of this node for foreign rules. */
import type { Programs } from "../../node/programs";
import type { ForwardTable } from "../../routes/kernel/forward";
import { nftRuleset } from "../../routes/kernel/surroundings";
import { foreignInSave } from "./iptables";
import type { ForeignRule } from "./model";
import { foreignInNft } from "./nft";

/** Foreign rules that write marks on certain addresses, and a sentence about each firewall that could not be read. */
export interface Foreign {
  readonly rules: readonly ForeignRule[];
  readonly unseen: readonly string[];
}

/** Those of every variant and of native tables. Makes no table by looking, and does not throw. */
export async function readForeign(
  programs: Programs,
  firewall: Pick<ForwardTable, "saved">,
): Promise<Foreign> {
  const [listings, ruleset] = await Promise.all([
    firewall.saved(),
    programs.has("nft") ? nftRuleset(programs) : { nftables: [] },
  ]);
  return {
    rules: [
      ...listings.flatMap((each) => ("text" in each ? foreignInSave(each.text, each.program) : [])),
      ...("problem" in ruleset ? [] : foreignInNft(ruleset)),
    ],
    unseen: [...listings, ruleset].flatMap((each) => ("problem" in each ? [each.problem] : [])),
  };
}
