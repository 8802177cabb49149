import type { JsonObject } from "../../lib/cni/json";
import { parsePrefix } from "../../lib/net/address";
import { formatMark, satisfiesMark } from "../../lib/net/mark";
import type { Draft } from "../draft";
import { mergePatch } from "../merge-patch";
import { type Problem, type Rule, showValue } from "../problem";
import { PLUGIN_TYPE_PATTERN } from "../schema/parts";
import { catalogue } from "../build";
import { ownPools } from "../pools";
import { hintAt } from "./wrong";

/** The released binary's name: the same file may be installed under another one too. */
const OUR_TYPE = "tenant-routing-wrapper";
const PLUGIN_TYPE = new RegExp(PLUGIN_TYPE_PATTERN, "u");

/** A name is in `tenants` or in `marks`, not in both: one of the two would silently win. */
export const tenantNameRule: Rule = ({ draft }) =>
  Object.keys(draft.marks ?? {})
    .filter((name) => Object.hasOwn(draft.tenants ?? {}, name))
    .map((name) => ({
      path: ["marks", name],
      what: `is in "tenants" too`,
      hint: `write every name once, best in "tenants"`,
    }));

/** Every mark is non-zero and inside its mask. */
export const markRule: Rule = ({ draft }) =>
  catalogue(draft).flatMap(({ path: [section, name], mark }) => {
    if (typeof mark !== "string") return [];
    const path = section === "tenants" ? [section, name, "fwmark"] : [section, name];
    const value =
      section === "tenants" ? draft.tenants?.[name]?.fwmark : { ...draft.marks?.[name] };
    const example = section === "tenants" ? '"0x10/0xff"' : '{"mark": 16, "mask": 16}';
    const hint = `write a value other than 0 inside its mask, such as ${example}`;
    return [{ path, what: `is ${showValue(path, value)}: ${mark}`, hint }];
  });

/** No tenant's packets satisfy the routing rule of another. */
export const markConflictRule: Rule = ({ draft }) => {
  const problems: Problem[] = [];
  const entries = catalogue(draft).flatMap((e) =>
    typeof e.mark === "string" ? [] : [{ ...e, mark: e.mark }],
  );
  for (const [i, later] of entries.entries()) {
    const other = entries
      .slice(0, i)
      .find((e) => satisfiesMark(e.mark, later.mark) || satisfiesMark(later.mark, e.mark));
    if (other === undefined || other.name === later.name) continue;
    const marks = `${formatMark(later.mark)}, which cannot be told from ${formatMark(other.mark)}`;
    const what = `has mark ${marks} of tenant "${other.name}"`;
    problems.push({
      path: later.path,
      what,
      hint: "give every tenant a value of its own under one common mask",
    });
  }
  return problems;
};

/** A tenant's patch leaves a delegate that may run, under the same name. */
export const delegatePatchRule: Rule = ({ raw, draft }) =>
  Object.entries(draft.tenants ?? {}).flatMap(([name, tenant]) => {
    const path = ["tenants", name, "delegate"];
    if (tenant.delegate === undefined) return [];
    if (raw["delegate"] === undefined) {
      const hint = `configure "delegate" of the plugin, or remove it from the tenant`;
      return [{ path, what: "has nothing to change", hint }];
    }
    if (draft.delegate === undefined) return [];
    return patchProblems(path, tenant.delegate, draft);
  });

/** The networks of a tenant's `pool` are networks. */
export const poolRule: Rule = ({ draft }) =>
  Object.entries(draft.tenants ?? {}).flatMap(([name, { pool = [] }]) =>
    pool.flatMap((network, i): readonly Problem[] => {
      if (parsePrefix(network) !== undefined) return [];
      const path = ["tenants", name, "pool", String(i)];
      const what = `is ${showValue(path, network)}, which is no network`;
      return [{ path, what, hint: hintAt(path) }];
    }),
  );

/** A rule for a tenant's own pools needs such a pool, and a table to look up. */
export const poolRuleRule: Rule = ({ draft }) => {
  const entries = Object.entries(draft.tenants ?? {}).map(([name, tenant]) => ({
    name,
    ...tenant,
    delegate: tenant.delegate as JsonObject | undefined,
  }));
  const wanting = entries.filter(({ poolRule }) => poolRule === "on");
  // Every ADD comes by here.
  if (wanting.length === 0) return [];
  const pools = ownPools(draft.delegate as JsonObject | undefined, entries);
  return wanting.flatMap(({ name, table }): readonly Problem[] => {
    const path = ["tenants", name, "poolRule"];
    if (table === undefined)
      return [{ path, what: 'is "on" without a table', hint: 'write the tenant\'s "table"' }];
    if ((pools.get(name) ?? []).length > 0) return [];
    return [
      {
        path,
        what: 'is "on", and the tenant has no address pool of its own',
        hint: 'give it one that no other tenant has, such as {"delegate": {"ipam": {"subnet": "10.66.0.0/24"}}}, null for what it inherits',
      },
    ];
  });
};

/** True when a delegate of this type would be this plugin once more, which would run for ever. */
export function isOurselves(type: string, draft: Draft): boolean {
  return type === draft.type || type === OUR_TYPE;
}

function patchProblems(
  path: readonly string[],
  patch: JsonObject,
  draft: Draft,
): readonly Problem[] {
  const problems: Problem[] = [];
  const type = (mergePatch(draft.delegate ?? {}, patch) as JsonObject)["type"];
  if (typeof type !== "string" || !PLUGIN_TYPE.test(type) || isOurselves(type, draft)) {
    const what = `leaves the delegate with type ${showValue([], type)}`;
    problems.push({
      path: [...path, "type"],
      what,
      hint: `use the file name of another plugin, such as "ptp"`,
    });
  }
  if (patch["name"] !== undefined && patch["name"] !== null) {
    const what = "would change the name of the network";
    problems.push({
      path: [...path, "name"],
      what,
      hint: "remove it, every tenant shares the network's name",
    });
  }
  return problems;
}
