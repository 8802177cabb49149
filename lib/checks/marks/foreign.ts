/** Pure: foreign rules on pods' addresses as findings. */
import type { PluginConf } from "../../../conf/types";
import type { Attachment } from "../../attachment/journal";
import { findingOf, type Finding } from "../finding";
import { hitsOf, isGiven } from "../foreign/model";
import type { Foreign } from "../foreign/read";
import { MARK_FINDINGS } from "../kinds/marks";
import { podOf } from "./pod";

/** Rules that write bits of marks of this node on packets of its pods, one finding for each rule and pod. */
export function foreignFindings(
  { tenants = [], defaultMask }: Pick<PluginConf, "tenants" | "defaultMask">,
  attachments: readonly Attachment[],
  { rules }: Foreign,
): readonly Finding[] {
  const marks = [...tenants, ...attachments].flatMap(({ mark }) => mark ?? []);
  const bits = marks.reduce((all, { mask }) => all | mask, 0);
  const pods = attachments.map((attachment) => ({
    pod: podOf(attachment),
    addresses: attachment.addresses,
  }));
  return hitsOf(rules, pods, bits === 0 ? defaultMask : bits).map(
    ({ rule, pod: { pod }, address }) => {
      const gives = tenants.find(({ mark }) => isGiven(rule, mark))?.name;
      return findingOf(MARK_FINDINGS, "foreign-rule", { rule, pod, address, gives }, pod);
    },
  );
}
