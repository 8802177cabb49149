/** The health of all gateways, by their names across cycles. */
import { gatewayKey } from "../plan/gateways";
import {
  ASSUMED_UP,
  interrupted,
  judged,
  LOST_BEFORE,
  type GatewayHealth,
  type HealthRules,
  type Verdict,
} from "./health";
import type { ResolvedGateway } from "../model";

export interface HealthBook {
  of(gateway: ResolvedGateway): GatewayHealth;
  /** Enters what a probe that ended at `now` found out. Returns whether the gateway came or went by it. */
  learn(gateway: ResolvedGateway, verdict: Verdict, now: number): boolean;
  /** Forgets all others; those that cannot be probed now have to answer for the hold-down when they can. */
  keep(gateways: readonly ResolvedGateway[]): void;
}

/** Whether there is a point in probing it: its device is there and up. */
export function canBeProbed({ unusable }: ResolvedGateway): boolean {
  return unusable === undefined || unusable === "failed";
}

/**
 * A book in which every gateway counts as working, but for those that were `lost` already, by their
 * names. `rules` are asked for at each entry: they may change.
 */
export function createHealthBook(
  rules: () => HealthRules,
  lost: readonly string[] = [],
): HealthBook {
  const entries = new Map<string, GatewayHealth>(lost.map((key) => [key, LOST_BEFORE]));
  const of = (gateway: ResolvedGateway): GatewayHealth =>
    entries.get(gatewayKey(gateway)) ??
    entries.get(gatewayKey({ ...gateway, dev: undefined })) ??
    ASSUMED_UP;
  return {
    of,
    learn: (gateway, verdict, now) => {
      const [before, after] = [of(gateway), judged(of(gateway), verdict, now, rules())];
      entries.set(gatewayKey(gateway), after);
      return before.up !== after.up;
    },
    keep: (gateways) => {
      for (const gateway of gateways) inherit(entries, gateway);
      const there = new Set(gateways.map(gatewayKey));
      for (const key of [...entries.keys()]) if (!there.has(key)) entries.delete(key);
      for (const gateway of gateways)
        if (!canBeProbed(gateway)) entries.set(gatewayKey(gateway), interrupted(of(gateway)));
    },
  };
}

// Of a gateway whose device is looked up, the device is not known while none leads there.
function inherit(entries: Map<string, GatewayHealth>, gateway: ResolvedGateway): void {
  const [key, waiting] = [
    gatewayKey(gateway),
    entries.get(gatewayKey({ ...gateway, dev: undefined })),
  ];
  if (waiting !== undefined && !entries.has(key)) entries.set(key, waiting);
}
