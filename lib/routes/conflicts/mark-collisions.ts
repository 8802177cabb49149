/** Pure: uses of mark bits by others that meet the tenants' marks. */
import { FULL_MASK, formatMark, type Mark } from "../../net/mark";
import { proposalText } from "./free-mask";
import { detected, remedyFor } from "./known-users";
import type { Collision, IpRule, MarkUse, NodeState, Surroundings } from "../model";
import { listText } from "../text";

interface Tenant {
  readonly name: string;
  readonly mark: Mark;
}

export interface MarkInput {
  readonly tenants: readonly Tenant[];
  /** Rules of others. */
  readonly rules: readonly IpRule[];
  readonly state: Pick<NodeState, "links">;
  readonly surroundings: Surroundings;
}

/**
 * One collision for each tenant and for each table, program or known user that uses its bits: `mark`
 * where packets are taken for each other, `mask` where each only disturbs the other's bits.
 */
export function markCollisions({
  tenants,
  rules,
  state,
  surroundings,
}: MarkInput): readonly Collision[] {
  const uses = [
    ...rules.flatMap(useOfRule),
    ...surroundings.markUses,
    ...detected(surroundings, state.links),
  ];
  const places = byPlace(uses);
  const free = proposalText(
    tenants.map(({ name }) => name),
    uses,
  );
  return tenants.flatMap((tenant) => places.flatMap((place) => collisionOf(tenant, place, free)));
}

function useOfRule({ family, priority, fwmark }: IpRule): readonly MarkUse[] {
  if (fwmark === undefined) return [];
  const where = `${family === 6 ? "ip -6 rule" : "ip rule"} ${priority}`;
  return [{ where, mask: fwmark.mask, value: fwmark.value, whole: fwmark.mask === FULL_MASK }];
}

// By all but the last word of where they are: a chain, a priority, or what a user was recognised by.
function byPlace(uses: readonly MarkUse[]): readonly (readonly MarkUse[])[] {
  const places = new Map<string, MarkUse[]>();
  for (const use of uses) {
    const place = use.where.replace(/ \S+$/, "");
    const there = places.get(place);
    if (there === undefined) places.set(place, [use]);
    else there.push(use);
  }
  return [...places.values()];
}

function collisionOf(
  { name, mark }: Tenant,
  place: readonly MarkUse[],
  free: string,
): readonly Collision[] {
  const meeting = place.filter((use) => (use.mask & mark.mask) !== 0);
  const same = meeting.filter((use) => isTakenFor(use, mark));
  const [first] = same.length > 0 ? same : meeting;
  if (first === undefined) return [];
  const own = `mark ${formatMark(mark)} of tenant ${name}`;
  const theirs = `${bitsText(first)} of ${first.where}${likeIt(first, meeting)}`;
  const meets =
    same.length > 0
      ? `${own} and ${theirs} are the same in the common bits ${hex(first.mask & mark.mask)}, so packets of one are taken for the other's`
      : `${own} and ${theirs} have the bits ${hex(first.mask & mark.mask)} in common, so each disturbs what the other wrote`;
  return [
    {
      kind: same.length > 0 ? "mark" : "mask",
      tenant: name,
      text: `${meets}: ${remedyText(first)}; ${free}`,
    },
  ];
}

// Value 0 under the common bits is what every unmarked packet has.
function isTakenFor({ mask, value }: MarkUse, mark: Mark): boolean {
  const common = mask & mark.mask;
  return (
    value !== undefined && (value & common) !== 0 && (value & common) === (mark.value & common)
  );
}

function bitsText({ mask, value, whole }: MarkUse): string {
  if (whole) return value === undefined ? "the whole mark" : `${hex(value)} of the whole mark`;
  return value === undefined ? `the bits ${hex(mask)}` : formatMark({ value, mask });
}

function likeIt(first: MarkUse, meeting: readonly MarkUse[]): string {
  const rest = meeting.length - 1;
  if (rest === 0) return "";
  const elsewhere = [...new Set(meeting.map(({ where }) => where))].filter(
    (where) => where !== first.where,
  );
  return ` (and ${rest} more like it${elsewhere.length === 0 ? "" : `, also in ${listText(elsewhere, 2)}`})`;
}

function remedyText(use: MarkUse): string {
  const other = use.whole
    ? "give that rule a mask, or the tenants other marks"
    : "give the tenants other marks";
  const known = remedyFor(use.where);
  return known === undefined ? other : `${other} (${known})`;
}

function hex(bits: number): string {
  return `0x${(bits >>> 0).toString(16)}`;
}
