/** From the written settings of the node routes to the checked ones. */
import type { Draft, DraftUplink } from "./draft";
import { parseDuration } from "./duration";
import type { RouterConf, RoutesConf, Translation, Uplink } from "./types";

/** `none`, `masquerade`, or the addresses; undefined stays undefined. */
export function translationOf(text: string | readonly string[]): Translation {
  if (text === "none" || text === "masquerade") return text;
  return typeof text === "string" ? [text] : text;
}

/** The node routes apart from the tenants. */
export function buildRoutes({ routes }: Draft): RoutesConf {
  const { watch } = routes;
  return {
    ...routes,
    podNetworks: routes.podNetworks ?? [],
    nodeRoutes: routes.nodeRoutes ?? [],
    namesDir: routes.namesDir === "" ? undefined : routes.namesDir,
    watch: {
      intervalMs: parseDuration(watch.interval),
      timeoutMs: parseDuration(watch.timeout),
      failAfter: watch.failAfter,
      holdDownMs: parseDuration(watch.holdDown),
      statusFile: watch.statusFile === "" ? undefined : watch.statusFile,
    },
  };
}

/** The upstream router; undefined when the configuration has none. */
export function buildRouter({ router }: Draft): RouterConf | undefined {
  if (router === undefined) return undefined;
  const uplinks = Object.entries(router.uplinks).map(
    ([name, uplink]) => [name, buildUplink(uplink)] as const,
  );
  return { nodes: router.nodes, lan: router.lan ?? [], uplinks: Object.fromEntries(uplinks) };
}

function buildUplink({ dev, via, table, snat, snat6 }: DraftUplink): Uplink {
  return { dev, via: via ?? [], table, snat: translationOf(snat), snat6: translationOf(snat6) };
}
