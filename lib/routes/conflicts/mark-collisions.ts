/** Pure: foreign uses of mark bits that the tenants' marks have, too. */
import { parsePrefix } from "../../net/address";
import { FULL_MASK, type Mark } from "../../net/mark";
import { freeMarks } from "./free-mask";
import type { Collision, FreeMarks } from "./kinds";
import { detected } from "./known-users";
import type { IpRule, MarkUse, MarkUser, NodeState, Surroundings } from "../model";
import { ruleRemoval, ruleText } from "../text";

interface Tenant {
  readonly name: string;
  readonly mark: Mark;
}

export interface MarkInput {
  readonly tenants: readonly Tenant[];
  /** Foreign rules. */
  readonly rules: readonly IpRule[];
  readonly state: Pick<NodeState, "links">;
  readonly surroundings: Surroundings;
}

/**
 * One collision for each tenant and each user of its bits: `mark` when the packets of one are taken
 * for the other's, `mask` when each only disturbs the other's bits.
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
  const users = byUser(uses);
  const free = freeMarks(
    tenants.map(({ name }) => name),
    uses,
  );
  return tenants.flatMap((tenant) => users.flatMap((each) => collisionOf(tenant, each, free)));
}

function useOfRule(ipRule: IpRule): readonly MarkUse[] {
  const { family, priority, fwmark, from } = ipRule;
  if (fwmark === undefined) return [];
  const { mask, value } = fwmark;
  const source = from === undefined ? undefined : parsePrefix(from);
  const rule = {
    text: ruleText(ipRule),
    removal: ruleRemoval(ipRule),
    sources: source === undefined ? [] : [source],
    writes: false,
  };
  const by = { kind: "ip-rule", family, priority } as const;
  return [{ by, mask, value, whole: mask === FULL_MASK, rule }];
}

/** The uses of each user: the rules of a family, a table of a firewall, a known project. */
function byUser(uses: readonly MarkUse[]): readonly (readonly MarkUse[])[] {
  const groups = new Map<string, MarkUse[]>();
  for (const use of uses) {
    const key = userKey(use.by);
    groups.set(key, [...(groups.get(key) ?? []), use]);
  }
  return [...groups.values()];
}

function userKey(by: MarkUser): string {
  switch (by.kind) {
    case "ip-rule":
      return `${by.kind} ${by.family}`;
    case "iptables":
      return `${by.kind} ${by.program} ${by.table}`;
    case "nft":
      return `${by.kind} ${by.table}`;
    case "known":
      return `${by.kind} ${by.name}`;
  }
}

function collisionOf(
  { name, mark }: Tenant,
  uses: readonly MarkUse[],
  free: FreeMarks,
): readonly Collision[] {
  const meeting = uses.filter((use) => (use.mask & mark.mask) !== 0);
  const same = meeting.filter((use) => isTakenFor(use, mark));
  const [use] = same.length > 0 ? same : meeting;
  if (use === undefined) return [];
  const kind = same.length > 0 ? "mark" : "mask";
  return [{ kind, tenant: name, mark, use, meeting, free }];
}

// Unmarked packets have 0 in the common bits, so 0 identifies nobody.
function isTakenFor({ mask, value }: MarkUse, mark: Mark): boolean {
  const common = mask & mark.mask;
  return (
    value !== undefined && (value & common) !== 0 && (value & common) === (mark.value & common)
  );
}
