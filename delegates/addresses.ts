/** A tenant's `pool`: what its pods may ask for, and what a delegate may give them (decision 0114). */
import { outside, poolNetworks } from "../conf/pools";
import type { Tenant } from "../conf/types";
import { CniError, type ErrorKind } from "../lib/cni/error";
import { own, quote, type Json, type JsonObject } from "../lib/cni/json";

type Pool = Pick<Tenant, "name" | "pool">;

/** Throws CniError `invalidConfig` for an address outside of the pool that the pod asks for (capability `ips`). */
export function refuseAsked(tenant: Pool | undefined, runtimeConfig: JsonObject | undefined): void {
  const ips = own(runtimeConfig ?? {}, "ips");
  const asked = (Array.isArray(ips) ? (ips as readonly Json[]) : []).map(String);
  refuse("invalidConfig", tenant, asked, "the pod asks for");
}

/** Throws CniError `delegateResult` for an address (without length) outside of the pool that `who` has given. */
export function refuseGiven(
  tenant: Pool | undefined,
  addresses: readonly string[],
  who: string,
): void {
  refuse("delegateResult", tenant, addresses, `${who} gave`);
}

function refuse(
  kind: ErrorKind,
  tenant: Pool | undefined,
  addresses: readonly string[],
  subject: string,
): void {
  if (tenant?.pool === undefined) return;
  const networks = poolNetworks(tenant.pool);
  const isStray = (text: string): boolean =>
    outside(networks, [text.split("/")[0] ?? ""]).length > 0;
  const stray = addresses.find(isStray);
  if (stray === undefined) return;
  throw new CniError(
    kind,
    `${subject} ${stray}, which is not in the pool of tenant ${quote(tenant.name)} (${tenant.pool.join(", ")}): ` +
      `ask for an address of the pool, or correct "pool" in the conflist`,
  );
}
