/** Pure: foreign rules on pods' addresses as findings. */
import type { PluginConf } from "../../../conf/types";
import type { Attachment } from "../../attachment/journal";
import { findingOf, type Finding } from "../finding";
import { hitsOf, isGiven } from "../foreign/model";
import type { Foreign } from "../foreign/read";
import { PODS } from "../kinds/pods";
import { podName } from "../pods/mark-findings";

/** Rules that write bits of marks of this node on packets of its pods, one finding for each rule and pod. */
export function foreignFindings(
  { tenants = [], defaultMask }: Pick<PluginConf, "tenants" | "defaultMask">,
  attachments: readonly Attachment[],
  { rules }: Foreign,
): readonly Finding[] {
  const marks = [...tenants, ...attachments].flatMap(({ mark }) => mark ?? []);
  const bits = marks.reduce((all, { mask }) => all | mask, 0);
  const pods = attachments.map((attachment) => ({
    pod: podName(attachment),
    addresses: attachment.addresses,
  }));
  return hitsOf(rules, pods, bits === 0 ? defaultMask : bits).map(({ rule, pod: { pod } }) => {
    const tenant = tenants.find(({ mark }) => isGiven(rule, mark))?.name;
    const mark = rule.value === undefined ? undefined : { mask: rule.mask, value: rule.value };
    const { text, where, removal } = rule;
    const facts = { rule: `${text} (${where})`, pods: [pod], removal, mark, tenant };
    return findingOf(PODS, "foreign-mark", facts, pod);
  });
}
