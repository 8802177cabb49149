/** Pure: our rules as iptables-restore reads and iptables-save prints them. */
import { formatMark, parseUint32, type Mark } from "../../net/mark";
import { type Family, familyOf } from "../../net/family";
import type { IptablesVariant } from "../../node/host";
import type { InstalledMark, MarkOrder, MarkPiece, Marking } from "../../ports";
import { attachmentTag, formatComment, parseComment } from "../tag";

/** One of our rules as the kernel has it. */
export interface InstalledRule {
  readonly variant: IptablesVariant;
  readonly family: Family;
  /** From the comment, as the label. */
  readonly tag: string;
  readonly label: string;
  readonly address: string;
  readonly kind: RuleKind;
  /** undefined when the rule carries our tag but another target or form than we write. */
  readonly mark: Mark | undefined;
  /** The rule in iptables-save form without `-A `. */
  readonly spec: string;
}

/** The rule as every backend lists what it has installed. */
export function toInstalledMark(rule: InstalledRule): InstalledMark {
  const { variant, tag, label, address, kind, mark, spec } = rule;
  return { backend: variant, tag, label, address, piece: KIND_NAMES[kind], mark, text: spec };
}

/** The rule that sets the mark, and the one that takes it off replies of inbound connections. */
export type RuleKind = "mark" | "reply";

/** What each kind is called for people. */
export const KIND_NAMES: Readonly<Record<RuleKind, string>> = {
  mark: "mark rule",
  reply: "reply rule",
};

/** The rules that a marking needs: one or two for each address, in the order in which they are to run. */
export function rulesFor({ mark, addresses, markReplies }: Marking): readonly (MarkPiece & {
  readonly kind: RuleKind;
})[] {
  // Value 0 under the tenant's mask: takes the tenant's bits off replies, and no others (decision 0008).
  const off: Mark = { value: 0, mask: mark.mask };
  return addresses.flatMap((address) => [
    { address, kind: "mark" as const, piece: KIND_NAMES.mark, mark },
    ...(markReplies
      ? []
      : [{ address, kind: "reply" as const, piece: KIND_NAMES.reply, mark: off }]),
  ]);
}

/** The rules of one family, without `-A `, in the order and the form in which iptables-save prints them. */
export function ruleSpecs(order: MarkOrder, family: Family): readonly string[] {
  const comment = formatComment(order.label, attachmentTag(order.key));
  const addresses = [...new Set(order.addresses)];
  return rulesFor({ ...order, addresses })
    .filter(({ address }) => familyOf(address) === family)
    .map(({ kind, address, mark }) => SPECS[kind](address, comment, mark));
}

const SPECS = { mark: markSpec, reply: replySpec } as const;

function markSpec(address: string, comment: string, mark: Mark): string {
  return `PREROUTING -s ${host(address)} -m comment --comment "${comment}" -j MARK --set-xmark ${formatMark(mark)}`;
}

function replySpec(address: string, comment: string, mark: Mark): string {
  return `PREROUTING -s ${host(address)} -m conntrack --ctdir REPLY -m comment --comment "${comment}" -j MARK --set-xmark ${formatMark(mark)}`;
}

function host(address: string): string {
  return `${address}/${familyOf(address) === 4 ? 32 : 128}`;
}

/** Input of one iptables-restore transaction on the mangle table. */
export function restoreInput(deletions: readonly string[], additions: readonly string[]): string {
  return [
    "*mangle",
    ...deletions.map((spec) => `-D ${spec}`),
    ...additions.map((spec) => `-A ${spec}`),
    "COMMIT",
    "",
  ].join("\n");
}

/**
 * The same with a line at its end that no iptables-restore understands, and what is said about that line:
 * then everything before it has been done.
 */
export function withEndMark(input: string): { input: string; reached: RegExp } {
  const lines = input.split("\n").length;
  return { input: `${input}the end\n`, reached: new RegExp(`\\bline ${lines} failed\\b`) };
}

/** The managed rules in the output of `iptables-save -t mangle`; foreign rules are passed over. */
export function parseSave(
  text: string,
  variant: IptablesVariant,
  family: Family,
): readonly InstalledRule[] {
  return text
    .split("\n")
    .filter((line) => line.startsWith("-A PREROUTING ") && line.includes("tenant-routing "))
    .flatMap((line) => parseRule(line.slice("-A ".length), variant, family));
}

function parseRule(
  spec: string,
  variant: IptablesVariant,
  family: Family,
): readonly InstalledRule[] {
  const comment = firstGroup(spec, /--comment "([^"\\]*)"/);
  const ours = parseComment(comment);
  if (ours === undefined) return [];
  const address = firstGroup(spec, family === 4 ? / -s ([0-9.]+)\/32 / : / -s ([0-9a-f:.]+)\/128 /);
  const kind = spec.includes("--ctdir REPLY") ? "reply" : "mark";
  const mark = parseXmark(spec);
  // One more match (-p tcp, -i eth0, ...) makes it another rule than the one we write.
  const asWritten = mark !== undefined && sameWords(spec, SPECS[kind](address, comment, mark));
  return [{ variant, family, ...ours, address, kind, mark: asWritten ? mark : undefined, spec }];
}

function firstGroup(text: string, pattern: RegExp): string {
  return pattern.exec(text)?.[1] ?? "";
}

// Not their order: the printing program chooses that of the matches.
function sameWords(a: string, b: string): boolean {
  return a.split(" ").sort().join(" ") === b.split(" ").sort().join(" ");
}

function parseXmark(spec: string): Mark | undefined {
  const match = /-j MARK --set-xmark (0x[0-9a-f]+)\/(0x[0-9a-f]+)$/.exec(spec);
  const value = parseUint32(match?.[1] ?? "");
  const mask = parseUint32(match?.[2] ?? "");
  return value === undefined || mask === undefined ? undefined : { value, mask };
}
