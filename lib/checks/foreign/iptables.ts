/** Pure: such rules in what iptables-save prints. */
import { parsePrefix, type Prefix } from "../../net/address";
import { foreignRules, writtenMark, type SavedRule } from "../../routes/kernel/mark-uses-iptables";
import { unquoted } from "../../text/iptables-words";
import { shellWord } from "../../text/shell";
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
        removal: `${program} -t ${table} -D ${chain} ${words.map(literal).join(" ")}`,
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

/** iptables-save's quotes are not a shell's: in those `$` means something. */
function literal(word: string): string {
  return shellWord(unquoted(word));
}
