/** Pure: the gateways of a watcher in figures. */
import { everyGateway } from "../../../conf/gateways";
import type { PluginConf } from "../../../conf/types";
import { canonicalAddress } from "../../net/address";
import { hopText } from "../../net/hop";
import type { ResolvedGateway } from "../model";
import { routedTenants } from "../plan/desired";
import { gatewaysOfWay } from "../plan/ways";
import { fallsBack, gatewayChanges } from "./report";

/** A gateway for people, and whether packets take it. */
export interface GatewayFigure {
  readonly tenant: string;
  /** As it is configured: `10.0.0.1 dev eth1`. */
  readonly gateway: string;
  readonly isUp: boolean;
  readonly via: string | undefined;
  /** Its device now; undefined: not known while it is lost. */
  readonly dev: string | undefined;
}

/** Each gateway once, in how many ways it may be; one that serves both families is up where it serves both. */
export function gatewayFigures(
  conf: PluginConf,
  gateways: readonly ResolvedGateway[],
): readonly GatewayFigure[] {
  const figures = new Map<string, GatewayFigure>();
  for (const each of gateways) {
    const [tenant, gateway] = [each.tenant, hopText(asConfigured(conf, each))];
    const key = JSON.stringify([tenant, gateway]);
    const isUp = each.unusable === undefined && figures.get(key)?.isUp !== false;
    figures.set(key, { tenant, gateway, isUp, via: each.via, dev: each.dev });
  }
  return [...figures.values()];
}

// The device of a gateway that has none in the configuration is not known while it is lost.
function asConfigured({ tenants = [] }: PluginConf, gateway: ResolvedGateway): ResolvedGateway {
  const written = tenants.filter(({ name }) => name === gateway.tenant).flatMap(everyGateway);
  const isByAddress = written.some(
    ({ via, dev }) =>
      via !== undefined && dev === undefined && canonicalAddress(via) === gateway.via,
  );
  return isByAddress ? { ...gateway, dev: undefined } : gateway;
}

/** Counts, for each tenant, how often a gateway was lost while another one of its family took over. */
export class FailoverCounter {
  private readonly counts = new Map<string, number>();
  private before: readonly ResolvedGateway[] | undefined;

  /** Takes in what the watcher has found now. */
  see(conf: PluginConf, gateways: readonly ResolvedGateway[]): void {
    for (const { name } of routedTenants(conf)) this.counts.set(name, this.counts.get(name) ?? 0);
    for (const tenant of this.before === undefined ? [] : moved(conf, this.before, gateways))
      this.counts.set(tenant, (this.counts.get(tenant) ?? 0) + 1);
    this.before = gateways;
  }

  byTenant(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.counts);
  }
}

function moved(
  conf: PluginConf,
  before: readonly ResolvedGateway[],
  now: readonly ResolvedGateway[],
): readonly string[] {
  const lost = gatewayChanges(conf, before, now, () => "").filter(
    ({ gateway }) => gateway.unusable !== undefined,
  );
  const tenants = lost
    .filter(({ gateway }) => isTakenOver(conf, gateway, now))
    .map(({ gateway }) => gateway.tenant);
  return [...new Set(tenants)];
}

/** By another one of its way, or by the tenant's own gateways. */
function isTakenOver(
  conf: PluginConf,
  { tenant, to, family }: ResolvedGateway,
  now: readonly ResolvedGateway[],
): boolean {
  const others = [
    ...gatewaysOfWay(now, { tenant, to }),
    ...(to !== undefined && fallsBack(conf, { tenant, to }) ? gatewaysOfWay(now, { tenant }) : []),
  ];
  return others.some((other) => other.family === family && other.unusable === undefined);
}
