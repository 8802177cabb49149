/** Pure: the watcher's status, as its file has it. */
import type { PluginConf } from "../../../conf/types";
import { routedTenants, type RoutedTenant } from "../plan/desired";
import { canBeProbed } from "./health-book";
import type { GatewayHealth } from "./health";
import type { ResolvedGateway } from "../model";

/** `down`: does not answer; `hold-down`: answers again, and is not used yet; the others as in ResolvedGateway. */
export type GatewayState =
  "up" | "down" | "hold-down" | "device-missing" | "device-down" | "own-address" | "off-link";

/** A gateway with what is known about it. */
export interface SeenGateway {
  readonly gateway: ResolvedGateway;
  readonly state: GatewayState;
  /** Since when it is in this state. */
  readonly since: Date;
  readonly lastError: string | undefined;
}

export interface WatchStatus {
  readonly pid: number;
  /** Path of the configuration. */
  readonly path: string;
  readonly conf: PluginConf;
  readonly gateways: readonly SeenGateway[];
  /** Of which tenants others are in the way; a tenant that is undefined: of all. */
  readonly disturbed: readonly { readonly tenant: string | undefined }[];
  readonly repairs: number;
  readonly lastRepair: { readonly time: Date; readonly commands: readonly string[] } | undefined;
  /** Why the node could not be looked at or changed the last time. */
  readonly error: string | undefined;
}

/** The state of a gateway by its device and its health. */
export function gatewayState(gateway: ResolvedGateway, health: GatewayHealth): GatewayState {
  const { unusable } = gateway;
  if (!canBeProbed(gateway) && unusable !== undefined && unusable !== "failed") return unusable;
  if (health.up) return "up";
  return health.answeringSince === undefined ? "down" : "hold-down";
}

/** The object of the status file apart from its time. What there is not is null. */
export function statusObject({
  pid,
  path,
  conf,
  gateways,
  disturbed,
  repairs,
  lastRepair,
  error,
}: WatchStatus): Readonly<Record<string, unknown>> {
  const tenants = routedTenants(conf).map((tenant) => {
    const own = gateways.filter(({ gateway }) => gateway.tenant === tenant.name);
    const inTheWay = disturbed.some(
      (each) => each.tenant === undefined || each.tenant === tenant.name,
    );
    return {
      name: tenant.name,
      state: inTheWay ? "disturbed" : tenantState(tenant, own),
      gateways: own.map(gatewayObject),
    };
  });
  const last =
    lastRepair === undefined
      ? null
      : { time: lastRepair.time.toISOString(), commands: lastRepair.commands };
  return { pid, conf: path, tenants, repairs, lastRepair: last, error: error ?? null };
}

function gatewayObject({
  gateway,
  state,
  since,
  lastError,
}: SeenGateway): Readonly<Record<string, unknown>> {
  const { family, via, dev } = gateway;
  return {
    family,
    via: via ?? null,
    dev: dev ?? null,
    state,
    since: since.toISOString(),
    lastError: lastError ?? null,
  };
}

function tenantState(
  { onGatewayLoss }: RoutedTenant,
  gateways: readonly SeenGateway[],
): "ok" | "degraded" | "stopped" | "fallback" {
  if (gateways.length === 0) return "stopped";
  // A family that has lost all its gateways is lost, however well the other one does.
  const families = [...new Set(gateways.map(({ gateway }) => gateway.family))];
  if (
    families.some(
      (family) =>
        !gateways.some(({ gateway, state }) => gateway.family === family && state === "up"),
    )
  ) {
    return onGatewayLoss === "stop" ? "stopped" : "fallback";
  }
  return gateways.every(({ state }) => state === "up") ? "ok" : "degraded";
}
