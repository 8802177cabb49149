/** Pure: the gateways of a tenant, whatever they are for. */
import type { Gateway, Tenant } from "./types";
import { hopText } from "../lib/net/hop";

/** Stands for every network that has no gateways of its own. */
export const EVERYTHING_ELSE = "default";

export interface NamedGateway extends Gateway {
  /** What its packets are for, as it is written; `default`: everything else. */
  readonly to: readonly string[];
}

/** Each gateway once, the tenant's own first. */
export function everyGateway({
  gateways,
  routes,
}: Pick<Tenant, "gateways" | "routes">): readonly NamedGateway[] {
  const lists = [{ to: [EVERYTHING_ELSE], gateways }, ...routes];
  const found = new Map<string, NamedGateway>();
  for (const list of lists)
    for (const gateway of list.gateways) {
      const name = hopText(gateway);
      const to = [...(found.get(name)?.to ?? []), ...list.to];
      found.set(name, { ...gateway, to });
    }
  return [...found.values()];
}

/** What a gateway is for where it is not only the tenant's own: ` to 198.51.100.0/24`; "" for those. */
export function purposeText(to: readonly string[]): string {
  return to.every((network) => network === EVERYTHING_ELSE) ? "" : ` to ${to.join(", ")}`;
}
