/** Pure: the parts of every finding's sentence. */
import type { ResolvedGateway } from "../model";
import {
  listText,
  type Parts,
  quotedRoute,
  quotedRule,
  retiredMarkParts,
  sysctlName,
} from "../text";
import { whoseText } from "../plan/ways";
import type { Finding, FindingKind } from "./kinds";
import { LINK_FINDING_TEXTS } from "./link-text";

type FindingOf<K extends FindingKind> = Extract<Finding, { readonly kind: K }>;

/** Behind the kernel's own rules for the tables main (32766) and default (32767). */
const LAST_PRIORITY = 32768;

/** By kind: what is so, what follows, what to do. */
export const FINDING_TEXTS: { readonly [K in FindingKind]: (finding: FindingOf<K>) => Parts } = {
  "device-missing": ({ gateway }) =>
    leftOut(
      gateway,
      `this node has no interface ${gateway.dev ?? ""}`,
      'make it, or correct "dev"',
    ),
  "device-down": ({ gateway }) => {
    const dev = gateway.dev ?? "";
    return leftOut(gateway, `${dev} is down`, `ip link set ${dev} up`);
  },
  "gateway-own-address": ({ gateway }) =>
    leftOut(
      gateway,
      `${gateway.via ?? ""} is an address of this node, which cannot be its own gateway`,
      'correct "via", or keep the tenant\'s pods off this node',
    ),
  "gateway-off-link": ({ gateway }) => {
    const { via = "", dev } = gateway;
    return dev === undefined
      ? leftOut(
          gateway,
          `no connected route leads to ${via}`,
          'give an interface an address in its network, or name the interface as "dev"',
        )
      : leftOut(
          gateway,
          `${dev} has no connected route to ${via}`,
          `give ${dev} an address in its network, or correct "via" or "dev"`,
        );
  },
  "gateway-failed": ({ gateway }) =>
    leftOut(
      gateway,
      "it does not answer",
      "see ip neigh and the gateway itself; it is taken back when it answers",
    ),
  "mark-without-tenant": ({ retired }) => retiredMarkParts(retired),
  "forwarding-off": ({ path, have, want, why }) => ({
    fault: `${sysctlName(path)} is ${have}`,
    consequence: `the node drops what it should send on (${why})`,
    remedy: sets(path, want),
  }),
  "strict-rp-filter": ({ path, have, want, dev, all }) => ({
    fault: `the reverse-path filter on ${dev} is strict (the larger of ${have} on ${dev} and ${all} on all)`,
    consequence: "every reply that comes in there is dropped",
    remedy: sets(path, want),
  }),
  "main-refuses": (finding) => refusalParts(finding, "because"),
  "main-may-refuse": (finding) =>
    refusalParts(finding, "once the better routes beside it are gone, because"),
  "no-gateway": ({ tenant, table, hasRoutes }) => ({
    fault: `tenant ${tenant} has table ${table} and no gateways`,
    consequence: `its packets beyond the cluster${hasRoutes === true ? ", but for those to the networks of its routes," : ""} are stopped`,
    remedy:
      'list its "gateways"; or, where a router behind the node tells it apart, leave out its "table", and set that of the router\'s uplink',
  }),
  "no-default-route": ({ devices }) => ({
    fault: "the main table has no IPv4 default route",
    consequence: `even the loose reverse-path filter on ${listText(devices, 3)} drops replies from the internet`,
    remedy: `give the node a default route, or set rp_filter of ${listText(devices, 3)} and of all to 0`,
  }),
  "half-default": ({ routes }) => ({
    fault: `the main table has ${listText(routes.map(quotedRoute), 2)}, as VPN clients make them in place of a default route`,
    joint: "; ",
    consequence: "they come before the tenants' tables, so tenants' packets take them",
    remedy:
      "let the VPN client put its routes in a table of its own, or name its interface as a tenant's gateway",
  }),
  "rule-before": ({ rule, behind }) => ({
    fault: `the rule ${quotedRule(rule)} comes before the tenants' rules`,
    consequence: "it takes their packets too",
    remedy: `move it behind ${behind}, or narrow it by from, to or fwmark`,
  }),
  "ra-default": ({ dev }) => ({
    fault: `the IPv6 default route on ${dev} is from router advertisements, which the kernel ignores once IPv6 forwarding is on`,
    consequence: "the route goes",
    remedy: `set ${sysctlName(`net/ipv6/conf/${dev}/accept_ra`)} to 2`,
  }),
  mtu: ({ tenant, pods, least, dev, patched }) => {
    const limit =
      dev === undefined ? "the tenant's route allows" : `${dev}, which their packets leave by, has`;
    const key = `/tenants/${tenant}/delegate/mtu${patched ? "" : ", or /delegate/mtu for all pods,"}`;
    return {
      fault: `pods of tenant ${tenant} have an MTU of ${pods}, but ${limit} ${least}`,
      consequence: "their larger packets are refused or lost",
      remedy: `set ${key} to ${least}`,
    };
  },
  ...LINK_FINDING_TEXTS,
};

function leftOut(
  { via, dev, family, ...way }: ResolvedGateway,
  fault: string,
  remedy: string,
): Parts {
  const device = dev === undefined ? "" : ` dev ${dev}`;
  const consequence = `gateway ${via ?? `IPv${family}`}${device} of tenant ${whoseText(way)} is left out`;
  return { fault, consequence, remedy, joint: "because" };
}

function sets(path: string, value: string): string {
  return `apply --sysctl sets ${sysctlName(path)} to ${value}`;
}

function refusalParts(
  { route }: FindingOf<"main-refuses" | "main-may-refuse">,
  when: string,
): Parts {
  const instead = `ip -${route.family} rule add pref ${LAST_PRIORITY} ${route.type}`;
  return {
    fault: `the main table has ${quotedRoute(route)}`,
    joint: "; ",
    consequence: `it takes the tenants' packets too ${when} no rule passes over a route that refuses`,
    remedy: `delete it; to refuse what has no route, have "${instead}" instead`,
  };
}
