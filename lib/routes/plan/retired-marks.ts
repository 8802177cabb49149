/**
 * Pure: marks that pods still carry though no tenant has them any more. Their packets are stopped,
 * so that they do not take the node's default route (decision 0042).
 */
import type { PluginConf } from "../../../conf/types";
import { formatMark, type Mark, satisfiesMark } from "../../net/mark";
import type { CarriedMark, RetiredMark, RoutesRecord } from "../model";

/**
 * Whether there are rules for a mark that no tenant has. Only then it matters which marks the pods
 * carry.
 */
export function hasRetiredMarks({ tenants = [] }: PluginConf, { rules }: RoutesRecord): boolean {
  const now = new Set(tenants.map(({ mark }) => formatMark(mark)));
  return marksOf(rules).some((mark) => !now.has(formatMark(mark)));
}

/** The marks that rules are for; those for pools are for packets without one. */
export function marksOf(rules: RoutesRecord["rules"]): readonly Mark[] {
  return rules.flatMap(({ fwmark }) =>
    fwmark === undefined || fwmark.value === 0 ? [] : [fwmark],
  );
}

/**
 * The retired marks that pods still carry. A mark that matches any tenant's is not retired, even
 * when that tenant has no table here.
 */
export function retiredMarks(
  { tenants = [] }: PluginConf,
  { rules }: RoutesRecord,
  carried: readonly CarriedMark[],
): readonly RetiredMark[] {
  const former = marksOf(rules);
  const lost = carried.filter(
    ({ mark }) =>
      former.some((rule) => satisfiesMark(mark, rule)) &&
      !tenants.some((tenant) => satisfiesMark(mark, tenant.mark)),
  );
  const marks = new Map(lost.map(({ mark }) => [formatMark(mark), mark]));
  // 0x10/0xff would match packets of a tenant with 0x110/0xfff too. The mask is no wider than that
  // takes, because others may set bits.
  const stopOf = (mark: Mark): Mark => {
    const alike = tenants.filter((tenant) => satisfiesMark(tenant.mark, mark));
    return {
      value: mark.value,
      mask: alike.reduce((bits, tenant) => (bits | tenant.mark.mask) >>> 0, mark.mask),
    };
  };
  return [...marks].map(([text, mark]) => ({
    mark,
    stop: stopOf(mark),
    pods: lost
      .filter((each) => formatMark(each.mark) === text)
      .map(({ pod }) => pod)
      .sort(),
  }));
}
