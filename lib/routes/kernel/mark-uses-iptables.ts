/** Pure: which rules read or write which mark bits, from the output of `iptables-save`. */
import { parsePrefix, type Prefix } from "../../net/address";
import { FULL_MASK, parseUint32 } from "../../net/mark";
import { isOurRule, placeOf, readSave, wordAfter, type SavedRule } from "../../text/iptables-save";
import { removalOf } from "../../text/iptables-words";
import type { MarkUse } from "../model";

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
  const { rules } = readSave(program, text);
  const uses: (readonly MarkUse[])[] = [];
  /** By table and chain: the addresses whose marks our rules write, of those behind the rule that is looked at. */
  const behind = new Map<string, Prefix[]>();
  for (const rule of [...rules].reverse()) {
    const place = `${rule.table} ${rule.chain}`;
    const ours = behind.get(place) ?? [];
    behind.set(place, ours);
    if (isOurRule(rule)) ours.push(...(wordAfter(rule, "--ctdir") ? [] : sourcesOf(rule)));
    else uses.push(usesOfRule(rule, ours));
  }
  return uses.reverse().flat();
}

function usesOfRule(rule: SavedRule, ours: readonly Prefix[]): readonly MarkUse[] {
  const { program, table, chain, words, spec } = rule;
  const all = bitsOf(words);
  const target = words.slice(placeOf(rule, "-j"));
  const copies = target.includes("--restore-mark");
  const written = target[1] === "MARK" || copies ? bitsOf(target).length : 0;
  return all.map(([mask, value], i): MarkUse => ({
    by: { kind: "iptables", program, table, chain },
    mask,
    value,
    whole: mask === FULL_MASK,
    rule: {
      text: spec,
      removal: removalOf(rule),
      sources: sourcesOf(rule),
      // Only what writes can be written again.
      ...(i < all.length - written ? { writes: false } : { writes: true, overwritten: [...ours] }),
      narrowed: isNarrowed(rule),
    },
  }));
}

// A rule for all addresses but some is for nobody's address.
function sourcesOf(rule: SavedRule): readonly Prefix[] {
  const at = placeOf(rule, "-s");
  const isNegated = rule.words[at - 1] === "!";
  const prefix = at < 0 || isNegated ? undefined : parsePrefix(rule.words[at + 1] ?? "");
  return prefix === undefined ? [] : [prefix];
}

/** True where more than a source decides which packets it is for. */
function isNarrowed(rule: SavedRule): boolean {
  const words = rule.words.slice(0, placeOf(rule, "-j"));
  const rest = words.filter(
    (word, i) => ![word, words[i - 1] ?? ""].some((each) => each === "--comment" || each === "-s"),
  );
  return rest.some((word, i) => word !== "-m" && !(rest[i - 1] === "-m" && word === "comment"));
}

/** Names of the chains in `iptables-save`'s output, each once. */
export function chainsInSave(text: string): readonly string[] {
  return [...new Set(readSave("", text).chains.map(({ name }) => name))];
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
    // What follows is text, whatever it looks like.
    if (words[i - 1] === "--comment") return [];
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
