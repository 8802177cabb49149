/** Pure: whether a tenant's pods send larger packets than its routes carry. */
import type { PluginConf, Tenant } from "../../../conf/types";
import { mergePatch } from "../../../conf/merge-patch";
import { isObject, type JsonObject } from "../../cni/json";
import type { NodeState, RoutesPlan } from "../model";
import { waysOf } from "../plan/ways";
import type { Finding } from "./kinds";

/** The kernel's default for a veth, and so that of ptp and bridge. */
const DEFAULT_MTU = 1500;

/** The bytes that a device carries; without one, those that the tenant's own `mtu` allows. */
interface Limit {
  readonly mtu: number;
  readonly dev: string | undefined;
}

/**
 * One finding for each tenant whose pods have a larger MTU than one of its gateways' devices, or
 * its own `mtu`.
 */
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
    return [
      {
        kind: "mtu",
        tenant: tenant.name,
        pods,
        least: least.mtu,
        dev: least.dev,
        patched: tenant.delegate?.["mtu"] !== undefined,
      },
    ];
  });
}

function limitsOf(
  tenant: Tenant,
  { gateways }: RoutesPlan,
  { links }: NodeState,
): readonly Limit[] {
  const mine = gateways.filter((gateway) => gateway.tenant === tenant.name);
  const devices = new Set(mine.map(({ dev }) => dev));
  return [
    ...links
      .filter((link) => devices.has(link.name))
      .map((link) => ({ mtu: link.mtu, dev: link.name })),
    ...waysOf(tenant).flatMap(({ mtu }) => (mtu === undefined ? [] : [{ mtu, dev: undefined }])),
  ];
}

/** The pods' MTU in bytes; undefined: the delegate's configuration does not say. */
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
  // macvlan takes that of its parent.
  return type === "macvlan"
    ? (links.find(({ name }) => name === master)?.mtu ?? DEFAULT_MTU)
    : undefined;
}
