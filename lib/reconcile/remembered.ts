/** Records for somebody who reads all of them again and again. */
import type { Journal, JournalRecord } from "../attachment/journal";

type Reading = Pick<Journal, "tags" | "read" | "write" | "stamp">;

/** The same journal, which reads a file again only when it is another one than the last time. */
export function remembered(journal: Reading): Reading {
  const known = new Map<string, { readonly stamp: string; readonly record: JournalRecord }>();
  return {
    stamp: (tag) => journal.stamp(tag),
    write: (tag, attachment) => journal.write(tag, attachment),
    tags: () => {
      const tags = journal.tags();
      const present = new Set(tags);
      for (const tag of known.keys()) if (!present.has(tag)) known.delete(tag);
      return tags;
    },
    read: (tag) => {
      const stamp = journal.stamp(tag);
      const last = known.get(tag);
      if (stamp !== undefined && last?.stamp === stamp) return last.record;
      const record = journal.read(tag);
      // Replaced while it was read: which of the two it is nobody knows.
      if (stamp !== undefined && journal.stamp(tag) === stamp) known.set(tag, { stamp, record });
      else known.delete(tag);
      return record;
    },
  };
}
