/** Records as the reconciler reads and rewrites them. */
import { attachmentIn, type Attachment } from "../attachment/journal";
import { CniError } from "../cni/error";
import type { Rewriting, SeenRecord } from "./plan";
import type { Target } from "./ports";

type Reading = Pick<Target, "journal">;

/** All tags, and the records of attachments that are in use. One that is damaged is its DEL's affair. */
export function readRecords({ journal }: Reading): {
  readonly tags: ReadonlySet<string>;
  readonly complete: readonly SeenRecord[];
} {
  const tags = journal.tags();
  const complete = tags.flatMap((tag) => {
    const attachment = attachmentIn(journal, tag);
    return attachment?.state === "complete" ? [{ tag, attachment }] : [];
  });
  return { tags: new Set(tags), complete };
}

/** Throws CniError `superseded` unless the record still says just this. */
export function confirmUnchanged(reading: Reading, { tag, attachment }: SeenRecord): void {
  if (isUnchanged(reading, { tag, attachment })) return;
  throw new CniError(
    "superseded",
    `container ${attachment.key.containerId} was deleted in the meantime`,
  );
}

function isUnchanged({ journal }: Reading, { tag, attachment }: SeenRecord): boolean {
  const current = attachmentIn(journal, tag);
  return current === attachment || JSON.stringify(current) === JSON.stringify(attachment);
}

/**
 * Writes `next` where the record still is what was seen, under the locks of the records; `before` is called
 * with those, and keeps them as they are when it throws. Returns those that were rewritten.
 */
export async function rewriteRecords<T extends Pick<Rewriting, "tag" | "attachment" | "next">>(
  { conf, journal, locks }: Omit<Target, "layers">,
  rewritings: readonly T[],
  before: (unchanged: readonly T[]) => Promise<void> = async () => {},
): Promise<readonly T[]> {
  if (rewritings.length === 0) return [];
  const tags = rewritings.map(({ tag }) => tag);
  return locks.hold(tags, conf.lockTimeoutMs, async () => {
    const unchanged = rewritings.filter((each) => isUnchanged({ journal }, each));
    if (unchanged.length === 0) return [];
    await before(unchanged);
    for (const { tag, next } of unchanged) journal.write(tag, next);
    return unchanged;
  });
}

/** The same record with another place of its marks. */
export function withPlace(attachment: Attachment, place: string): Attachment {
  return { ...attachment, backend: place };
}
