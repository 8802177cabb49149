/** Pure: whether a tenant's pods send larger packets than its routes carry. */
import type { PluginConf, Tenant } from "../../../conf/types";
import { mergePatch } from "../../../conf/merge-patch";
import { isObject, type JsonObject } from "../../cni/json";
import type { Finding, NodeState, RoutesPlan } from "../model";

/** What the kernel gives a veth, and with it ptp and bridge, when the configuration says nothing. */
const DEFAULT_MTU = 1500;

/** A number of bytes and where it is from, for people. */
interface Limit {
  readonly mtu: number;
  readonly from: string;
}

/** One finding for each tenant whose pods' MTU is above the least of its gateways' interfaces and its own `mtu`. */
export function mtuFindings(
  { delegate, tenants }: PluginConf,
  plan: RoutesPlan,
  state: NodeState,
): readonly Finding[] {
  if (delegate === undefined) return [];
  return (tenants ?? []).flatMap((tenant): readonly Finding[] => {
    const pods = podMtu(delegate, tenant, state);
    const [least] = [...limitsOf(tenant, plan, state)].sort((a, b) => a.mtu - b.mtu);
    if (pods === undefined || least === undefined || pods <= least.mtu) return [];
    const key =
      tenant.delegate?.["mtu"] === undefined
        ? `/tenants/${tenant.name}/delegate/mtu, or /delegate/mtu for all pods,`
        : `/tenants/${tenant.name}/delegate/mtu`;
    const text = `pods of tenant ${tenant.name} have an MTU of ${pods}, but ${least.from} ${least.mtu}, so their larger packets are refused or lost: set ${key} to ${least.mtu}`;
    return [{ kind: "mtu", tenant: tenant.name, text }];
  });
}

function limitsOf(
  { name, mtu }: Tenant,
  { gateways }: RoutesPlan,
  { links }: NodeState,
): readonly Limit[] {
  const devices = new Set(gateways.filter(({ tenant }) => tenant === name).map(({ dev }) => dev));
  return [
    ...links
      .filter((link) => devices.has(link.name))
      .map((link) => ({ mtu: link.mtu, from: `${link.name}, which their packets leave by, has` })),
    ...(mtu === undefined ? [] : [{ mtu, from: "the tenant's route allows" }]),
  ];
}

/** Bytes; undefined for a delegate whose MTU is not in its configuration. */
function podMtu(
  delegate: JsonObject,
  { delegate: patch }: Tenant,
  state: NodeState,
): number | undefined {
  const merged = patch === undefined ? delegate : mergePatch(delegate, patch);
  if (!isObject(merged)) return undefined;
  const mtu = merged["mtu"];
  const defaultMtu = defaultOf(merged, state);
  return typeof mtu === "number" && mtu > 0 && defaultMtu !== undefined ? mtu : defaultMtu;
}

function defaultOf({ type, master }: JsonObject, { links }: NodeState): number | undefined {
  if (type === "ptp" || type === "bridge") return DEFAULT_MTU;
  // macvlan takes its parent's.
  return type === "macvlan"
    ? (links.find(({ name }) => name === master)?.mtu ?? DEFAULT_MTU)
    : undefined;
}
