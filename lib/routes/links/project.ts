/** Pure: the node as it will be once its links are as planned. */
import { formatPrefix, parsePrefix } from "../../net/address";
import { familyOf } from "../../net/family";
import type { LinkSpec } from "../../net/link";
import { type IpRoute, type Link, type NodeState, PROTOCOL_KERNEL, TABLE_MAIN } from "../model";
import { linkNamed } from "../plan/gateways";
import { mtuOf } from "./compare";
import type { LinksPlan, OwnLink } from "./plan";

/** The metric of the kernel's own IPv6 routes to networks of addresses (IP6_RT_PRIO_ADDRCONF). */
const CONNECTED_METRIC = { 4: 0, 6: 256 } as const;

/**
 * The state from which routes are planned, so that links and their routes are one plan: links with
 * their addresses, the kernel's routes to these, and settings of devices that are not there yet.
 */
export function withLinks(state: NodeState, { own, gone }: LinksPlan): NodeState {
  const lost = new Set(gone);
  const made = new Set(
    own.flatMap(({ spec, present }) => (present === undefined ? [spec.name] : [])),
  );
  const left = state.links.filter(({ name }) => !lost.has(name));
  const links = own.reduce(withLink, left);
  const routes = state.routes.filter(
    ({ nexthops }) => !nexthops.some(({ dev }) => dev !== undefined && lost.has(dev)),
  );
  return {
    ...state,
    links,
    routes: [...routes, ...own.flatMap((link) => missingConnected(link, routes, state))],
    sysctl: (path) => state.sysctl(path) ?? defaultOf(path, made, state),
  };
}

function withLink(links: readonly Link[], own: OwnLink): readonly Link[] {
  const { spec, present, canBeUp } = own;
  const parent = spec.parent === undefined ? undefined : linkNamed(spec.parent, links);
  const known = present ?? { name: spec.name, altNames: [], up: false, addresses: [] };
  const link: Link = {
    ...known,
    mtu: mtuOf(spec, present, parent),
    up: canBeUp || known.up,
    addresses: [...known.addresses, ...newAddresses(spec, known.addresses)],
  };
  return [...links.filter(({ name }) => name !== spec.name), link];
}

function newAddresses({ addresses }: LinkSpec, known: Link["addresses"]): Link["addresses"] {
  return addresses
    .map((text) => text.split("/")[0] ?? "")
    .filter((address) => !known.some((each) => each.address === address))
    .map((address) => ({ family: familyOf(address), address }));
}

function missingConnected(
  { spec, canBeUp }: OwnLink,
  routes: readonly IpRoute[],
  { families }: NodeState,
): readonly IpRoute[] {
  if (!canBeUp) return [];
  return spec.addresses.flatMap((text): readonly IpRoute[] => {
    const network = parsePrefix(text);
    if (network === undefined || !families.includes(network.family)) return [];
    const [family, dst] = [network.family, formatPrefix(network)];
    // The kernel has no such route to a single host.
    if (network.length === (family === 4 ? 32 : 128)) return [];
    const isThere = routes.some(
      (route) =>
        route.family === family &&
        route.table === TABLE_MAIN &&
        route.dst === dst &&
        route.nexthops[0]?.dev === spec.name,
    );
    if (isThere) return [];
    return [
      {
        ...{ family, table: TABLE_MAIN, dst, type: "unicast", protocol: PROTOCOL_KERNEL },
        metric: CONNECTED_METRIC[family],
        nexthops: [{ dev: spec.name, weight: 1 }],
      },
    ];
  });
}

/** A device starts with the settings of `default`. */
function defaultOf(
  path: string,
  made: ReadonlySet<string>,
  { sysctl }: NodeState,
): string | undefined {
  const [, head = "", name = "", tail = ""] =
    /^(net\/ipv[46]\/conf\/)([^/]+)(\/.*)$/.exec(path) ?? [];
  return made.has(name) ? sysctl(`${head}default${tail}`) : undefined;
}
