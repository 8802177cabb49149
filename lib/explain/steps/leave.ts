/** Pure: what happens to the packet on its way out of the node. */
import type { Finding } from "../../checks/finding";
import type { Tenant } from "../../../conf/types";
import { carries, formatMark } from "../../net/mark";
import { dropOf, hookPacket, savedOf, type Program } from "../marked";
import type { PathFacts, RuleSight, Step } from "../model";
import { nativeRules, type NativeRule } from "../firewall/native";
import { isStopped } from "../../routes/plan/way-guard";
import { fromRoutes } from "../route-findings";
import { fine, group, judged, pathFinding, unseen } from "../step";
import { walk, type Walk } from "../firewall/walk";
import { whereText } from "./mark";

interface Out {
  readonly dev: string;
  readonly programs: readonly { readonly program: Program; readonly went: Walk }[];
}

/** Filters, translation and MTU; nothing where the packet has no way, or does not leave the node. */
export function leaveSteps(facts: PathFacts): readonly Step[] {
  const { way, packet } = facts;
  if ("refused" in way || way.local) return [];
  const steps = [
    ...(packet.from === undefined ? [] : [filterStep(facts, way.dev), ...guardSteps(facts)]),
    translationStep(facts, way.dev),
    ...mtuSteps(facts, way.dev),
  ];
  return [group("leaving", `by ${way.dev}`, steps)];
}

function through(facts: PathFacts, dev: string, table: string, chain: string): Out["programs"] {
  const { firewall, packet, marked, routes } = facts;
  const own = routes.state.links.flatMap(({ addresses }) =>
    addresses.map(({ address }) => address),
  );
  return savedOf(firewall, packet.family).map((program) => ({
    program,
    went: walk(program.chains.get(table), chain, hookPacket(packet, own, marked.value, dev)),
  }));
}

/** Chains of iptables that forwarded packets pass. */
const CHAINS = [
  { table: "mangle", chain: "FORWARD" },
  { table: "filter", chain: "FORWARD" },
  { table: "mangle", chain: "POSTROUTING" },
];

/** The chains that forwarded packets pass. */
function filterStep(facts: PathFacts, dev: string): Step {
  const { pod } = facts;
  const went = CHAINS.flatMap((at) =>
    through(facts, dev, at.table, at.chain).map((each) => ({ ...each, at })),
  );
  const drop = went.flatMap((each) => droppedBy(each)).at(0);
  const native = ["forward", "postrouting"]
    .flatMap((hook) => nativeAt(facts, dev, hook))
    .filter(({ effect }) => effect === "drop");
  const certain = drop ?? native.find(({ matched }) => matched === "yes");
  if (certain !== undefined)
    return judged(
      "filter",
      `dropped by ${whereText(certain)}`,
      pathFinding("path-dropped", { ...certain, pod: pod.pod }, pod.pod),
    );
  const maybe = [
    ...went.flatMap(({ went: { seen } }) =>
      seen.filter((each) => !each.certain && each.effect === "drop").map(({ rule }) => rule),
    ),
    ...native,
  ];
  return maybe.length === 0
    ? fine("filter", "no rule drops it")
    : unseen("filter", `may be dropped, it is not known: ${maybe.map(whereText).join("; ")}`);
}

function nativeAt(facts: PathFacts, oif: string, hook: string): readonly NativeRule[] {
  const { firewall, packet, marked } = facts;
  return nativeRules(firewall.nft, { ...packet, oif, mark: marked.value }, hook);
}

function droppedBy({
  program: { program },
  went,
  at: { table, chain },
}: Out["programs"][number] & { readonly at: (typeof CHAINS)[number] }): readonly RuleSight[] {
  if (went.verdict !== "drop") return [];
  const rule = dropOf(went);
  if (rule !== undefined) return [rule];
  return [
    {
      where: `${program} ${table} ${chain}`,
      text: "policy DROP",
      removal: `${program} -w -t ${table} -P ${chain} ACCEPT`,
      counted: undefined,
    },
  ];
}

