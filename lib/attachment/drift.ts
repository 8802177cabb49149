/** Pure: what should stand on the node against what does. */
import type { Attachment } from "./journal";
import type { InstalledRule } from "../ports";
import { formatMark, sameMark, type Mark } from "../net/mark";

interface Wanted {
  readonly address: string;
  readonly kind: "mark" | "reply";
  readonly mark: Mark;
}

/** The rules that an attachment should have, each exactly once. */
export function wantedRules(attachment: Attachment): readonly Wanted[] {
  const { mark } = attachment;
  if (mark === undefined) return [];
  return attachment.addresses.flatMap((address) => [
    { address, kind: "mark" as const, mark },
    ...(attachment.markReplies === true
      ? []
      : [{ address, kind: "reply" as const, mark: { value: 0, mask: mark.mask } }]),
  ]);
}

/**
 * What is wrong with an attachment's rules, one sentence each; empty when all is well.
 * `installed` are all rules of ours on the node.
 */
export function ruleProblems(
  attachment: Attachment,
  tag: string,
  installed: readonly InstalledRule[],
): readonly string[] {
  const mine = installed.filter((rule) => rule.tag === tag);
  const wanted = wantedRules(attachment);
  return [
    ...wanted.flatMap((want) => problemsOf(want, mine)),
    ...mine
      .filter((rule) => !wanted.some((want) => isSlot(rule, want)))
      .map((rule) => `unexpected rule for ${rule.address}: ${rule.spec}`),
    ...installed
      .filter((rule) => rule.tag !== tag && attachment.addresses.includes(rule.address))
      .map(
        (rule) =>
          `rule of another attachment (${rule.label} ${rule.tag}) on ${rule.address}: ${rule.spec}`,
      ),
  ];
}

function problemsOf(want: Wanted, mine: readonly InstalledRule[]): readonly string[] {
  const name = `${want.kind === "mark" ? "mark rule" : "reply rule"} for ${want.address}`;
  const found = mine.filter((rule) => isSlot(rule, want));
  if (found.length === 0) return [`${name} is missing`];
  const problems = found.length > 1 ? [`${name} is there ${found.length} times`] : [];
  const wrong = found.filter((rule) => rule.mark === undefined || !sameMark(rule.mark, want.mark));
  return [
    ...problems,
    ...wrong.map(
      (rule) =>
        `${name} sets ${rule.mark === undefined ? "something else" : formatMark(rule.mark)} instead of ${formatMark(want.mark)}`,
    ),
  ];
}

function isSlot(rule: InstalledRule, want: Wanted): boolean {
  return rule.address === want.address && rule.kind === want.kind;
}
