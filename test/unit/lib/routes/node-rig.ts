/** A node on paper: what its kernel has, and the plan that a configuration makes for it. */
import { loadConf } from "../../../../conf/load";
import type { PluginConf } from "../../../../conf/types";
import type { CollisionInput } from "../../../../lib/routes/conflicts/collisions";
import { desiredRoutes, routedTenants } from "../../../../lib/routes/plan/desired";
import { ruleKey, satisfies } from "../../../../lib/routes/changes/identity";
import type {
  IpRoute,
  IpRule,
  Link,
  MarkUse,
  MarkUser,
  NodeState,
  Surroundings,
} from "../../../../lib/routes/model";
import { planLinks } from "../../../../lib/routes/links/plan";
import type { Json } from "../../../../lib/cni/json";
import { netconf } from "../../conf/helpers";

export const TENANTS = {
  a: { fwmark: "0x10/0xff", table: 100, gateways: [{ via: "192.0.2.1", dev: "eth1" }] },
  b: { fwmark: "0x20/0xff", table: 200, gateways: [{ via: "192.0.2.2", dev: "eth1" }] },
};

/** Of a configuration without links. */
export const NO_LINKS = planLinks({ wanted: [], links: [], recorded: [] });

export function rule(priority: number, change: Partial<IpRule> = {}): IpRule {
  return { family: 4, priority, protocol: 2, ...change };
}

export function route(dst: string, change: Partial<IpRoute> = {}): IpRoute {
  const nexthops = [{ via: "198.51.100.1", dev: "eth0", weight: 1 }];
  return {
    family: dst.includes(":") ? 6 : 4,
    table: 254,
    dst,
    type: "unicast",
    metric: 0,
    protocol: 3,
    nexthops,
    ...change,
  };
}

export function link(name: string, address: string, change: Partial<Link> = {}): Link {
  return {
    name,
    altNames: [],
    mtu: 1500,
    up: true,
    addresses: [{ family: address.includes(":") ? 6 : 4, address }],
    ...change,
  };
}

export function connected(dst: string, dev: string): IpRoute {
  return route(dst, { protocol: 2, nexthops: [{ dev, weight: 1 }] });
}

/** The rules of every network namespace. */
export const KERNEL_RULES = ([4, 6] as const).flatMap((family) => [
  rule(0, { family, table: 255 }),
  rule(32766, { family, table: 254 }),
  ...(family === 4 ? [rule(32767, { table: 253 })] : []),
]);

/** eth0 to the internet, eth1 to the tenants' gateways, everything as it should be. */
export function stateOf(
  change: Partial<NodeState> = {},
  sysctls: Readonly<Record<string, string>> = {},
): NodeState {
  const values: Readonly<Record<string, string>> = {
    "net/ipv4/ip_forward": "1",
    "net/ipv6/conf/all/forwarding": "1",
    "net/ipv4/conf/all/rp_filter": "0",
    "net/ipv4/conf/eth1/rp_filter": "2",
    ...sysctls,
  };
  return {
    families: [4, 6],
    rules: KERNEL_RULES,
    routes: [route("default"), connected("192.0.2.0/24", "eth1")],
    links: [link("eth0", "198.51.100.2"), link("eth1", "192.0.2.9")],
    sysctl: (path) => values[path],
    ...change,
  };
}

/**
 * A use of mark bits by a rule or a chain, as the sentences name it: `ip rule 100`, `nft ip vpn c`,
 * `iptables-nft mangle X`.
 */
export function useOf(where: string, mask: number, value?: number): MarkUse {
  return { by: userOf(where), mask, value, whole: mask === 0xffffffff };
}

function userOf(where: string): MarkUser {
  const [program = "", ...words] = where.split(" ");
  const chain = words.at(-1) ?? "";
  if (program === "ip") return { kind: "ip-rule", family: 4, priority: Number(chain) };
  const table = words.slice(0, -1).join(" ");
  return program === "nft"
    ? { kind: "nft", table, chain }
    : { kind: "iptables", program, table, chain };
}

export function confOf(changes: Readonly<Record<string, Json | undefined>> = {}): PluginConf {
  return loadConf(netconf({ tenants: TENANTS, ...changes }), "ADD").conf;
}

/** What findCollisions() is asked with: nothing on the node is ours but what the plan wants. */
export function inputOf(
  conf: PluginConf,
  state: NodeState,
  surroundings: Partial<Surroundings> = {},
): CollisionInput {
  const plan = desiredRoutes(conf, state);
  const keys = new Set(plan.rules.map(({ item }) => ruleKey(item)));
  return {
    tenants: routedTenants(conf),
    plan,
    state,
    surroundings: {
      markUses: [],
      chains: [],
      nftTables: [],
      tableNames: [],
      unseen: [],
      ...surroundings,
    },
    isOurs: {
      rule: (each) => keys.has(ruleKey(each)),
      route: (each) => plan.routes.some(({ item }) => satisfies(each, item)),
    },
  };
}
