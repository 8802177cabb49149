import type { PluginConf, RouterConf, Uplink } from "../../../../../conf/types";
import type { JsonObject } from "../../../../../lib/cni/json";
import { confWith, tenantWith } from "../../../../helpers/conf-object";

export function uplinkWith(part: Partial<Uplink> = {}): Uplink {
  return { dev: "wan0", via: [], table: undefined, snat: "masquerade", snat6: "none", ...part };
}

/**
 * Everybody leaves by wan0, IPv6 untranslated; the vpn tenant has pools of its own and leaves by
 * vpn0.
 */
export const ROUTER: RouterConf = {
  nodes: ["10.0.0.11", "fd00::11"],
  lan: ["10.0.0.0/8", "192.168.0.0/16", "10.1.0.0/16", "fd00::/16"],
  uplinks: {
    default: uplinkWith({ via: ["203.0.113.1", "2001:db8:ffff::1"] }),
    vpn: uplinkWith({ dev: "vpn0", via: ["198.51.100.1", "2001:db8:66::1"], snat6: "masquerade" }),
  },
};
export const DELEGATE: JsonObject = {
  type: "ptp",
  ipam: {
    type: "host-local",
    ranges: [[{ subnet: "10.244.0.0/24" }], [{ subnet: "2001:db8:1::/64" }]],
  },
};
const VPN_PATCH: JsonObject = {
  ipam: { ranges: [[{ subnet: "10.66.0.0/24" }], [{ subnet: "fd66::/64" }]] },
};

export function exampleConf(
  router: Partial<RouterConf> = {},
  part: Partial<PluginConf> = {},
): PluginConf {
  const tenants = [tenantWith({ name: "vpn", table: 200, delegate: VPN_PATCH })];
  return confWith({
    name: "pods",
    delegate: DELEGATE,
    tenants,
    router: { ...ROUTER, ...router },
    ...part,
  });
}

/** The same without LAN, with a third tenant and these uplinks. */
export function threeUplinks(uplinks: RouterConf["uplinks"]): PluginConf {
  const patch: JsonObject = {
    ipam: { ranges: [[{ subnet: "10.77.0.0/24" }], [{ subnet: "fd77::/64" }]] },
  };
  const conf = exampleConf({ lan: [], uplinks });
  return {
    ...conf,
    tenants: [...(conf.tenants ?? []), tenantWith({ name: "b", delegate: patch })],
  };
}
