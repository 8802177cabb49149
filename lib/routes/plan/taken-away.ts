/** Pure: whether a plan takes away all that tenants have on this node. */
import { formatMark, type Mark } from "../../net/mark";
import type { RoutesPlan, RoutesRecord } from "../model";
import { marksOf } from "./retired-marks";

/**
 * The marks that lead to tenants' tables today, when the plan leaves none of them: as with a conflist that is
 * empty or somebody else's. None otherwise.
 */
export function takenAway({ rules }: RoutesPlan, record: RoutesRecord): readonly Mark[] {
  const led = marksOf(record.rules.filter(({ table }) => table !== undefined));
  const kept = new Set(
    marksOf(rules.flatMap(({ item }) => (item.table === undefined ? [] : [item]))).map(formatMark),
  );
  if (led.some((mark) => kept.has(formatMark(mark)))) return [];
  return [...new Map(led.map((mark) => [formatMark(mark), mark])).values()];
}
