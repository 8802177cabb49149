/** Pure: our nftables table as one text, put together from what the plan has for it. */
import { NAT_TABLE, type RoutesPlan } from "../model";
import { chainOf } from "./nft-words";
import { wayChains } from "./way-guard";

/** The text for `nft -f`; undefined when nothing is translated or guarded. */
export function tableText({
  translation,
  ways,
}: Pick<RoutesPlan, "translation" | "ways">): string | undefined {
  // Before srcnat (100), where kube-proxy, kindnet and the plugins' ipMasq are.
  const hook = "type nat hook postrouting priority 90; policy accept;";
  const chains = [
    ...(translation.length === 0 ? [] : chainOf("postrouting", [hook, ...translation])),
    ...wayChains(ways),
  ];
  return chains.length === 0 ? undefined : [`table ${NAT_TABLE} {`, ...chains, "}", ""].join("\n");
}
