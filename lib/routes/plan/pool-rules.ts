/** Pure: which address pools are a tenant's, so that packets from them need no mark (decision 0095). */
import { ownPools } from "../../../conf/pools";
import type { PluginConf, Tenant } from "../../../conf/types";
import { formatPrefix, type Prefix } from "../../net/address";
import type { Family } from "../../net/family";
import type { Mark } from "../../net/mark";

/** What a rule for a pool selects. */
export interface PoolSelector {
  /** The network. */
  readonly from: string;
  /** Of packets that have no tenant's mark: a marked one belongs to its mark, wherever it comes from. */
  readonly fwmark: Mark;
}

/** The pools of `family` whose unmarked packets take the tenant's table, by tenant. */
export function poolSelectors(
  conf: PluginConf,
  family: Family,
): (tenant: string) => readonly PoolSelector[] {
  const { tenants = [] } = conf;
  const pools = ownPools(conf.delegate, tenants);
  const fwmark = {
    value: 0,
    mask: tenants.reduce((bits, { mark }) => (bits | mark.mask) >>> 0, 0),
  };
  const select = (pool: Prefix): PoolSelector => ({ from: formatPrefix(pool), fwmark });
  const wanted = new Map(
    tenants
      .filter((tenant) => isWanted(conf, tenant))
      .map(({ name }) => [name, (pools.get(name) ?? []).filter((pool) => pool.family === family)]),
  );
  return (tenant) => (wanted.get(tenant) ?? []).map(select);
}

// Replies to those who called a pod are unmarked on purpose unless `markReplies` is set.
function isWanted({ markReplies }: PluginConf, { poolRule }: Tenant): boolean {
  return poolRule === "on" || (poolRule === "auto" && markReplies);
}
