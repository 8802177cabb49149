/** Pure: the watcher's status, as its file has it. */
import type { PluginConf } from "../../../conf/types";
import { routedTenants } from "../plan/desired";
import type { RoutedTenant } from "../plan/tenant-routes";
import { canBeProbed, type GatewayHealth, type HealthTracker } from "./health";
import type { ResolvedGateway } from "../model";
import { type Way, waysOf } from "../plan/ways";
import { toCniError } from "../../cni/error";
import type { Clock } from "../../ports";
import { gatewayKey } from "../plan/gateways";
import { problemText, type Conditions } from "./report";

/**
 * `down`: does not answer; `hold-down`: answers again, and is not used yet; the others as in
 * ResolvedGateway.
 */
export type GatewayState =
  "up" | "down" | "hold-down" | "device-missing" | "device-down" | "own-address" | "off-link";

/** A gateway and what is known about it. */
export interface GatewayStatus {
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
  readonly gateways: readonly GatewayStatus[];
  /**
   * Tenants whose packets something foreign disturbs; a tenant that is undefined stands for all.
   */
  readonly disturbed: readonly { readonly tenant: string | undefined }[];
  readonly repairs: number;
  readonly lastRepair: { readonly time: Date; readonly commands: readonly string[] } | undefined;
  /** Why the last look at the node, or change of it, failed. */
  readonly error: string | undefined;
}

/**
 * The state of a gateway as the last look left it in the routes: a probe since then counts once they follow it, so that
 * nobody reads of a failover before its packets take the other way.
 */
export function gatewayState(
  { unusable }: ResolvedGateway,
  { answeringSince }: GatewayHealth,
): GatewayState {
  if (unusable !== "failed") return unusable ?? "up";
  return answeringSince === undefined ? "down" : "hold-down";
}

/** The object in the status file, without its time. What is absent is null. */
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
  const tenants = routedTenants(conf).map((tenant) =>
    tenantObject(
      tenant,
      gateways.filter(({ gateway }) => gateway.tenant === tenant.name),
      disturbed.some((each) => each.tenant === undefined || each.tenant === tenant.name),
    ),
  );
  const last =
    lastRepair === undefined
      ? null
      : { time: lastRepair.time.toISOString(), commands: lastRepair.commands };
  return { pid, conf: path, tenants, repairs, lastRepair: last, error: error ?? null };
}

/** What is wrong with the way to a network is the tenant's as far as it is not all well. */
function tenantObject(
  tenant: RoutedTenant,
  gateways: readonly GatewayStatus[],
  isDisturbed: boolean,
): Readonly<Record<string, unknown>> {
  const ways = waysOf(tenant).map((way) => {
    const own = gateways.filter(({ gateway }) => gateway.to === way.to);
    return { way, own, state: wayState(way, own) };
  });
  const [first, ...others] = ways;
  // A tenant may have networks alone.
  const own = tenant.gateways.length === 0 && others.length > 0 ? "ok" : first?.state;
  const whole = own === "ok" && others.some(({ state }) => state !== "ok") ? "degraded" : own;
  return {
    name: tenant.name,
    state: isDisturbed ? "disturbed" : whole,
    gateways: first?.own.map(gatewayObject),
    routes: others.map(({ way, own, state }) => ({
      to: way.networks?.map(({ dst }) => dst),
      state,
      gateways: own.map(gatewayObject),
    })),
  };
}

function gatewayObject({
  gateway,
  state,
  since,
  lastError,
}: GatewayStatus): Readonly<Record<string, unknown>> {
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

function wayState(
  { onGatewayLoss }: Way,
  gateways: readonly GatewayStatus[],
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

/** The status is written this often even when nothing changes (ms). */
export const HEARTBEAT_MS = 30_000;

export interface StatusPorts {
  readonly clock: Clock;
  /** Throws CniError `io`. */
  readonly writeStatus: (path: string, text: string) => void;
}

/** Knows since when each gateway is in its state, and when the file was written last. */
export interface StatusWriter {
  /** The gateways with their states; a new state begins now. */
  describe(gateways: readonly ResolvedGateway[], health: HealthTracker): readonly GatewayStatus[];
  /**
   * Writes the file when something changed, when it is due, or when `anyway` is true. Returns the
   * text.
   */
  save(status: WatchStatus, anyway?: boolean): string;
}

/** The writer of the status file; nothing is written before the first `save`. */
export function createStatusWriter(
  { clock, writeStatus }: StatusPorts,
  conditions: Conditions,
): StatusWriter {
  const states = new Map<string, Pick<GatewayStatus, "state" | "since">>();
  let written = { path: "", text: "", at: -Infinity };
  const write = (path: string, text: string): void => {
    try {
      writeStatus(path, text);
      conditions.clear("status");
    } catch (thrown) {
      conditions.report("status", toCniError(thrown).message);
    }
  };
  return {
    describe: (gateways, tracker) =>
      gateways.map((gateway) => {
        const health = tracker.of(gateway);
        const state = gatewayState(gateway, health);
        const before = states.get(gatewayKey(gateway));
        const now = before?.state === state ? before : { state, since: clock.now() };
        states.set(gatewayKey(gateway), now);
        const lastError = canBeProbed(gateway) ? health.lastError : problemText(gateway, () => "");
        return { gateway, ...now, lastError };
      }),
    save: (status, anyway = false) => {
      const object = statusObject(status);
      const text = JSON.stringify(object);
      const timed = `${JSON.stringify({ time: clock.now().toISOString(), ...object }, null, 2)}\n`;
      const path = status.conf.routes.watch.statusFile;
      const due =
        text !== written.text ||
        path !== written.path ||
        clock.elapsed() - written.at >= HEARTBEAT_MS;
      if (path === undefined || !(due || anyway)) return timed;
      written = { path, text, at: clock.elapsed() };
      write(path, timed);
      return timed;
    },
  };
}
