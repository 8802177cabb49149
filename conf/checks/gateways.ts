/** What the schema cannot say about a tenant's gateways. */
import { contains, parseAddress, parsePrefix, sameNetwork } from "../../lib/net/address";
import { type Problem, type Rule, showValue } from "../problem";
import type { Gateway } from "../types";
import { wrong } from "./wrong";

/** Every interface has this network, so an address in it does not say by which interface it is reached (RFC 4291, 2.5.6). */
const LINK_LOCAL = parsePrefix("fe80::/10");

/** A gateway leads somewhere, is there once, and can be told from the others by its check. */
export const gatewayRule: Rule = ({ draft }) =>
  Object.entries(draft.tenants ?? {}).flatMap(([name, { gateways = [] }]) =>
    gateways.flatMap((gateway, i): readonly Problem[] => {
      const [path, earlier] = [["tenants", name, "gateways", String(i)], gateways.slice(0, i)];
      return [
        ...hopProblems(path, gateway),
        ...twiceProblems(path, gateway, earlier),
        ...checkProblems(path, gateway, earlier),
      ];
    }),
  );

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
  gatewayPath: readonly string[],
  { check, via }: Gateway,
  earlier: readonly Gateway[],
): readonly Problem[] {
  if (check === undefined) return [];
  const path = [...gatewayPath, "check"];
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
    (other) => other.check !== undefined && sameNetwork(other.check, check),
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