function guardSteps(facts: PathFacts): readonly Step[] {
  const { marks, marked } = facts;
  if (isStoppedAtWay(facts))
    return [
      {
        name: "guard",
        what: "drops it: a tenant's packet does not take the node's default route",
        state: "failed",
      },
    ];
  const guard = marks?.guard;
  if (guard === undefined) return [];
  if (guard.mark === undefined)
    return [unseen("guard", "its entry does something else than what was installed")];
  const what = `packets need ${formatMark(guard.mark)}; ${guard.dropped} dropped so far`;
  return carries(marked.value, guard.mark)
    ? [fine("guard", what)]
    : [{ name: "guard", what: `drops it: ${what}`, state: "failed" }];
}

function isStoppedAtWay({ routes, way, packet, marked }: PathFacts): boolean {
  if ("refused" in way || !routes.hasNat) return false;
  const { family, to: destination } = packet;
  return isStopped(routes.plan.ways, { ...way, family, destination, mark: marked.value });
}

/** Ours comes first (decision 0035); a connection is translated once. */
function translationStep(facts: PathFacts, dev: string): Step {
  const { routes, pod, conf, option } = facts;
  const tenant = conf.tenants?.find(({ name }) => name === pod.tenant);
  if (routes.plan.translation.length > 0 && !routes.hasNat)
    return judged(
      "translation",
      "our table is missing",
      pathFinding("path-translation-missing", { tenant: tenant?.name ?? "pods", option }, pod.pod),
    );
  return fine("translation", ownTranslation(facts, tenant) ?? foreignTranslation(facts, dev));
}

function ownTranslation(
  { conf, marked, pod }: PathFacts,
  tenant: Tenant | undefined,
): string | undefined {
  if (tenant?.snat !== undefined) return snatText(tenant.snat, tenant.name);
  if (marked.untracked !== undefined) return "none: it is not tracked";
  return conf.routes.masquerade && pod.mark === undefined
    ? "masquerade, by our rule for pods without a tenant"
    : undefined;
}

function snatText(snat: NonNullable<Tenant["snat"]>, tenant: string): string {
  if (snat === "none") return `none: "snat" of ${tenant} keeps the pod's address`;
  const to = snat === "masquerade" ? "the address of the device" : snat.join(" or ");
  return `to ${to}, by "snat" of ${tenant}`;
}

function foreignTranslation(facts: PathFacts, dev: string): string {
  const seen = through(facts, dev, "nat", "POSTROUTING").flatMap(({ went }) => went.seen);
  const native = nativeAt(facts, dev, "postrouting").filter(({ effect }) => effect === "translate");
  const rules = seen.filter(({ effect }) => effect === "translate");
  const certain =
    rules.find((each) => each.certain)?.rule ?? native.find(({ matched }) => matched === "yes");
  if (certain !== undefined) return `by ${whereText(certain)}`;
  const maybe = [...rules.map(({ rule }) => rule), ...native];
  return maybe.length === 0
    ? "none: it leaves with the pod's address"
    : `not known: ${maybe.map(whereText).join("; ")}`;
}

function mtuSteps(facts: PathFacts, dev: string): readonly Step[] {
  const { pod, routes, conf } = facts;
  const device = routes.state.links.find(({ name }) => name === dev)?.mtu;
  if (pod.mtu === undefined || device === undefined) return [];
  const tenant = conf.tenants?.find(({ name }) => name === pod.tenant);
  const own = tenant?.mtu;
  const least = Math.min(device, own ?? device);
  const what = `${pod.mtu} in the pod, ${device} on ${dev}${own === undefined ? "" : `, ${own} by the tenant's route`}`;
  if (pod.mtu <= least || tenant === undefined) return [fine("MTU", what)];
  return [judged("MTU", what, tooLarge(facts, tenant, { pods: pod.mtu, least, dev, device }))];
}

function tooLarge(
  facts: PathFacts,
  tenant: Tenant,
  { pods, least, dev, device }: { pods: number; least: number; dev: string; device: number },
): Finding {
  return fromRoutes(
    {
      kind: "mtu",
      tenant: tenant.name,
      pods,
      least,
      dev: device === least ? dev : undefined,
      patched: tenant.delegate?.["mtu"] !== undefined,
    },
    facts,
  );
}
