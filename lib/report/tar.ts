/** Pure: files as one archive in the ustar format (POSIX.1-1988, pax(1)), which every tar reads. */

export interface ArchivedFile {
  /** Relative, without `..`. */
  readonly name: string;
  readonly content: Uint8Array;
}

const BLOCK = 512;
/** Bytes of a name; longer ones would need a prefix field. */
const LONGEST_NAME = 100;

/** `modified`: of all files. They belong to root and are read by their owner alone. */
export function archive(files: readonly ArchivedFile[], modified: Date): Uint8Array {
  const blocks = files.flatMap(({ name, content }) => [
    header(name, content.byteLength, modified),
    content,
    new Uint8Array((BLOCK - (content.byteLength % BLOCK)) % BLOCK),
  ]);
  return Buffer.concat([...blocks, new Uint8Array(2 * BLOCK)]);
}

function header(name: string, size: number, modified: Date): Uint8Array {
  const bytes = Buffer.alloc(BLOCK);
  const put = (text: string, at: number): void => void bytes.write(text, at, "latin1");
  bytes.write(plainName(name), 0, LONGEST_NAME, "latin1");
  put("0000600\0", 100);
  put(octal(0, 7), 108);
  put(octal(0, 7), 116);
  put(octal(size, 11), 124);
  put(octal(Math.floor(modified.getTime() / 1000), 11), 136);
  // The sum counts its own field as spaces.
  put("        ", 148);
  put("0", 156);
  put("ustar\0" + "00", 257);
  put("root\0", 265);
  put("root\0", 297);
  const sum = bytes.reduce((total, byte) => total + byte, 0);
  put(`${octal(sum, 6)} `, 148);
  return bytes;
}

/** A name from anywhere cannot leave the directory that the archive is unpacked in. */
function plainName(name: string): string {
  return name
    .split("/")
    .filter((part) => !["", ".", ".."].includes(part))
    .map((part) => part.replace(/[^\w.@+,=-]/g, "_"))
    .join("/")
    .slice(0, LONGEST_NAME);
}

function octal(value: number, digits: number): string {
  return `${value.toString(8).padStart(digits, "0")}\0`;
}
