/** Pure: the configured gateways as this node sees them. */
import type { Gateway, Tenant } from "../../../conf/types";
import { canonicalAddress, contains, parsePrefix } from "../../net/address";
import { FAMILIES, type Family, familyOf } from "../../net/family";
import {
  TABLE_MAIN,
  type IpRoute,
  type Link,
  type NodeState,
  type ResolvedGateway,
} from "../model";
import { type Way, waysOf } from "./ways";

/** Whether a gateway answers. It is called only for gateways that could be used. */
export type Health = (gateway: ResolvedGateway) => boolean;

/** Identifies a gateway from one look at the node to the next. In several ways of its tenant it is one. */
export function gatewayKey({ tenant, family, via, dev }: ResolvedGateway): string {
  return `${tenant} ${family} ${via ?? "-"} ${dev ?? "-"}`;
}

/** Each gateway once, in how many ways of its tenant it may be. */
export function eachOnce(gateways: readonly ResolvedGateway[]): readonly ResolvedGateway[] {
  return [...new Map(gateways.map((each) => [gatewayKey(each), each])).values()];
}

/**
 * The gateways of all ways of the tenant, each for its family. One without an address counts for every family
 * that its device has, or that the networks of its way have.
 */
export function gatewaysOf(
  tenant: Tenant,
  state: NodeState,
  health?: Health,
): readonly ResolvedGateway[] {
  return waysOf(tenant).flatMap((way) =>
    way.gateways.flatMap((gateway) =>
      familiesOf(gateway, way, state)
        .filter((family) => state.families.includes(family))
        .map((family) => {
          const found = resolve(tenant, gateway, family, state);
          return withHealth(way.to === undefined ? found : { ...found, to: way.to }, health);
        }),
    ),
  );
}

/**
 * The kernel's name of a device, from any of its names; `dev` itself when there is no such device.
 */
export function deviceName(dev: string, links: readonly Link[]): string {
  return linkNamed(dev, links)?.name ?? dev;
}

/** The link of that name, which may be any of its names. */
export function linkNamed(dev: string, links: readonly Link[]): Link | undefined {
  return links.find(({ name, altNames }) => name === dev || altNames.includes(dev));
}

function familiesOf(
  { via, dev, check }: Gateway,
  { networks }: Way,
  { links }: NodeState,
): readonly Family[] {
  if (via !== undefined) return [familyOf(via)];
  if (check !== undefined) return [familyOf(check)];
  if (networks !== undefined)
    return FAMILIES.filter((family) => networks.some((network) => network.family === family));
  const families = new Set(
    (dev === undefined ? undefined : linkNamed(dev, links))?.addresses.map(({ family }) => family),
  );
  // A tunnel without addresses counts as an IPv4 gateway.
  return families.size === 0 ? [4] : [...families].sort();
}

function withHealth(gateway: ResolvedGateway, health: Health | undefined): ResolvedGateway {
  if (gateway.unusable !== undefined || health === undefined || health(gateway)) return gateway;
  return { ...gateway, unusable: "failed" };
}

function resolve(
  tenant: Tenant,
  gateway: Gateway,
  family: Family,
  state: NodeState,
): ResolvedGateway {
  const via = gateway.via === undefined ? undefined : canonicalAddress(gateway.via);
  const dev =
    gateway.dev === undefined
      ? via === undefined
        ? undefined
        : deviceTowards(via, family, state)
      : deviceName(gateway.dev, state.links);
  const found = {
    tenant: tenant.name,
    family,
    via,
    dev,
    weight: gateway.weight ?? 1,
    check: gateway.check,
  };
  return { ...found, unusable: problemOf(found, state) };
}

function problemOf(
  { via, dev, family }: { via: string | undefined; dev: string | undefined; family: Family },
  state: NodeState,
): ResolvedGateway["unusable"] {
  if (dev === undefined) return "off-link";
  const link = state.links.find(({ name }) => name === dev);
  if (link === undefined) return "device-missing";
  if (!link.up) return "device-down";
  if (isOwn(via, state)) return "own-address";
  return via === undefined || isOnLink(via, link, family, state) ? undefined : "off-link";
}

// The kernel refuses its own address as a next hop. With one conflist for all nodes, one of them
// may be the gateway.
function isOwn(via: string | undefined, { links }: NodeState): boolean {
  return links.some(({ addresses }) => addresses.some(({ address }) => address === via));
}

function isOnLink(via: string, link: Link, family: Family, state: NodeState): boolean {
  return (
    via.startsWith("fe80:") ||
    connectedRoutes(via, family, state).some((route) => route.nexthops[0]?.dev === link.name)
  );
}

/** The device of the most specific connected route of the main table to the address. */
function deviceTowards(via: string, family: Family, state: NodeState): string | undefined {
  return connectedRoutes(via, family, state)[0]?.nexthops[0]?.dev;
}

function connectedRoutes(via: string, family: Family, { routes }: NodeState): readonly IpRoute[] {
  const address = parsePrefix(via);
  if (address === undefined) return [];
  const length = (route: IpRoute): number => parsePrefix(route.dst)?.length ?? -1;
  return routes
    .filter(
      (route) => route.family === family && route.table === TABLE_MAIN && route.type === "unicast",
    )
    .filter(({ nexthops }) => nexthops.length === 1 && nexthops[0]?.via === undefined)
    .filter(({ dst }) => {
      const network = parsePrefix(dst);
      return network !== undefined && network.length > 0 && contains(network, address);
    })
    .sort((a, b) => length(b) - length(a));
}
