/**
 * Pure: which rules read or write which mark bits, from the parsed output of `nft -j list ruleset`.
 */
import { formatCidr, parsePrefix, type Prefix } from "../../net/address";
import { FULL_MASK, hex } from "../../net/mark";
import { fieldsOf, listOf, type Fields } from "../../text/fields";
import { nativeTables, nftRemoval, type NftRule } from "../../text/nft-json";
import { type MarkUse, type MarkUser, OUR_TABLES } from "../model";

/** Of a set or a range with more numbers than this, only the bits are reported. */
const MAX_VALUES = 16;

/** Bits that are read or written, and their values as far as they are known. */
interface Bits {
  readonly mask: number;
  readonly values: readonly number[];
}

/**
 * What an expression computes: `(base & keep) ^ flip`, with the bits of `set` where nothing is
 * kept.
 */
interface Computed {
  readonly base: "packet" | "connection" | "none";
  readonly keep: number;
  readonly set: number;
  readonly flip: number;
}

/**
 * Uses of the mark in native tables, and the names of those tables as `family name`, without our
 * tables and those of iptables-nft. Bits of the connection's mark count as bits of the packet's,
 * unless a rule is about all 32 of them. Anything that does not look like a ruleset is ignored.
 */
export function usesInNft(json: unknown): {
  readonly uses: readonly MarkUse[];
  readonly tables: readonly string[];
} {
  const { tables, rules } = nativeTables(json, OUR_TABLES);
  return { uses: rules.flatMap(usesOfRule), tables };
}

function usesOfRule(rule: NftRule): readonly MarkUse[] {
  const { table, chain, handle, statements } = rule;
  const sources = statements.flatMap(({ match }) => sourcesIn(fieldsOf(match)));
  const written = statements.filter(writesMark).flatMap(bitsOf);
  const from = sources.length === 0 ? [] : [`saddr ${sources.map(formatCidr).join(", ")}`];
  const does = written.length === 0 ? "reads the mark" : writtenText(written);
  const shown = {
    text: [...from, does, `(handle ${handle})`].join(" "),
    removal: nftRemoval(rule),
    sources,
  };
  return statements.flatMap((statement) =>
    bitsOf(statement).flatMap((bits) =>
      usesOf(bits, { kind: "nft", table, chain }).map((use) => ({
        ...use,
        rule: { ...shown, writes: writesMark(statement) },
      })),
    ),
  );
}

function writtenText(written: readonly Bits[]): string {
  const values = written.flatMap((bits) => bits.values);
  const [value] = values;
  return value === undefined || values.length > 1 ? "writes the mark" : `writes ${hex(value)}`;
}

/** True for a statement that writes the packet's mark. */
function writesMark(statement: Fields): boolean {
  const { key } = fieldsOf(statement["mangle"]);
  return fieldsOf(fieldsOf(key)["meta"])["key"] === "mark";
}

function sourcesIn({ op, left, right }: Fields): readonly Prefix[] {
  const field = fieldsOf(fieldsOf(left)["payload"])["field"];
  return field === "saddr" && (op === "==" || op === "in") ? networksOf(right) : [];
}

/** An address, a network, or a set of them; what else there is (ranges, named sets) is not read. */
function networksOf(right: unknown): readonly Prefix[] {
  if (typeof right === "string") return known(parsePrefix(right));
  const { set, prefix } = fieldsOf(right);
  if (set !== undefined) return listOf(set).flatMap(networksOf);
  const { addr, len } = fieldsOf(prefix);
  return typeof addr === "string" ? known(parsePrefix(`${addr}/${String(len)}`)) : [];
}

function known(prefix: Prefix | undefined): readonly Prefix[] {
  return prefix === undefined ? [] : [prefix];
}

function usesOf({ mask, values }: Bits, by: MarkUser): readonly MarkUse[] {
  if (mask === 0) return [];
  const use = { by, mask, whole: mask === FULL_MASK };
  return values.length === 0
    ? [{ ...use, value: undefined }]
    : values.map((value) => ({ ...use, value }));
}

function bitsOf(statement: Fields): readonly Bits[] {
  if (statement["match"] !== undefined) return matched(fieldsOf(statement["match"]));
  if (statement["mangle"] !== undefined) return written(fieldsOf(statement["mangle"]));
  return reads(statement, []);
}

function matched({ op, left, right }: Fields): readonly Bits[] {
  const values = op === "==" || op === "!=" || op === "in" ? numbersOf(right) : [];
  return [...reads(left, values), ...reads(right, [])];
}

