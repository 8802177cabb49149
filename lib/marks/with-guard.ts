/** A backend whose marks are watched over by the guard. */
import { settleTogether } from "../cni/error";
import type { MarkBackend, MarkOrder, Marks } from "../ports";

/** What the decorator needs of the guard; see lib/marks/nftables/guard. */
export interface GuardEntries {
  prepare(order: MarkOrder): Promise<void>;
  set(order: MarkOrder): Promise<void>;
  evict(addresses: readonly string[]): Promise<void>;
  remove(tags: readonly string[], addresses?: readonly string[]): Promise<void>;
}

/** Asked anew for each call, because an agent may start at any time. */
export interface GuardState {
  /** New marks get an entry. */
  isWanted(): boolean;
  /** There may be entries, so they are removed with the marks. */
  mayExist(): boolean;
}

/**
 * The same backend with the guard. An entry is made after the mark, and outlives it until the attachment can
 * send nothing any more, so a packet without a mark never passes in between; an entry of somebody else goes
 * before the mark is made, so a pod never meets it. A mark in force is not taken back when the guard fails: the caller decides.
 */
export function withGuard(
  backend: MarkBackend,
  guard: (environment: Readonly<Record<string, string>>) => GuardEntries,
  state: GuardState,
): MarkBackend {
  return {
    ...backend,
    open: (environment) => guarded(backend.open(environment), guard(environment), state),
  };
}

function guarded(marks: Marks, guard: GuardEntries, state: GuardState): Marks {
  return {
    ...marks,
    install: async (order) => {
      const together = state.isWanted() ? await marks.installGuarded?.(order) : undefined;
      if (together !== undefined) return together;
      if (state.mayExist()) await guard.prepare(order);
      const installed = await marks.install(order);
      order.confirm?.();
      if (state.isWanted()) await guard.set(order);
      else if (state.mayExist()) await guard.evict(order.addresses);
      return installed;
    },
    evict: async (key, addresses, confirm) => {
      const evicted = marks.evict(key, addresses, confirm);
      await both(evicted, async () => {
        if (state.mayExist()) await guard.evict(addresses);
      });
      return evicted;
    },
    remove: async (tags, known, leaving) => {
      if (!state.mayExist()) return marks.remove(tags, known, leaving);
      const removed = marks.remove(tags, known, leaving).finally(() => leaving?.outOfForce());
      await both(removed, async () => {
        // One that may still send goes on being held back, until another DEL or the address's next owner.
        if ((await leaving?.silent) !== false) await guard.remove(tags, known?.addresses);
      });
    },
  };
}

/** Waits for the first, whatever becomes of it, then does the second. Throws all failures together. */
async function both(first: Promise<unknown>, second: () => Promise<void>): Promise<void> {
  await settleTogether([first, Promise.allSettled([first]).then(second)]);
}
