/** Pure: the ways out of a tenant: its own gateways, and those of the networks in its `routes`. */
import type { Gateway, Tenant } from "../../../conf/types";
import { contains, formatPrefix, parsePrefix } from "../../net/address";
import type { Family } from "../../net/family";
import type { ResolvedGateway } from "../model";

/** A network as the kernel prints it. */
interface Network {
  readonly family: Family;
  readonly dst: string;
}

/** Gateways, and what packets take them. */
export interface Way extends Pick<Tenant, "onGatewayLoss" | "mtu"> {
  /** Networks with gateways of their own; undefined: all others, so it is the tenant's own way. */
  readonly networks: readonly Network[] | undefined;
  /** The networks in words, by which the tenant's ways are told apart: `198.51.100.0/24, 2001:db8:5::/48`. */
  readonly to: string | undefined;
  readonly gateways: readonly Gateway[];
}

/** What tells the ways of all tenants apart. */
export interface WayName {
  readonly tenant: string;
  readonly to?: string | undefined;
}

/** The tenant's own way, and behind it the others in the order of the configuration. */
export function waysOf(tenant: Tenant): readonly Way[] {
  const { gateways, routes, onGatewayLoss, mtu } = tenant;
  return [
    { networks: undefined, to: undefined, gateways, onGatewayLoss, mtu },
    ...routes.map((route): Way => {
      const networks = route.to.flatMap(networkOf);
      return {
        networks,
        to: networks.map(({ dst }) => dst).join(", "),
        gateways: route.gateways,
        onGatewayLoss: route.onGatewayLoss,
        mtu: route.mtu ?? mtu,
      };
    }),
  ];
}

function networkOf(text: string): readonly Network[] {
  const network = parsePrefix(text);
  return network === undefined ? [] : [{ family: network.family, dst: formatPrefix(network) }];
}

/** The networks of a way in one family; the tenant's own way has `default`. */
export function destinationsOf({ networks }: Way, family: Family): readonly string[] {
  if (networks === undefined) return ["default"];
  return networks.filter((network) => network.family === family).map(({ dst }) => dst);
}

/** The length of the longest of the way's networks that the address is in; 0: none, or the tenant's own way. */
export function longestMatch({ networks = [] }: Way, address: string): number {
  const host = parsePrefix(address);
  const lengths = networks.flatMap(({ dst }) => {
    const network = parsePrefix(dst);
    return network !== undefined && host !== undefined && contains(network, host)
      ? [network.length]
      : [];
  });
  return Math.max(0, ...lengths);
}

/** Those of the gateways that are of this way of this tenant. */
export function gatewaysOfWay(
  gateways: readonly ResolvedGateway[],
  { tenant, to }: WayName,
): readonly ResolvedGateway[] {
  return gateways.filter((gateway) => gateway.tenant === tenant && gateway.to === to);
}

/** The tenant, and the networks of the way where it is not the tenant's own: `a`, `a to 198.51.100.0/24`. */
export function whoseText({ tenant, to }: WayName): string {
  return to === undefined ? tenant : `${tenant} to ${to}`;
}
