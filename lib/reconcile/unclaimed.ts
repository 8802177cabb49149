import type { Target } from "./ports";

/**
 * Removes marks that have no record, under the locks of the records: an ADD that begins now writes its record
 * first. Returns the tags that still had none. Throws CniError `tryAgainLater` or `rules`.
 */
export async function removeUnclaimed(
  { conf, journal, locks, layers }: Target,
  tags: readonly string[],
): Promise<readonly string[]> {
  if (tags.length === 0) return [];
  return locks.hold(tags, conf.lockTimeoutMs, async () => {
    const claimed = new Set(journal.tags());
    const unclaimed = tags.filter((tag) => !claimed.has(tag));
    // The guard first: without the mark it would stop what is allowed now.
    if (unclaimed.length > 0)
      for (const { marks } of [...layers].reverse()) await marks.remove(unclaimed);
    return unclaimed;
  });
}
