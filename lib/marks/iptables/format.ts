/** Pure: our rules as iptables-restore reads and iptables-save prints them. */
import { formatMark, parseUint32, type Mark } from "../../net/mark";
import type { Family } from "../../net/family";
import type { Backend, InstalledRule, MarkRule } from "../../ports";
import { attachmentTag, formatComment, parseComment } from "../tag";

/** The family of a canonical address literal. */
export function familyOf(address: string): Family {
  return address.includes(":") ? 6 : 4;
}

/** The rules of one family, without `-A `, in the order and the form in which iptables-save prints them. */
export function ruleSpecs(rule: MarkRule, family: Family): readonly string[] {
  const comment = formatComment(rule.label, attachmentTag(rule.key));
  return [...new Set(rule.addresses)]
    .filter((address) => familyOf(address) === family)
    .flatMap((address) => {
      const mark = markSpec(address, comment, rule.mark);
      // Value 0 under the tenant's mask: takes the tenant's bits off replies, and no others
      // (decision 0008).
      const reply = replySpec(address, comment, { value: 0, mask: rule.mark.mask });
      return rule.markReplies ? [mark] : [mark, reply];
    });
}

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

/** Our rules in the output of `iptables-save -t mangle`; rules of others are passed over. */
export function parseSave(
  text: string,
  backend: Backend,
  family: Family,
): readonly InstalledRule[] {
  return text
    .split("\n")
    .filter((line) => line.startsWith("-A PREROUTING ") && line.includes("tenant-routing "))
    .flatMap((line) => parseRule(line.slice("-A ".length), backend, family));
}

function parseRule(spec: string, backend: Backend, family: Family): readonly InstalledRule[] {
  const comment = firstGroup(spec, /--comment "([^"\\]*)"/);
  const ours = parseComment(comment);
  if (ours === undefined) return [];
  const address = firstGroup(spec, family === 4 ? / -s ([0-9.]+)\/32 / : / -s ([0-9a-f:.]+)\/128 /);
  const kind = spec.includes("--ctdir REPLY") ? "reply" : "mark";
  const mark = parseXmark(spec);
  // One more match (-p tcp, -i eth0, ...) makes it another rule than the one we write.
  const asWritten =
    mark !== undefined &&
    sameWords(spec, (kind === "mark" ? markSpec : replySpec)(address, comment, mark));
  return [{ backend, family, ...ours, address, kind, mark: asWritten ? mark : undefined, spec }];
}

function firstGroup(text: string, pattern: RegExp): string {
  return pattern.exec(text)?.[1] ?? "";
}

// Not their order: that of the matches is the printing program's choice.
function sameWords(a: string, b: string): boolean {
  return a.split(" ").sort().join(" ") === b.split(" ").sort().join(" ");
}

function parseXmark(spec: string): Mark | undefined {
  const match = /-j MARK --set-xmark (0x[0-9a-f]+)\/(0x[0-9a-f]+)$/.exec(spec);
  const value = parseUint32(match?.[1] ?? "");
  const mask = parseUint32(match?.[2] ?? "");
  return value === undefined || mask === undefined ? undefined : { value, mask };
}
