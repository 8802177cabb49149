/** What each device of this network namespace has sent, from the kernel. */
import { readFileSync } from "node:fs";

/** Since the device was made. */
export interface Sent {
  readonly packets: number;
  readonly bytes: number;
}

/** By device. A kernel that does not say has none. */
export function readDevices(): ReadonlyMap<string, Sent> {
  try {
    return devicesIn(readFileSync("/proc/self/net/dev", "latin1"));
  } catch {
    return new Map();
  }
}

/** Pure: proc_pid_net(5): name, eight figures of what came in, then bytes and packets that went out. */
export function devicesIn(text: string): ReadonlyMap<string, Sent> {
  return new Map(
    text
      .split("\n")
      .slice(2)
      .flatMap((line) => {
        const colon = line.indexOf(":");
        if (colon < 0) return [];
        const figures = line
          .slice(colon + 1)
          .trim()
          .split(/\s+/)
          .map(Number);
        const [bytes = 0, packets = 0] = figures.slice(8);
        return [[line.slice(0, colon).trim(), { packets, bytes }] as const];
      }),
  );
}
