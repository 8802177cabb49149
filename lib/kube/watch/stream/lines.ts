import { OversizeError } from "../../errors";

const NEWLINE = 0x0a;

/**
 * Cuts a stream into lines, which end with a newline. Of an unfinished line it holds at most `limit` bytes;
 * a longer one is an `OversizeError`.
 */
export class LineSplitter {
  #parts: Uint8Array[] = [];
  #held = 0;

  constructor(readonly limit: number) {}

  /** The lines that `chunk` completes, without their newline, empty ones left out. Throws `OversizeError`. */
  push(chunk: Uint8Array): Uint8Array[] {
    const lines: Uint8Array[] = [];
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      this.#hold(chunk.subarray(start, end));
      if (this.#held > 0) lines.push(this.#take());
      start = end + 1;
    }
    this.#hold(chunk.subarray(start));
    return lines;
  }

  #hold(part: Uint8Array): void {
    if (part.byteLength === 0) return;
    this.#held += part.byteLength;
    if (this.#held > this.limit) throw new OversizeError();
    this.#parts.push(part);
  }

  #take(): Uint8Array {
    const line = this.#parts.length === 1 ? this.#parts[0] : Buffer.concat(this.#parts);
    this.#parts = [];
    this.#held = 0;
    return line as Uint8Array;
  }
}
