/** Asking a backend only where it may hold marks, so that a node pays for one backend and not for all. */
import type { MarkBackend, MarkOrder, Marks } from "../ports";

/** The same backend, with `note` called before anything is put in force: from then on it may hold marks. */
export function notingUse(backend: MarkBackend, note: () => void): MarkBackend {
  return {
    ...backend,
    open: (environment) => {
      const marks = backend.open(environment);
      return {
        ...marks,
        install: async (order) => {
          note();
          return marks.install(order);
        },
        ...(marks.installGuarded && {
          installGuarded: async (order: MarkOrder) => {
            note();
            return marks.installGuarded?.(order);
          },
        }),
        restore: async (orders) => {
          note();
          return marks.restore(orders);
        },
      };
    },
  };
}

/**
 * The same backend, for the role of one that gets no new marks. Without any that it may hold it is not asked,
 * except for what a record says to be there.
 */
export function whereUsed(backend: MarkBackend, mayHold: () => boolean): MarkBackend {
  return {
    ...backend,
    open: (environment) => {
      const marks = backend.open(environment);
      const isThere = ({ backend: place }: { backend: string }): boolean =>
        backend.places.includes(place);
      const asked: Marks = {
        ...marks,
        anticipate: () => {},
        evict: async (key, addresses, confirm) =>
          mayHold() ? marks.evict(key, addresses, confirm) : [],
        remove: async (tags, known, leaving) => {
          if ((known !== undefined && isThere(known)) || mayHold())
            await marks.remove(tags, known, leaving);
        },
        list: async () => (mayHold() ? marks.list() : []),
        traffic: async () => (mayHold() ? marks.traffic() : []),
      };
      return asked;
    },
  };
}
