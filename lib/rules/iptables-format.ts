/** Pure: our rules as iptables-restore reads and iptables-save prints them. */
import { parseUint32, type Mark } from "../mark";
import type { Backend, Family, InstalledRule, MarkRule } from "../ports";
import { attachmentTag, formatComment, parseComment } from "./tag";

/** Bits of the mark to clear on replies: value 0 under the tenant's mask. */
function xmark(value: number, mask: number): string {
  return `-j MARK --set-xmark 0x${value.toString(16)}/0x${mask.toString(16)}`;
}

/** The family of a canonical address literal. */
export function familyOf(address: string): Family {
  return address.includes(":") ? 6 : 4;
}

/** The rules of one family, without `-A `, in the order and the form in which iptables-save prints them. */
export function ruleSpecs(rule: MarkRule, family: Family): readonly string[] {
  const comment = `-m comment --comment "${formatComment(rule.label, attachmentTag(rule.key))}"`;
  return rule.addresses
    .filter((address) => familyOf(address) === family)
    .flatMap((address) => {
      const source = `PREROUTING -s ${address}/${family === 4 ? 32 : 128}`;
      const mark = `${source} ${comment} ${xmark(rule.mark.value, rule.mark.mask)}`;
      const reply = `${source} -m conntrack --ctdir REPLY ${comment} ${xmark(0, rule.mark.mask)}`;
      return rule.markReplies ? [mark] : [mark, reply];
    });
}

/** Input of one iptables-restore transaction on the mangle table. */
export function restoreInput(deletions: readonly string[], additions: readonly string[]): string {
  return ["*mangle", ...deletions.map((spec) => `-D ${spec}`), ...additions.map((spec) => `-A ${spec}`), "COMMIT", ""].join("\n");
}

/** Our rules in the output of `iptables-save -t mangle`; rules of others are passed over. */
export function parseSave(text: string, backend: Backend, family: Family): readonly InstalledRule[] {
  return text
    .split("\n")
    .filter((line) => line.startsWith("-A PREROUTING ") && line.includes("tenant-routing "))
    .flatMap((line) => parseRule(line.slice("-A ".length), backend, family));
}

function parseRule(spec: string, backend: Backend, family: Family): readonly InstalledRule[] {
  const comment = /--comment "([^"\\]*)"/.exec(spec)?.[1];
  const ours = comment === undefined ? undefined : parseComment(comment);
  if (ours === undefined) return [];
  const address = new RegExp(` -s ([0-9a-f.:]+)/${family === 4 ? 32 : 128} `).exec(spec)?.[1] ?? "";
  const kind = spec.includes("--ctdir REPLY") ? "reply" : "mark";
  return [{ backend, family, ...ours, address, kind, mark: parseXmark(spec), spec }];
}

function parseXmark(spec: string): Mark | undefined {
  const match = /-j MARK --set-xmark (0x[0-9a-f]+)\/(0x[0-9a-f]+)$/.exec(spec);
  const value = parseUint32(match?.[1] ?? "");
  const mask = parseUint32(match?.[2] ?? "");
  return value === undefined || mask === undefined ? undefined : { value, mask };
}
