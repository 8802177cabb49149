/** Pure: who reads or writes which mark bits, from the parsed output of `nft -j list ruleset`. */
import { FULL_MASK } from "../../net/mark";
import { type MarkUse, type MarkUser, NAT_TABLE } from "../model";

type Fields = Readonly<Record<string, unknown>>;

/** Tables of iptables-nft; their rules are seen by iptables-save, which knows their targets. */
const IPTABLES = /^ip6? (?:filter|nat|mangle|raw|security)$/;
/** More numbers than this in a set or a range, and only the bits are told. */
const MAX_VALUES = 16;

/** Bits that are read or written, and the values, where they are known. */
interface Bits {
  readonly mask: number;
  readonly values: readonly number[];
}

/** What an expression computes: `(base & keep) ^ flip`, then `set` where nothing is kept. */
interface Computed {
  readonly base: "packet" | "connection" | "none";
  readonly keep: number;
  readonly set: number;
  readonly flip: number;
}

/**
 * Uses of the mark in native tables, and the tables' names as `family name`. Our table and those of
 * iptables-nft are passed over. Bits of the connection's mark count as the packet's, except where a
 * rule is about all 32 of them. What has not the form of a ruleset gives nothing.
 */
export function usesInNft(json: unknown): {
  readonly uses: readonly MarkUse[];
  readonly tables: readonly string[];
} {
  const entries = listOf(fieldsOf(json)["nftables"]).map(fieldsOf);
  const tables = entries
    .flatMap(({ table }) => (table === undefined ? [] : [nameOf(fieldsOf(table), "name")]))
    .filter(isForeign);
  const rules = entries
    .flatMap(({ rule }) => (rule === undefined ? [] : [fieldsOf(rule)]))
    .filter((rule) => isForeign(nameOf(rule, "table")));
  const uses = rules.flatMap((rule) => {
    const by = { kind: "nft", table: nameOf(rule, "table"), chain: String(rule["chain"]) } as const;
    return listOf(rule["expr"])
      .flatMap((statement) => bitsOf(fieldsOf(statement)))
      .flatMap((bits) => usesOf(bits, by));
  });
  return { uses, tables };
}

function isForeign(table: string): boolean {
  return table !== NAT_TABLE && !IPTABLES.test(table);
}

function nameOf(fields: Fields, key: string): string {
  return `${String(fields["family"])} ${String(fields[key])}`;
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
  // A map, a hash, a number generator: any value, and whatever of the mark they look at.
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

/** Every look at a mark inside an expression; `values` are what it is compared with, where it stands alone. */
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

// Two operands in nftables up to 1.0, a chain of them later.
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

/** The numbers of a constant, a set or a short range; none when any of it is something else. */
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

// What an anonymous map gives: pairs of a key and a value.
function mapped(value: unknown): readonly number[] {
  const pairs = listOf(fieldsOf(fieldsOf(fieldsOf(value)["map"])["data"])["set"]);
  return numbersOf({ set: pairs.map((pair) => listOf(pair)[1]) });
}

function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Fields)
    : {};
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? (value as readonly unknown[]) : [];
}
