/** Probes all gateways at once, and takes in what the probes find. */
import { hopText } from "../../net/hop";
import type { PluginConf } from "../../../conf/types";
import type { Clock } from "../../ports";
import type { ResolvedGateway } from "../model";
import { routedTenants } from "../plan/desired";
import { eachOnce } from "../plan/gateways";
import { canBeProbed, type HealthTracker } from "./health";
import type { LinkCondition, Probes } from "./probe";
import type { Conditions } from "./report";

export interface Prober {
  readonly conf: PluginConf;
  readonly probes: Probes;
  readonly links: readonly LinkCondition[];
  readonly clock: Clock;
  readonly health: HealthTracker;
  readonly conditions: Conditions;
}

/** One that is in several ways is asked once. Returns whether any gateway came up or went down. Gateways that cannot be probed are a condition. */
export async function probeAll(
  gateways: readonly ResolvedGateway[],
  prober: Prober,
): Promise<boolean> {
  const once = eachOnce(gateways.filter(canBeProbed));
  const changed = await Promise.all(once.map((gateway) => probeOne(gateway, prober)));
  return changed.includes(true);
}

async function probeOne(
  gateway: ResolvedGateway,
  { conf, probes, links, clock, health, conditions }: Prober,
): Promise<boolean> {
  const mark = routedTenants(conf).find(({ name }) => name === gateway.tenant)?.mark;
  if (mark === undefined) return false;
  const { timeoutMs } = conf.routes.watch;
  const verdict = await probes.ask({ gateway, mark, timeoutMs, links });
  conditions.set(
    `probe of ${gateway.tenant} ${hopText(gateway)}`,
    verdict.kind === "unknown"
      ? `${gateway.tenant}: gateway ${hopText(gateway)} cannot be probed: ${verdict.why}`
      : "",
  );
  return health.record(gateway, verdict, clock.elapsed());
}
