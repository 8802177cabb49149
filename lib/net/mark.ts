/**
 * A firewall mark: a value and the mask that says which bits are ours.
 *
 * No bit of the 32 is free on every node (kube-proxy uses 0x4000 and 0x8000, Cilium 0xf00 and
 * more, Calico 0xffff0000, ...), so the mask is part of the value everywhere, and only the bits
 * inside it are ever written.
 */
export interface Mark {
  /** unsigned 32-bit; always inside `mask` */
  readonly value: number;
  /** unsigned 32-bit; never 0 */
  readonly mask: number;
}

/** The mask that a literal without one gets, as in iptables. */
export const FULL_MASK = 0xffffffff;

const NUMBER = /^(?:0[xX][0-9a-fA-F]{1,8}|0|[1-9][0-9]{0,9})$/;

/**
 * Reads one unsigned 32-bit number, decimal or 0x-hexadecimal. A leading zero is refused because
 * iptables would read it as octal. Returns undefined for anything else.
 */
export function parseUint32(text: string): number | undefined {
  if (!NUMBER.test(text)) return undefined;
  const value = Number(text);
  return value <= FULL_MASK ? value : undefined;
}

/** Why a mark literal was refused; the caller adds where it came from. */
export type MarkProblem =
  | "not a number (use decimal such as 16, or hexadecimal such as 0x10, optionally with /mask)"
  | "the value is 0, which means unmarked"
  | "the mask is 0, which selects no bit"
  | "the value has bits outside its mask";

/**
 * Reads a mark literal, `value` or `value/mask`. `defaultMask` is used when the literal has none.
 * Whitespace, signs, octal, binary and exponents are refused: what is accepted here is written
 * into a firewall rule.
 */
export function parseMark(text: string, defaultMask: number = FULL_MASK): Mark | MarkProblem {
  const slash = text.indexOf("/");
  const value = parseUint32(slash < 0 ? text : text.slice(0, slash));
  const mask = slash < 0 ? defaultMask : parseUint32(text.slice(slash + 1));
  if (value === undefined || mask === undefined) {
    return "not a number (use decimal such as 16, or hexadecimal such as 0x10, optionally with /mask)";
  }
  return makeMark(value, mask);
}

/** Builds a mark from two numbers (unsigned 32-bit), with the same rules as `parseMark`. */
export function makeMark(value: number, mask: number): Mark | MarkProblem {
  if (mask === 0) return "the mask is 0, which selects no bit";
  if (value === 0) return "the value is 0, which means unmarked";
  if ((value & ~mask) !== 0) return "the value has bits outside its mask";
  return { value: value >>> 0, mask: mask >>> 0 };
}

/** `0x10/0xff`: the one written form, the same that iptables prints for --set-xmark. */
export function formatMark(mark: Mark): string {
  return `${hex(mark.value)}/${hex(mark.mask)}`;
}

/** Bits of a mark as people and programs read them: `0xff00`. */
export function hex(bits: number): string {
  return `0x${(bits >>> 0).toString(16)}`;
}

/** `10_ff`: value and mask in names of nftables, which take no slash. */
export function markDigits({ value, mask }: Mark): string {
  return `${value.toString(16)}_${mask.toString(16)}`;
}

/** The mark whose digits, by `markDigits`, these are. */
export function markOfDigits(value = "", mask = ""): Mark {
  return { value: Number.parseInt(value, 16), mask: Number.parseInt(mask, 16) };
}

/** True when both marks set the same bits to the same value. */
export function sameMark(a: Mark, b: Mark): boolean {
  return a.value === b.value && a.mask === b.mask;
}

/**
 * True when a packet that carries only the bits of `a` also satisfies a routing rule for `b`. Packets
 * leave a pod unmarked and get one tenant's mark, so bits outside both masks do not matter.
 */
export function satisfiesMark(a: Mark, b: Mark): boolean {
  return (a.value & b.mask) >>> 0 === b.value;
}

/** True when the bits of the mark are as it says, in all 32 bits of a packet. */
export function carries(bits: number, { value, mask }: Mark): boolean {
  return (bits & mask) >>> 0 === value;
}
