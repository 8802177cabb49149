/** Collects the parts of a report: none stops another, and none is larger than its share. */
import { toCniError } from "../cni/error";
import type { ArchivedFile } from "./tar";

/** One file of the report. */
export interface Part {
  readonly name: string;
  /** Throws what kept it from being read. */
  readonly read: () => Promise<string>;
  /** Which end stays of what is too long: a log's end, any other text's beginning. */
  readonly keeps?: "end";
}

export interface Collected {
  readonly files: readonly ArchivedFile[];
  /** Parts that could not be read, and why. */
  readonly missing: readonly { readonly name: string; readonly why: string }[];
}

/** Bytes of one part. */
const MOST_BYTES = 4 * 1024 * 1024;
/** Parts that are read at once. */
const AT_ONCE = 4;

/** Reads all parts; the reason stands in the place of one that fails. `scrub` is applied to every text. */
export async function collect(
  parts: readonly Part[],
  scrub: (text: string) => string,
  onPart: (name: string) => void = () => {},
): Promise<Collected> {
  const queue = [...parts.entries()];
  const files: ArchivedFile[] = [];
  const missing: { name: string; why: string }[] = [];
  const work = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const [at, { name, read, keeps }] = next;
      onPart(name);
      try {
        files[at] = { name, content: bounded(scrub(await read()), keeps) };
      } catch (thrown) {
        const why = scrub(toCniError(thrown).message);
        missing.push({ name, why });
        files[at] = { name, content: Buffer.from(`could not be collected: ${why}\n`) };
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return { files, missing };
}

function bounded(text: string, keeps: Part["keeps"]): Uint8Array {
  const bytes = Buffer.from(text);
  const surplus = bytes.byteLength - MOST_BYTES;
  if (surplus <= 0) return bytes;
  const note = Buffer.from(`\n[${surplus} bytes were left out]\n`);
  return keeps === "end"
    ? Buffer.concat([note, bytes.subarray(surplus)])
    : Buffer.concat([bytes.subarray(0, MOST_BYTES), note]);
}
