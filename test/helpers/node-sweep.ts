/** Kills that are spread over the time that a verb takes just now, however fast the machine is. */
import type { Runtime } from "./node-runtime";
import type { NodeWorld } from "./node-world";
import { expectOk } from "./outcome";

/** After so many times as many runs as kills are wanted, the kills come too late. */
const MOST_RUNS = 10;

/**
 * host-local creates its lease file and then writes the container into it. Killed in between, it
 * leaves an empty file that its own DEL does not recognise; nothing of ours could remove it.
 */
export const TORN_LEASE = /^lease: [0-9.]+ $/;

/** Milliseconds that an undisturbed ADD and DEL take just now; the first of all is slower. */
export async function durations(
  world: NodeWorld,
  runtime: Runtime,
): Promise<{ readonly ADD: number; readonly DEL: number }> {
  const times = { ADD: Infinity, DEL: Infinity };
  for (let n = 0; n < 3; n++) {
    const pod = world.newPod();
    times.ADD = Math.min(times.ADD, expectOk(await runtime.add(pod)).ms);
    times.DEL = Math.min(times.DEL, expectOk(await runtime.del(pod)).ms);
  }
  return times;
}

/**
 * Calls `round` with moments spread over `duration` until `kills` of them have hit something. Each that came
 * too late makes the next ones earlier: the machine may have been slower when the duration was measured.
 */
export async function sweep(
  kills: number,
  duration: number,
  round: (n: number, moment: number) => Promise<boolean>,
): Promise<void> {
  let done = 0;
  let whole = duration;
  for (let n = 0; done < kills; n++) {
    if (n > kills * MOST_RUNS) throw new Error(`only ${done} of ${n} kills came before the end`);
    if (await round(n, (whole * ((n % kills) + 1)) / kills)) done++;
    else whole *= 0.9;
  }
}
