/** What the schema cannot say about a tenant's gateways. */
import { contains, parseAddress, parsePrefix, sameNetwork } from "../../lib/net/address";
import type { DraftTenant } from "../draft";
import { pointerOf, type Problem, type Rule, showValue } from "../problem";
import type { Gateway } from "../types";
import { wrong } from "./wrong";

/** Every interface has this network, so an address in it does not say by which interface it is reached (RFC 4291, 2.5.6). */
const LINK_LOCAL = parsePrefix("fe80::/10");

/** Gateways that are written together: the tenant's own, or those of an entry of its `routes`. */
export interface GatewayList {
  readonly path: readonly string[];
  readonly gateways: readonly Gateway[];
}

interface PlacedGateway extends Gateway {
  readonly list: GatewayList;
  readonly path: readonly string[];
}

/** A gateway leads somewhere, is there once, and can be told from the others by its check. */
export const gatewayRule: Rule = ({ draft }) =>
  Object.entries(draft.tenants ?? {}).flatMap(([name, tenant]) => {
    const all = gatewayListsOf(name, tenant).flatMap((list) =>
      list.gateways.map((gateway, i): PlacedGateway => ({
        ...gateway,
        list,
        path: [...list.path, String(i)],
      })),
    );
    return all.flatMap((gateway, i) => {
      const earlier = all.slice(0, i);
      const beside = earlier.filter(({ list }) => list === gateway.list);
      return [
        ...hopProblems(gateway.path, gateway),
        ...twiceProblems(gateway.path, gateway, beside),
        ...checkProblems(gateway, earlier),
      ];
    });
  });

/** The tenant's own gateways first. */
export function gatewayListsOf(
  name: string,
  { gateways = [], routes = [] }: Pick<DraftTenant, "gateways" | "routes">,
): readonly GatewayList[] {
  const path = ["tenants", name];
  return [
    { path: [...path, "gateways"], gateways },
    ...routes.map((route, i) => ({
      path: [...path, "routes", String(i), "gateways"],
      gateways: route.gateways,
    })),
  ];
}

function hopProblems(path: readonly string[], { via, dev }: Gateway): readonly Problem[] {
  if (via === undefined) {
    return dev === undefined
      ? [
          {
            path,
            what: `has neither "via" nor "dev"`,
            hint: 'write it as {"via": "10.10.10.131", "dev": "eth1"}',
          },
        ]
      : [];
  }
  const network = parsePrefix(via);
  if (parseAddress(via) === undefined || network === undefined)
    return [wrong([...path, "via"], via, "is not the address of a host")];
  if (dev !== undefined || LINK_LOCAL === undefined || !contains(LINK_LOCAL, network)) return [];
  return [
    {
      path: [...path, "via"],
      what: `is ${showValue([], via)}, a link-local address, which every interface has a network for`,
      hint: 'name the interface too, as "dev"',
    },
  ];
}

// The kernel refuses one IPv6 next hop twice; for IPv4 it would get double the weight.
function twiceProblems(
  path: readonly string[],
  gateway: Gateway,
  earlier: readonly Gateway[],
): readonly Problem[] {
  if (!earlier.some((other) => isSame(other, gateway))) return [];
  return [
    {
      path,
      what: "is the same as an earlier gateway of this tenant",
      hint: 'write each gateway once, with "weight" for its share',
    },
  ];
}

function isSame(a: Gateway, b: Gateway): boolean {
  if (a.via === undefined && b.via === undefined)
    return a.dev === b.dev && !haveTwoFamilies(a.check, b.check);
  if (a.via === undefined || b.via === undefined || !sameNetwork(a.via, b.via)) return false;
  return a.dev === undefined || b.dev === undefined || a.dev === b.dev;
}

function haveTwoFamilies(a: string | undefined, b: string | undefined): boolean {
  return a !== undefined && b !== undefined && parseAddress(a)?.family !== parseAddress(b)?.family;
}

function checkProblems(
  gateway: PlacedGateway,
  earlier: readonly PlacedGateway[],
): readonly Problem[] {
  const { check, via } = gateway;
  const path = [...gateway.path, "check"];
  const same = earlier.find(
    ({ list, ...other }) => list !== gateway.list && isSame(other, gateway),
  );
  if (same !== undefined && !isSameCheck(same.check, check)) return [otherCheck(path, check, same)];
  if (check === undefined) return [];
  const address = parseAddress(check);
  if (address === undefined) return [wrong(path, check, "is not the address of a host")];
  const hop = via === undefined ? undefined : parseAddress(via);
  if (hop !== undefined && hop.family !== address.family) {
    return [
      {
        path,
        what: `is ${showValue([], check)}, of another family than "via"`,
        hint: "name an address that this gateway leads to",
      },
    ];
  }
  const twice = earlier.some(
    (other) =>
      other.check !== undefined && sameNetwork(other.check, check) && !isSame(other, gateway),
  );
  return twice
    ? [
        {
          path,
          what: `is ${showValue([], check)}, as of another gateway of this tenant`,
          hint: "name another address for each gateway, because it is reached through one of them",
        },
      ]
    : [];
}

function isSameCheck(a: string | undefined, b: string | undefined): boolean {
  return a === undefined || b === undefined ? a === b : sameNetwork(a, b);
}

// It is one gateway, which works or does not, wherever it is listed.
function otherCheck(
  path: readonly string[],
  check: string | undefined,
  same: PlacedGateway,
): Problem {
  return {
    path,
    what: `is ${check === undefined ? "left out" : showValue([], check)}, and ${pointerOf(same.path)}, the same gateway, has ${same.check === undefined ? "none" : showValue([], same.check)}`,
    hint: "write the same check wherever the gateway is listed",
    ...(check === undefined ? { missing: true as const } : {}),
  };
}
