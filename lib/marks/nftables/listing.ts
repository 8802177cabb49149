/** Pure: one of our tables as `nft list table` prints it. */
import { FULL_MASK } from "../../net/mark";
import { FAMILIES } from "../../net/family";
import { parseComment } from "../tag";
import { BASE_RULES, baseHeader, type Chain, type Layout } from "./layout";

/** An element of a verdict map. */
export interface Element {
  readonly address: string;
  /** undefined: it is not ours. */
  readonly owner: { readonly tag: string; readonly label: string } | undefined;
  /** The name of the chain that it goes to; "" for any other verdict. */
  readonly chain: string;
  /** As nft prints it. */
  readonly text: string;
}

export interface Listing {
  readonly elements: readonly Element[];
  /** Address to owner, as `ownerOf` writes it. */
  readonly owners: ReadonlyMap<string, string>;
  /** By name, their lines; the base chain is among them. */
  readonly chains: ReadonlyMap<string, readonly string[]>;
  readonly counters: ReadonlyMap<string, { readonly packets: number; readonly bytes: number }>;
  readonly dormant: boolean;
}

const ELEMENT =
  /([0-9a-f.:]+)(?: (?!comment\b)[a-z]+ [^\s"]+)*(?: comment "([^"]*)")? : ([a-z]+)(?: ([^\s,}]+))?/g;
const OWNER = /([0-9a-f.:]+) : 0x0*([0-9a-f]+)/g;
const COUNTER = /packets (\d+) bytes (\d+)/;

/** Reads a listing; "" is a table that does not exist. */
export function parseListing(text: string): Listing {
  const blocks = blocksOf(text);
  const bodies = (kind: string): readonly (readonly [string, readonly string[]])[] =>
    blocks.filter((block) => block.kind === kind).map(({ name, lines }) => [name, lines]);
  const maps = new Map(bodies("map").map(([name, lines]) => [name, elementsIn(lines)]));
  const inMaps = (name: string): string => FAMILIES.map((f) => maps.get(name + f) ?? "").join(" ");
  return {
    elements: [...inMaps("pods").matchAll(ELEMENT)].map(toElement),
    owners: new Map(
      [...inMaps("owners").matchAll(OWNER)].map(([, address = "", owner = ""]) => [
        address,
        `0x${owner}`,
      ]),
    ),
    chains: new Map(bodies("chain")),
    counters: new Map(
      bodies("counter").map(([name, lines]) => {
        const [, packets, bytes] = COUNTER.exec(lines.join(" ")) ?? [];
        return [name, { packets: Number(packets ?? 0), bytes: Number(bytes ?? 0) }];
      }),
    ),
    dormant: /^\tflags .*\bdormant\b/m.test(text),
  };
}

interface Block {
  readonly kind: string;
  readonly name: string;
  readonly lines: readonly string[];
}

function blocksOf(text: string): readonly Block[] {
  return [...text.matchAll(/^\t(map|chain|counter) (\S+) \{[^\n]*\n([\s\S]*?)^\t\}/gm)].map(
    ([, kind = "", name = "", body = ""]) => ({
      kind,
      name,
      lines: body
        .split("\n")
        .map((line) => line.trim())
        .filter((line) => line !== ""),
    }),
  );
}

function elementsIn(lines: readonly string[]): string {
  const text = lines.join(" ");
  const at = text.indexOf("elements = {");
  return at < 0 ? "" : text.slice(at + "elements = {".length);
}

function toElement([
  text,
  address = "",
  comment = "",
  verb,
  target = "",
]: RegExpMatchArray): Element {
  return {
    address,
    owner: parseComment(comment),
    chain: verb === "goto" ? target : "",
    text: text ?? "",
  };
}

/** Whether the base chain sees every packet, and does what we wrote. */
export function isBaseIntact(layout: Layout, { chains, dormant }: Listing): boolean {
  const [header = "", ...rules] = chains.get(layout.hook) ?? [];
  return !dormant && isBaseHeader(layout, header) && sameLines(rules, BASE_RULES);
}

/** Whether the line declares the hook as we do; another declaration cannot be changed in place. */
export function isBaseHeader(layout: Layout, line: string): boolean {
  return line === baseHeader(layout);
}

/** Whether a chain does what we wrote. nft's versions print numbers and masks in different ways. */
export function isChainIntact(chain: Chain, { chains }: Listing): boolean {
  return sameLines(chains.get(chain.name) ?? [], chain.rules);
}

function sameLines(have: readonly string[], want: readonly string[]): boolean {
  return (
    have.length === want.length && have.every((line, i) => meaning(line) === meaning(want[i] ?? ""))
  );
}

/** The rule in one written form. */
function meaning(rule: string): string {
  const plain = rule.replace(/\b0x0*([0-9a-f]+)\b/g, "0x$1").replace(/\s+/g, " ");
  return plain
    .replace(
      /^meta mark set (?:meta mark(?: & (0x[0-9a-f]+))?(?: \| (0x[0-9a-f]+))?|(0x[0-9a-f]+))(?= counter)/,
      (_all, keep?: string, or?: string, whole?: string) =>
        whole === undefined
          ? setMeaning(Number(keep ?? FULL_MASK), Number(or ?? 0))
          : setMeaning(0, Number(whole)),
    )
    .replace(/^meta mark(?: ==)? (0x[0-9a-f]+) return$/, "meta mark & 0xffffffff == $1 return");
}

// nft keeps in the mask the bits that the value sets anyway.
function setMeaning(keep: number, value: number): string {
  return `set ${value >>> 0} of ${(~keep | value) >>> 0}`;
}
