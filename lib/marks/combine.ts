/** Several backends as one: new marks go to the first, and old ones are looked for in all. */
import { CniError, settleTogether, toCniError } from "../cni/error";
import type { Installed, MarkBackend, MarkOrder, Marks, RestoreOrder, Restored } from "../ports";
import { attachmentTag } from "./tag";

/** The backends of a node. The first gets the marks of new pods; those of running pods may be in any. */
export function combineBackends(
  first: MarkBackend,
  ...others: readonly MarkBackend[]
): MarkBackend {
  if (others.length === 0) return first;
  const backends = [first, ...others];
  const ownerOf = (place: string | undefined): MarkBackend | undefined =>
    backends.find(({ places }) => place !== undefined && places.includes(place));
  return {
    places: backends.flatMap(({ places }) => places),
    home: () => first.home(),
    pieces: (marking, place) => (ownerOf(place) ?? first).pieces(marking, place),
    open: (environment) => {
      const opened = new Map(backends.map((backend) => [backend, backend.open(environment)]));
      const [head, ...rest] = opened.values();
      return combineMarks(head as Marks, rest, (place) => {
        const owner = ownerOf(place);
        return owner === undefined ? undefined : opened.get(owner);
      });
    },
  };
}

function combineMarks(
  first: Marks,
  others: readonly Marks[],
  ownerOf: (place: string | undefined) => Marks | undefined,
): Marks {
  const all = [first, ...others];
  return {
    anticipate: (willBeInstalled) => {
      first.anticipate(willBeInstalled);
      others.forEach((marks) => marks.anticipate());
    },
    install: async (order) => clearedElsewhere(first, others, order, await first.install(order)),
    ...(first.installGuarded && {
      installGuarded: async (order: MarkOrder) => {
        const done = await first.installGuarded?.(order);
        return done && clearedElsewhere(first, others, order, done);
      },
    }),
    restore: async (orders) => {
      const done = await inEach(all, (marks) =>
        restoreIn(
          marks,
          orders.filter(({ place }) => (ownerOf(place) ?? first) === marks),
        ),
      );
      await clearOthers(others, orders, (place) => ownerOf(place) !== undefined, done[0] ?? []);
      return done.flat();
    },
    evict: async (key, addresses, confirm) =>
      distinct(await inEach(all, (marks) => marks.evict(key, addresses, confirm))),
    remove: async (tags, known, leaving) => {
      const owner = ownerOf(known?.backend);
      if (owner === undefined) await inEach(all, (marks) => marks.remove(tags, known));
      else await inEach([owner], (marks) => marks.remove(tags, known, leaving));
    },
    list: async () => (await inEach(all, (marks) => marks.list())).flat(),
    traffic: async () => (await inEach(all, (marks) => marks.traffic())).flat(),
    probe: async () => {
      await first.probe();
      await inEach(others, (marks) => marks.list());
    },
  };
}

/**
 * After the new mark, whatever the others had goes, so that a pod that runs is never without one. If
 * the others cannot be cleared, the new mark is taken back.
 */
async function clearedElsewhere(
  first: Marks,
  others: readonly Marks[],
  { key, addresses, confirm }: MarkOrder,
  { place, evicted }: Installed,
): Promise<Installed> {
  const tag = attachmentTag(key);
  try {
    const elsewhere = await inEach(others, async (marks) => {
      await marks.remove([tag]);
      return marks.evict(key, addresses, confirm);
    });
    return { place, evicted: distinct([evicted, ...elsewhere]) };
  } catch (thrown) {
    const error = plain(thrown);
    throw await first.remove([tag], { backend: place, addresses }).then(
      () => error,
      (second: unknown) =>
        error.withDetails(`taking back the new mark failed too: ${toCniError(second).message}`),
    );
  }
}

async function restoreIn(
  marks: Marks,
  orders: readonly RestoreOrder[],
): Promise<readonly Restored[]> {
  return orders.length === 0 ? [] : marks.restore(orders);
}

/** What is in the first now without having been in a place before may be elsewhere, too. */
async function clearOthers(
  others: readonly Marks[],
  orders: readonly RestoreOrder[],
  isKnown: (place: string | undefined) => boolean,
  restored: readonly Restored[],
): Promise<void> {
  const unplaced = new Set(
    orders.filter(({ place }) => !isKnown(place)).map(({ key }) => attachmentTag(key)),
  );
  const tags = restored.map(({ tag }) => tag).filter((tag) => unplaced.has(tag));
  if (tags.length > 0) await inEach(others, (marks) => marks.remove(tags));
}

/** Asks each at once. */
function inEach<T>(
  all: readonly Marks[],
  body: (marks: Marks) => Promise<T>,
): Promise<readonly T[]> {
  return settleTogether(all.map(body)).catch((error: unknown) => {
    throw plain(error);
  });
}

// One backend's word that it has touched nothing says nothing of the others (RulesUntouched).
function plain(thrown: unknown): CniError {
  const { code, message, details, missingPackage } = toCniError(thrown);
  return new CniError(code, message, { details, cause: thrown, missingPackage });
}

function distinct(lists: readonly (readonly string[])[]): readonly string[] {
  return [...new Set(lists.flat())];
}
