/** Pure: counters of the kernel start again at 0 whenever their rule is made again; what is shown never goes back. */
import { formatMark, type Mark } from "../../net/mark";
import type { MarkCounter } from "./sources";

/** What the counters of a mark, and of a reason where they have one, add up to. */
export interface Totals {
  readonly mark: Mark;
  readonly reason: MarkCounter["reason"];
  readonly packets: number;
  readonly bytes: number;
}

export interface Accumulator {
  /** Takes in a reading of all counters. */
  add(reading: readonly MarkCounter[]): void;
  totals(): readonly Totals[];
}

interface Counted {
  readonly packets: number;
  readonly bytes: number;
}
const NOTHING: Counted = { packets: 0, bytes: 0 };

/** Nothing has been counted. What the first reading has counts in full. */
export function createAccumulator(): Accumulator {
  const totals = new Map<string, Totals>();
  // A counter that is gone is forgotten: when there is one again, it begins at 0.
  let seen: ReadonlyMap<string, Counted> = new Map();
  return {
    add: (reading) => {
      const now = sumByCounter(reading);
      for (const [key, counter] of now) {
        const { mark, reason } = counter;
        const name = `${formatMark(mark)} ${reason ?? ""}`;
        const more = since(seen.get(key) ?? NOTHING, counter);
        const { packets, bytes } = totals.get(name) ?? NOTHING;
        const sum = { packets: packets + more.packets, bytes: bytes + more.bytes };
        totals.set(name, { mark, reason, ...sum });
      }
      seen = now;
    },
    totals: () => [...totals.values()],
  };
}

function sumByCounter(reading: readonly MarkCounter[]): ReadonlyMap<string, MarkCounter> {
  const sums = new Map<string, MarkCounter>();
  for (const counter of reading) {
    const { mark, backend, tag, reason } = counter;
    const key = [formatMark(mark), backend, tag, reason].map((part) => part ?? "").join(" ");
    const { packets, bytes } = sums.get(key) ?? NOTHING;
    sums.set(key, {
      ...counter,
      packets: packets + counter.packets,
      bytes: bytes + counter.bytes,
    });
  }
  return sums;
}

// Both begin again together.
function since(before: Counted, now: Counted): Counted {
  const isFresh = now.packets < before.packets || now.bytes < before.bytes;
  const { packets, bytes } = isFresh ? NOTHING : before;
  return { packets: now.packets - packets, bytes: now.bytes - bytes };
}
