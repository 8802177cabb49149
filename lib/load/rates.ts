/** Pure: what two samples of the counters say of the time between them. */
import type { PluginConf } from "../../conf/types";
import { formatMark, sameMark, type Mark } from "../net/mark";
import type { Leaked, LeakReason, Traffic } from "../traffic";
import { tenantRows, type PodRow } from "./in-force";

/** A gateway as the kernel sees it now. */
export interface GatewayState {
  readonly tenant: string;
  /** Its address, or the device of one without. */
  readonly gateway: string;
  /** Of its neighbour entry (`REACHABLE`, `STALE`, `FAILED`; `none`: nobody has sent it anything lately), or of the device. */
  readonly state: string;
}

export interface Sample {
  /** Milliseconds from an arbitrary start. */
  readonly at: number;
  readonly traffic: readonly Traffic[];
  readonly pods: readonly PodRow[];
  /** What the guard has dropped; undefined: there is no guard. */
  readonly dropped: readonly Pick<Leaked, "reason" | "mark" | "packets">[] | undefined;
  readonly gateways: readonly GatewayState[];
}

/** One tenant, or one mark that is nobody's. */
export interface Load {
  readonly tenant: string | undefined;
  readonly mark: Mark;
  readonly pods: number;
  readonly packetsPerSecond: number;
  readonly bytesPerSecond: number;
  /** Since the rules were made. */
  readonly packets: number;
  readonly bytes: number;
  /** Packets that the guard has dropped; undefined: there is no guard. */
  readonly leaked: number | undefined;
  /** Of those, the ones that had their mark and would have taken the node's default route. */
  readonly leakedToDefaultRoute: number | undefined;
  readonly gateways: readonly GatewayState[];
}

/** The load of every tenant between two samples. */
export function loadsOf(conf: PluginConf, before: Sample, now: Sample): readonly Load[] {
  const seconds = secondsBetween(before, now);
  const rows = tenantRows(conf, now.pods, now.traffic);
  const marks = new Map(rows.map(({ mark }) => [formatMark(mark), mark]));
  return [...marks.values()].map((mark) => {
    const mine = rows.filter((row) => sameMark(row.mark, mark));
    const grown = growth(mark, before.traffic, now.traffic);
    const tenant = mine[0]?.tenant;
    return {
      tenant,
      mark,
      pods: mine.reduce((sum, row) => sum + row.pods, 0),
      packetsPerSecond: grown.packets / seconds,
      bytesPerSecond: grown.bytes / seconds,
      packets: mine.reduce((sum, { packets = 0 }) => sum + packets, 0),
      bytes: mine.reduce((sum, { bytes = 0 }) => sum + bytes, 0),
      leaked: droppedOf(now, mark),
      leakedToDefaultRoute: droppedOf(now, mark, "default_route"),
      gateways: now.gateways.filter((each) => each.tenant === tenant),
    };
  });
}

/** From one sample to the next; never 0. */
export function secondsBetween(before: Sample, now: Sample): number {
  return Math.max(0.001, (now.at - before.at) / 1000);
}

/** Packets of one mark that the guard has dropped, for that reason or any; undefined: there is no guard. */
export function droppedOf(
  { dropped }: Sample,
  mark: Mark,
  reason?: LeakReason,
): number | undefined {
  return dropped
    ?.filter((each) => sameMark(each.mark, mark) && (reason ?? each.reason) === each.reason)
    .reduce((sum, { packets }) => sum + packets, 0);
}

interface Count {
  readonly packets: number;
  readonly bytes: number;
}

const NONE: Count = { packets: 0, bytes: 0 };

/** Counter by counter: one that has gone takes nothing away, and one that was made again begins at 0. */
function growth(mark: Mark, before: readonly Traffic[], now: readonly Traffic[]): Count {
  const old = totals(mark, before);
  return [...totals(mark, now)].reduce((sum, [key, count]) => {
    const was = old.get(key) ?? NONE;
    const base = count.packets < was.packets ? NONE : was;
    return {
      packets: sum.packets + count.packets - base.packets,
      bytes: sum.bytes + count.bytes - base.bytes,
    };
  }, NONE);
}

/** By backend and attachment. */
function totals(mark: Mark, traffic: readonly Traffic[]): ReadonlyMap<string, Count> {
  const sums = new Map<string, Count>();
  for (const { backend, tag = "", packets, bytes } of traffic.filter((each) =>
    sameMark(each.mark, mark),
  )) {
    const key = `${backend} ${tag}`;
    const sum = sums.get(key) ?? NONE;
    sums.set(key, { packets: sum.packets + packets, bytes: sum.bytes + bytes });
  }
  return sums;
}
