import {
  FULL_MASK,
  makeMark,
  parseMark,
  parseUint32,
  type Mark,
  type MarkProblem,
} from "../lib/net/mark";
import type { Draft, DraftMark, DraftTenant } from "./draft";
import { translationOf } from "./routes";
import type { Tenant } from "./types";

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
            snat: settings.snat === undefined ? undefined : translationOf(settings.snat),
            mtu: settings.mtu,
            onGatewayLoss: settings.onGatewayLoss,
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
    settings: { onGatewayLoss: "stop" },
  };
}