function written({ key, value }: Fields): readonly Bits[] {
  const target = computed(key);
  if (target === undefined) return reads(value, []);
  const source = computed(value);
  // A map, a hash or a number generator may give any value, and may read the mark itself.
  if (source === undefined)
    return [...ofBase(target.base, FULL_MASK, mapped(value)), ...reads(value, [])];
  const copied = source.base !== target.base && source.base !== "none";
  if (copied)
    return [...ofBase(target.base, FULL_MASK, []), ...ofBase(source.base, source.keep, [])];
  return ofBase(
    target.base,
    (~source.keep | source.flip) >>> 0,
    source.flip === 0 ? [source.set] : [],
  );
}

/**
 * Every read of a mark inside an expression. `values`: what it is compared with, when it is the
 * whole expression.
 */
function reads(expression: unknown, values: readonly number[]): readonly Bits[] {
  const found = computed(expression);
  if (found !== undefined) return ofBase(found.base, (found.keep | found.flip) >>> 0, values);
  if (Array.isArray(expression)) return expression.flatMap((each) => reads(each, []));
  return Object.values(fieldsOf(expression)).flatMap((each) => reads(each, []));
}

function ofBase(base: Computed["base"], mask: number, values: readonly number[]): readonly Bits[] {
  if (base === "none" || (base === "connection" && mask === FULL_MASK)) return [];
  return [{ mask, values }];
}

/** A mark, a number, or bitwise operations on them; undefined for anything else. */
function computed(expression: unknown): Computed | undefined {
  if (typeof expression === "number")
    return { base: "none", keep: 0, set: expression >>> 0, flip: 0 };
  const fields = fieldsOf(expression);
  if (fieldsOf(fields["meta"])["key"] === "mark")
    return { base: "packet", keep: FULL_MASK, set: 0, flip: 0 };
  if (fieldsOf(fields["ct"])["key"] === "mark")
    return { base: "connection", keep: FULL_MASK, set: 0, flip: 0 };
  const operator = (["&", "|", "^"] as const).find((sign) => Array.isArray(fields[sign]));
  return operator === undefined ? undefined : combined(operator, listOf(fields[operator]));
}

// nftables up to 1.0 prints two operands, later versions a chain of them.
function combined(operator: "&" | "|" | "^", operands: readonly unknown[]): Computed | undefined {
  const [first, ...rest] = operands.map(computed);
  return rest.reduce<Computed | undefined>((left, right) => {
    if (left === undefined || right === undefined) return undefined;
    const [mark, number] = left.base === "none" ? [right, left] : [left, right];
    return number.base === "none" ? applied(operator, mark, number.set) : undefined;
  }, first);
}

function applied(
  operator: "&" | "|" | "^",
  { base, keep, set, flip }: Computed,
  bits: number,
): Computed {
  switch (operator) {
    case "&":
      return {
        base,
        keep: (keep & bits) >>> 0,
        set: (set & bits) >>> 0,
        flip: (flip & bits) >>> 0,
      };
    case "|":
      return {
        base,
        keep: (keep & ~bits) >>> 0,
        set: (set | bits) >>> 0,
        flip: (flip & ~bits) >>> 0,
      };
    case "^":
      return { base, keep, set: (set ^ (bits & ~keep)) >>> 0, flip: (flip ^ (bits & keep)) >>> 0 };
  }
}

/** The numbers of a constant, a set or a short range; none when any part is something else. */
function numbersOf(right: unknown): readonly number[] {
  const items = fieldsOf(right)["set"] === undefined ? [right] : listOf(fieldsOf(right)["set"]);
  const numbers = items.map(numbersIn);
  const all = numbers.flat();
  return numbers.some((each) => each.length === 0) || all.length > MAX_VALUES ? [] : all;
}

function numbersIn(item: unknown): readonly number[] {
  if (typeof item === "number") return [item >>> 0];
  const { range, elem } = fieldsOf(item);
  if (elem !== undefined) return numbersIn(fieldsOf(elem)["val"]);
  const [from, to] = listOf(range);
  if (typeof from !== "number" || typeof to !== "number" || to - from >= MAX_VALUES) return [];
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}

// The values of an anonymous map, which is a set of pairs.
function mapped(value: unknown): readonly number[] {
  const pairs = listOf(fieldsOf(fieldsOf(fieldsOf(value)["map"])["data"])["set"]);
  return numbersOf({ set: pairs.map((pair) => listOf(pair)[1]) });
}
