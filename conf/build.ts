import {
  FULL_MASK,
  makeMark,
  type Mark,
  type MarkProblem,
  parseMark,
  parseUint32,
} from "../lib/net/mark";
import type { Draft, DraftMark, DraftTenant, DraftUplink } from "./draft";
import type { AgentConf, RouterConf, RoutesConf, Tenant, Translation, Uplink } from "./types";
import { parseDuration } from "./duration";
import { buildLinks } from "./links";

/** An entry of `tenants` or `marks`, with its mark read. */
export interface CatalogueEntry {
  readonly path: readonly [section: "tenants" | "marks", name: string];
  readonly name: string;
  readonly mark: Mark | MarkProblem;
  readonly settings: Omit<DraftTenant, "fwmark">;
}

/** The mask of literals that have none; undefined when `mask` is not a number from 1 to 0xffffffff. */
export function defaultMask(draft: Draft): number | undefined {
  const mask = typeof draft.mask === "number" ? draft.mask : parseUint32(draft.mask);
  return mask === 0 ? undefined : mask;
}

/** All entries of both spellings, in the order in which they are written, `tenants` first. */
export function catalogue(draft: Draft): readonly CatalogueEntry[] {
  const mask = defaultMask(draft) ?? FULL_MASK;
  const tenants = Object.entries(draft.tenants ?? {}).map(([name, tenant]) =>
    fromTenant(name, tenant, mask),
  );
  return [
    ...tenants,
    ...Object.entries(draft.marks ?? {}).map(([name, mark]) => fromMark(name, mark)),
  ];
}

/** The tenants of a configuration without problems; entries whose mark is unusable are left out. */
export function buildTenants(draft: Draft): readonly Tenant[] {
  return catalogue(draft).flatMap(({ name, mark, settings }) =>
    typeof mark === "string"
      ? []
      : [
          {
            name,
            mark,
            namespaces: settings.namespaces,
            table: settings.table,
            gateways: settings.gateways ?? [],
            routes: settings.routes ?? [],
            snat: settings.snat === undefined ? undefined : translationOf(settings.snat),
            mtu: settings.mtu,
            onGatewayLoss: settings.onGatewayLoss,
            poolRule: settings.poolRule,
            pool: settings.pool,
            delegate: settings.delegate,
          },
        ],
  );
}

function fromTenant(name: string, tenant: DraftTenant, mask: number): CatalogueEntry {
  const { fwmark, ...settings } = tenant;
  return { path: ["tenants", name], name, mark: parseMark(fwmark, mask), settings };
}

// In this spelling 0 and an absent mask both mean all bits.
function fromMark(name: string, { mark, mask }: DraftMark): CatalogueEntry {
  const bits = mask === undefined || mask === 0 ? FULL_MASK : mask;
  return {
    path: ["marks", name],
    name,
    mark: makeMark(mark, bits),
    settings: { onGatewayLoss: "stop", poolRule: "auto" },
  };
}

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
    links: buildLinks(routes.links),
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

/** The resident agent. */
export function buildAgent({ agent }: Draft): AgentConf {
  const { socket, requests, metricsAddress, metricsPort } = agent;
  return {
    socket,
    requests,
    queueTimeoutMs: parseDuration(agent.queueTimeout),
    reconcileIntervalMs: parseDuration(agent.reconcileInterval),
    namespaceIntervalMs: parseDuration(agent.namespaceInterval),
    lookIntervalMs: parseDuration(agent.lookInterval),
    metricsAddress,
    metricsPort,
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
