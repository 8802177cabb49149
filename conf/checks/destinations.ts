/** What the schema cannot say about networks with gateways of their own. */
import { formatPrefix, parseAddress, parsePrefix, sameNetwork } from "../../lib/net/address";
import { type Family, familyOf } from "../../lib/net/family";
import type { DraftTenant } from "../draft";
import { pointerOf, type Problem, type Rule, showValue } from "../problem";
import type { Gateway, TenantRoute } from "../types";
import { gatewayListsOf } from "./gateways";
import { wrong } from "./wrong";

/** A network of a tenant, and where it is written. */
interface Written {
  readonly path: readonly string[];
  readonly text: string;
}

/** Each network is one, is there once, has gateways of its family, and is not what tells whether a gateway works. */
export const destinationRule: Rule = ({ draft }) =>
  Object.entries(draft.tenants ?? {}).flatMap(([name, tenant]) => {
    const { routes = [] } = tenant;
    const networks = routes.flatMap(({ to }, i) =>
      to.map((text, k): Written => ({
        path: ["tenants", name, "routes", String(i), "to", String(k)],
        text,
      })),
    );
    return [
      ...networks.flatMap((written, i) => networkProblems(written, networks.slice(0, i))),
      ...routes.flatMap((route, i) => [
        ...familyProblems(["tenants", name, "routes", String(i)], route),
        ...fallbackProblems(["tenants", name, "routes", String(i)], route, tenant),
      ]),
      ...checkProblems(name, tenant, networks),
    ];
  });

function networkProblems({ path, text }: Written, earlier: readonly Written[]): readonly Problem[] {
  const network = parsePrefix(text);
  if (network === undefined) return [wrong(path, text, "is no address or network")];
  if (network.length === 0)
    return [
      {
        path,
        what: `is ${showValue([], text)}, which is every destination of its family`,
        hint: `write the gateways for it into "gateways" of the tenant`,
      },
    ];
  const twice = earlier.find((other) => sameNetwork(other.text, text));
  return twice === undefined
    ? []
    : [
        {
          path,
          what: `is ${showValue([], text)}, the network of ${pointerOf(twice.path)}`,
          hint: "write each network once, with all its gateways",
        },
      ];
}

// A device alone may lead to either family.
function familyProblems(
  path: readonly string[],
  { to, gateways }: TenantRoute,
): readonly Problem[] {
  const wanted = new Set(to.flatMap((text) => parsePrefix(text)?.family ?? []));
  const families = gateways.map(gatewayFamily);
  const stray = families.findIndex((family) => family !== undefined && !wanted.has(family));
  const missing = to.findIndex((text) => {
    const family = parsePrefix(text)?.family;
    return family !== undefined && !families.includes(family) && !families.includes(undefined);
  });
  return [
    ...(missing < 0
      ? []
      : [
          {
            path: [...path, "to", String(missing)],
            what: `is ${showValue([], to[missing])}, and no gateway of this entry is of its family`,
            hint: `list one in "gateways" beside it, or take the network out`,
          },
        ]),
    ...(stray < 0
      ? []
      : [
          {
            path: [...path, "gateways", String(stray)],
            what: `is of IPv${String(families[stray])}, and no network of "to" is`,
            hint: `list its networks in "to", or take the gateway out`,
          },
        ]),
  ];
}

function gatewayFamily({ via, check }: Gateway): Family | undefined {
  const address = via ?? check;
  return address === undefined ? undefined : familyOf(address);
}

function fallbackProblems(
  path: readonly string[],
  { onGatewayLoss }: TenantRoute,
  { gateways = [] }: DraftTenant,
): readonly Problem[] {
  if (onGatewayLoss === "stop" || gateways.length > 0) return [];
  return [
    {
      path: [...path, "onGatewayLoss"],
      what: 'is "fallback", and the tenant has no gateways to fall back to',
      hint: `list the tenant's "gateways", or use "stop"`,
    },
  ];
}

// The address is always reached through its gateway, so no other could take its packets over.
function checkProblems(
  name: string,
  tenant: DraftTenant,
  networks: readonly Written[],
): readonly Problem[] {
  return gatewayListsOf(name, tenant).flatMap(({ path, gateways }) =>
    gateways.flatMap(({ check = "" }, i): readonly Problem[] => {
      const host = parseAddress(check) === undefined ? undefined : parsePrefix(check);
      const taken = networks.find(({ text }) => sameNetwork(text, check));
      if (host === undefined || taken === undefined) return [];
      return [
        {
          path: [...path, String(i), "check"],
          what: `is ${showValue([], check)}, the network of ${pointerOf(taken.path)}`,
          hint: `name another address behind the gateway: ${formatPrefix(host)} is always reached through this one`,
        },
      ];
    }),
  );
}
