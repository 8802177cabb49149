/** Pure: counters of the kernel start again at 0 whenever their rule is made again; what is shown never goes back. */
import { formatMark, type Mark } from "../../net/mark";
import type { MarkCounter } from "./sources";

/** What a mark's counters add up to. */
export interface Totals {
  readonly mark: Mark;
  readonly packets: number;
  readonly bytes: number;
}

export interface Accumulator {
  /** Takes in a reading of all counters. */
  add(reading: readonly MarkCounter[]): void;
  totals(): readonly Totals[];
}

interface Entry extends Totals {
  readonly seen: Pick<MarkCounter, "packets" | "bytes">;
}

/** Nothing has been counted. What the first reading has counts in full. */
export function createAccumulator(): Accumulator {
  const entries = new Map<string, Entry>();
  return {
    add: (reading) => {
      const sums = sumByMark(reading);
      for (const [key, sum] of sums) entries.set(key, next(entries.get(key), sum));
      // Its rules are gone; when there are some again, they begin at 0.
      for (const [key, entry] of entries)
        if (!sums.has(key)) entries.set(key, { ...entry, seen: { packets: 0, bytes: 0 } });
    },
    totals: () =>
      [...entries.values()].map(({ mark, packets, bytes }) => ({ mark, packets, bytes })),
  };
}

function sumByMark(reading: readonly MarkCounter[]): ReadonlyMap<string, MarkCounter> {
  const sums = new Map<string, MarkCounter>();
  for (const { mark, packets, bytes } of reading) {
    const key = formatMark(mark);
    const { packets: p, bytes: b } = sums.get(key) ?? { packets: 0, bytes: 0 };
    sums.set(key, { mark, packets: p + packets, bytes: b + bytes });
  }
  return sums;
}

function next(before: Entry | undefined, now: MarkCounter): Entry {
  const { packets, bytes, seen } = before ?? {
    packets: 0,
    bytes: 0,
    seen: { packets: 0, bytes: 0 },
  };
  // A rule's two counters begin again together.
  const isFresh = now.packets < seen.packets || now.bytes < seen.bytes;
  const base = isFresh ? { packets: 0, bytes: 0 } : seen;
  return {
    mark: now.mark,
    packets: packets + now.packets - base.packets,
    bytes: bytes + now.bytes - base.bytes,
    seen: { packets: now.packets, bytes: now.bytes },
  };
}
