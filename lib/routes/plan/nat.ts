/** Pure: what our nftables table translates source addresses to, or keeps from being translated. */
import type { PluginConf, Translation } from "../../../conf/types";
import { canonicalAddress, formatCidr, parsePrefix } from "../../net/address";
import { FAMILIES, type Family } from "../../net/family";
import type { ResolvedGateway, RoutesRecord } from "../model";
import { markMatch } from "./nft-words";

/** A device by which a tenant's packets leave. */
export type TenantDevice = Pick<ResolvedGateway, "tenant" | "dev">;

/**
 * The rules of translation, in their order. A connection is translated once only, in iptables and nftables alike, so
 * a translation to the same address keeps all later ones away (decision 0035).
 */
export function translationRules(
  conf: PluginConf,
  gateways: readonly TenantDevice[],
): readonly string[] {
  return [
    ...(conf.tenants ?? []).flatMap(({ name, mark, snat }) => {
      if (snat === undefined) return [];
      const devices = [
        ...new Set(
          gateways
            .filter((gateway) => gateway.tenant === name)
            .flatMap(({ dev }) => (dev === undefined ? [] : [dev])),
        ),
      ];
      const match = markMatch(mark);
      return devices
        .sort()
        .flatMap((dev) =>
          statements(snat).map((to) => `${match} oifname "${dev}" ${to} comment "${name}"`),
        );
    }),
    ...podMasquerade(conf),
  ];
}

/** The devices by which the tenants' packets have left until now, according to the record. */
export function formerDevices(
  { tenants = [] }: PluginConf,
  { rules, routes }: Pick<RoutesRecord, "rules" | "routes">,
): readonly TenantDevice[] {
  return tenants.flatMap(({ name, mark }) => {
    const tables = rules
      .filter(({ fwmark }) => fwmark?.value === mark.value && fwmark.mask === mark.mask)
      .map(({ table }) => table);
    return routes
      .filter(({ table }) => tables.includes(table))
      .flatMap(({ nexthops }) => nexthops.map(({ dev }) => ({ tenant: name, dev })));
  });
}

function statements(translation: Translation): readonly string[] {
  if (translation === "none") return ["snat ip to ip saddr", "snat ip6 to ip6 saddr"];
  if (translation === "masquerade") return ["masquerade"];
  return translation.map(
    (address) => `snat ${address.includes(":") ? "ip6" : "ip"} to ${canonicalAddress(address)}`,
  );
}

// Not for marked packets: their tenant's "snat" says what happens to them.
function podMasquerade({ routes, tenants }: PluginConf): readonly string[] {
  if (!routes.masquerade) return [];
  const unmarked = (tenants ?? []).map(({ mark }) => `${markMatch(mark, "!=")} `).join("");
  return FAMILIES.flatMap((family) => {
    const networks = routes.podNetworks.flatMap((text) => networkText(text, family));
    if (networks.length === 0) return [];
    const [word, set] = [family === 4 ? "ip" : "ip6", `{ ${networks.join(", ")} }`];
    return [
      `${unmarked}${word} saddr ${set} ${word} daddr != ${set} fib daddr type != multicast masquerade comment "pods"`,
    ];
  });
}

function networkText(text: string, family: Family): readonly string[] {
  const network = parsePrefix(text);
  return network?.family === family ? [formatCidr(network)] : [];
}
