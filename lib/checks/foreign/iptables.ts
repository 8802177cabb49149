/** Pure: such rules in what iptables-save prints. */
import { parsePrefix, type Prefix } from "../../net/address";
import { foreignRules, writtenMark, type SavedRule } from "../../routes/kernel/mark-uses-iptables";
import { removalOf, unquoted } from "../../text/iptables-words";
import type { ForeignRule } from "./model";

/** `program`: the one that has printed it, such as `ip6tables-nft`. */
export function foreignInSave(text: string, program: string): readonly ForeignRule[] {
  return foreignRules(text).flatMap((rule) => {
    const bits = writtenMark(rule);
    const source = sourceOf(rule);
    if (bits === undefined || source === undefined) return [];
    const [mask, value] = bits;
    const { table, chain, words } = rule;
    return [
      {
        where: `${program} ${table} ${chain}`,
        text: words.join(" "),
        removal: removalOf({ program, table, chain, words: words.map(unquoted) }),
        sources: [source],
        mask,
        value,
      },
    ];
  });
}

// A rule for all addresses but some is on nobody's address.
function sourceOf({ words }: SavedRule): Prefix | undefined {
  const at = words.indexOf("-s");
  return at < 0 || words[at - 1] === "!" ? undefined : parsePrefix(words[at + 1] ?? "");
}
