/** Pure: which rules read or write which mark bits, from the output of `iptables-save`. */
import { FULL_MASK, parseUint32 } from "../../net/mark";
import { parsePrefix, type Prefix } from "../../net/address";
import { removalOf, unquoted, wordsOf } from "../../text/iptables-words";
import type { MarkUse } from "../model";

/** The comments of all our rules begin like this. */
const OURS = "tenant-routing";

/** Bits, and the value that they are compared with or set to; undefined: not known. */
type Bits = readonly [mask: number, value: number | undefined];
/** Reads the bits from the word after an option; `option` returns the word after another option. */
type Reader = (word: string, option: (name: string) => string | undefined) => Bits | undefined;

/**
 * Uses of the mark in `iptables-save`'s output of all tables, without our own rules. `program` is
 * the one that has printed it, such as `iptables-nft`. Bits of the connection's mark count as bits
 * of the packet's mark, because rules copy them; a rule about all 32 of the connection's says
 * nothing about the packet's.
 */
export function usesInSave(text: string, program: string): readonly MarkUse[] {
  return foreignRules(text).flatMap(({ table, chain, words }) => {
    const target = words.slice(words.findIndex((word, i) => word === "-j" && !isComment(words, i)));
    const copies = target.includes("--restore-mark");
    const written = target[1] === "MARK" || copies ? bitsOf(target).length : 0;
    const all = bitsOf(words);
    return all.map(([mask, value], i) => ({
      by: { kind: "iptables", program, table, chain },
      mask,
      value,
      whole: mask === FULL_MASK,
      rule: {
        text: words.join(" "),
        removal: removalOf({ program, table, chain, words: words.map(unquoted) }),
        sources: sourcesOf(words),
        writes: i >= all.length - written,
      },
    }));
  });
}

// A rule for all addresses but some is for nobody's address.
function sourcesOf(words: readonly string[]): readonly Prefix[] {
  const at = words.findIndex((word, i) => word === "-s" && !isComment(words, i));
  const prefix = at < 0 || words[at - 1] === "!" ? undefined : parsePrefix(words[at + 1] ?? "");
  return prefix === undefined ? [] : [prefix];
}

/** What follows `--comment` is text, whatever it looks like. */
function isComment(words: readonly string[], at: number): boolean {
  return words[at - 1] === "--comment";
}

/** Names of the chains in `iptables-save`'s output, each once. */
export function chainsInSave(text: string): readonly string[] {
  const names = text.split("\n").flatMap((line) => /^:(\S+) /.exec(line)?.[1] ?? []);
  return [...new Set(names)];
}

/** A rule as iptables-save prints it, in words: text in quotes is one, quotes included. */
interface SavedRule {
  readonly table: string;
  readonly chain: string;
  readonly words: readonly string[];
}

/** The rules in `iptables-save`'s output, without ours. */
function foreignRules(text: string): readonly SavedRule[] {
  let table = "";
  return text.split("\n").flatMap((line) => {
    if (line.startsWith("*")) table = line.slice(1).trim();
    if (!line.startsWith("-A ")) return [];
    const [, chain = "", ...words] = wordsOf(line);
    return commentOf(words).startsWith(OURS) ? [] : [{ table, chain, words }];
  });
}

function commentOf(words: readonly string[]): string {
  return (words[words.indexOf("--comment") + 1] ?? "").replace(/^"/, "");
}

/** By match or target, and by its option. */
const READERS: Readonly<Record<string, Readonly<Record<string, Reader>>>> = {
  mark: { "--mark": (word) => compared(word) },
  connmark: { "--mark": (word) => ofConnection(compared(word)) },
  socket: { "--restore-skmark": () => [FULL_MASK, undefined] },
  MARK: {
    "--set-xmark": (word) => xored(word),
    "--set-mark": (word) => assigned(word),
    "--or-mark": (word) => ofNumber(word, (bits) => [bits, bits]),
    "--and-mark": (word) => ofNumber(word, (bits) => [~bits >>> 0, 0]),
    "--xor-mark": (word) => ofNumber(word, (bits) => [bits, undefined]),
  },
  CONNMARK: {
    "--set-xmark": (word) => ofConnection(xored(word)),
    "--set-mark": (word) => ofConnection(assigned(word)),
    "--save-mark": (_word, option) => [maskOption(option, "--nfmask"), undefined],
    // The bits of nfmask are cleared in the packet, those of ctmask come from the connection.
    "--restore-mark": (_word, option) => [
      (maskOption(option, "--nfmask") | maskOption(option, "--ctmask")) >>> 0,
      undefined,
    ],
  },
  TPROXY: { "--tproxy-mark": (word) => xored(word) },
};

function bitsOf(words: readonly string[]): readonly Bits[] {
  let context = "";
  return words.flatMap((word, i) => {
    const next = words[i + 1] ?? "";
    if (word === "-m" || word === "-j") context = next;
    if (isComment(words, i)) return [];
    // iptables-save prints `!` before the option, so the option's word is always the next one.
    const bits = READERS[context]?.[word]?.(next, (name) => optionOf(words.slice(i), name));
    return bits === undefined || bits[0] === 0 ? [] : [bits];
  });
}

function optionOf(words: readonly string[], name: string): string | undefined {
  const at = words.indexOf(name);
  return at < 0 ? undefined : words[at + 1];
}

function maskOption(option: (name: string) => string | undefined, name: string): number {
  return parseUint32(option(name) ?? option("--mask") ?? "") ?? FULL_MASK;
}

function pair(word: string): readonly [value: number, mask: number] | undefined {
  const [value, mask] = word.split("/").map(parseUint32);
  return value === undefined ? undefined : [value, mask ?? FULL_MASK];
}

function compared(word: string): Bits | undefined {
  const read = pair(word);
  return read === undefined ? undefined : [read[1], read[0]];
}

// Clears the bits of the mask, then flips those of the value: outside the mask the outcome is not
// known.
function xored(word: string): Bits | undefined {
  const read = pair(word);
  if (read === undefined) return undefined;
  const [value, mask] = read;
  return [(mask | value) >>> 0, (value & ~mask) === 0 ? value : undefined];
}

// Clears the bits of the mask, then sets those of the value.
function assigned(word: string): Bits | undefined {
  const read = pair(word);
  return read === undefined ? undefined : [(read[1] | read[0]) >>> 0, read[0]];
}

function ofNumber(word: string, bits: (number: number) => Bits): Bits | undefined {
  const number = parseUint32(word);
  return number === undefined ? undefined : bits(number);
}

function ofConnection(bits: Bits | undefined): Bits | undefined {
  return bits?.[0] === FULL_MASK ? undefined : bits;
}
