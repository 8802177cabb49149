import { isObject, own, parseJson, type Json, type JsonObject } from "../../../cni/json";
import { MAX_BODY_BYTES, OversizeError } from "../../errors";

const [QUOTE, BACKSLASH, ZERO] = [0x22, 0x5c, 0x30];
const [OPEN_OBJECT, CLOSE_OBJECT, OPEN_LIST, CLOSE_LIST] = [0x7b, 0x7d, 0x5b, 0x5d];
/** All of a list but its items; with 10,000 of them that is 20 KiB. */
const MAX_FRAME_BYTES = 1024 * 1024;

/** What stands around the items of a list. */
export interface ListHead {
  readonly resourceVersion: string;
  /** Token of the next page, "" for none. */
  readonly next: string;
}

/**
 * Reads a Kubernetes list item by item, so that it never holds more than one of them: an API server that
 * answers from its cache does not page, and pods with annotations of 256 KiB each may be many.
 */
export class ListReader {
  readonly #item = new Piece(MAX_BODY_BYTES);
  readonly #frame = new Piece(MAX_FRAME_BYTES);
  /** Open brackets, outermost first. */
  readonly #open: number[] = [];
  #inItem = false;
  #inString = false;
  #escaped = false;
  #items = 0;

  /** `onItem` gets every object of a list directly below the root. */
  constructor(readonly onItem: (item: JsonObject) => void) {}

  /** Throws `OversizeError`, CniError `decode`, and what `onItem` throws. */
  push(chunk: Uint8Array): void {
    let start = 0;
    for (let at = 0; at < chunk.byteLength; at++) {
      const byte = chunk[at] as number;
      if (this.#inString) {
        this.#readString(byte);
      } else if (byte === OPEN_OBJECT && this.#isItemStart()) {
        this.#frame.add(chunk.subarray(start, at));
        [start, this.#inItem] = [at, true];
        this.#open.push(byte);
      } else if (this.#readStructure(byte) && this.#inItem && this.#open.length === 2) {
        this.#item.add(chunk.subarray(start, at + 1));
        [start, this.#inItem] = [at + 1, false];
        this.#endItem();
      }
    }
    (this.#inItem ? this.#item : this.#frame).add(chunk.subarray(start));
  }

  /** After the last chunk: false where an object or list that was begun has no end. */
  isWhole(): boolean {
    return this.#open.length === 0 && !this.#inString;
  }

  /** After the last chunk. Throws CniError `decode` or Error for what is not a whole list. */
  end(): ListHead {
    const list = parseJson(this.#frame.take(), "the list", MAX_FRAME_BYTES);
    const metadata = isObject(list) ? own(list, "metadata") : undefined;
    if (!isObject(list) || !isObject(metadata)) throw new Error("the answer is not a list");
    if (countOf(own(list, "items")) !== this.#items)
      throw new Error("the answer is not a list of objects");
    const version = own(metadata, "resourceVersion");
    if (typeof version !== "string" || version === "")
      throw new Error("the list has no resourceVersion");
    const next = own(metadata, "continue");
    return { resourceVersion: version, next: typeof next === "string" ? next : "" };
  }

  #readString(byte: number): void {
    if (this.#escaped) this.#escaped = false;
    else if (byte === BACKSLASH) this.#escaped = true;
    else if (byte === QUOTE) this.#inString = false;
  }

  /** true where a bracket was closed. */
  #readStructure(byte: number): boolean {
    if (byte === QUOTE) this.#inString = true;
    else if (byte === OPEN_OBJECT || byte === OPEN_LIST) this.#open.push(byte);
    else if (byte === CLOSE_OBJECT || byte === CLOSE_LIST) {
      this.#open.pop();
      return true;
    }
    return false;
  }

  #isItemStart(): boolean {
    const [root, list] = this.#open;
    return this.#open.length === 2 && root === OPEN_OBJECT && list === OPEN_LIST;
  }

  #endItem(): void {
    this.#items++;
    // Stands for the item, so that what is left is JSON with the right number of them.
    this.#frame.add(Uint8Array.of(ZERO));
    const item = parseJson(this.#item.take(), "an item of the list");
    if (isObject(item)) this.onItem(item);
  }
}

/** Go writes null for a list of nothing. */
function countOf(items: Json | undefined): number | undefined {
  return Array.isArray(items) ? items.length : (items ?? null) === null ? 0 : undefined;
}

/** Bytes that are collected, at most `limit` of them. */
class Piece {
  #parts: Uint8Array[] = [];
  #size = 0;

  constructor(readonly limit: number) {}

  add(part: Uint8Array): void {
    this.#size += part.byteLength;
    if (this.#size > this.limit) throw new OversizeError();
    if (part.byteLength > 0) this.#parts.push(part);
  }

  take(): Uint8Array {
    const whole = Buffer.concat(this.#parts);
    this.#parts = [];
    this.#size = 0;
    return whole;
  }
}
