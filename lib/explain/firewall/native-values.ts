/**
 * Pure: what a packet has of what expressions of nftables look at (libnftables-json(5)), and whether it is one of some
 * values. What is not known is undefined, and never a no.
 */
import { parsePrefix } from "../../net/address";
import { isIn } from "../../routes/plan/desired";
import { fieldsOf, listOf, type Fields } from "../../text/fields";
import type { Packet } from "../model";

/** The first packet of a connection in one hook. */
export interface NativePacket extends Packet {
  /** undefined before the packet is routed. */
  readonly oif: string | undefined;
  readonly mark: number;
}

/** What a packet is looked at with. */
export interface Sight {
  readonly packet: NativePacket;
  /** The elements of a named set or map of the table; undefined: there is none. */
  readonly elementsOf: (name: string) => readonly unknown[] | undefined;
}

/** A value of a map, and whether the packet has its key for certain. */
export interface Picked {
  readonly value: unknown;
  /** As nft prints it. */
  readonly key: string;
  readonly certain: boolean;
}

type Value = string | number | undefined;

const META: Readonly<Record<string, (packet: NativePacket) => Value>> = {
  iif: ({ iif }) => iif,
  iifname: ({ iif }) => iif,
  oif: ({ oif }) => oif,
  oifname: ({ oif }) => oif,
  mark: ({ mark }) => mark,
  nfproto: ({ family }) => `ipv${family}`,
  protocol: ({ family }) => (family === 6 ? "ip6" : "ip"),
  l4proto: protocolOf,
};

/** By `protocol field`. */
const PAYLOAD: Readonly<Record<string, (packet: NativePacket) => Value>> = {
  saddr: ({ from }) => from,
  daddr: ({ to }) => to,
  protocol: protocolOf,
  nexthdr: protocolOf,
  dport: ({ port }) => port,
};

/** Of a packet that opens a connection. */
const CT: Readonly<Record<string, string>> = { state: "new", direction: "original" };
/** Headers that a packet of TCP has not. */
const OTHER_HEADERS = ["udp", "udplite", "icmp", "icmpv6", "sctp", "dccp", "igmp"];

// Without a port the packet may be of any protocol.
function protocolOf({ port }: NativePacket): Value {
  return port === undefined ? undefined : "tcp";
}

/** Whether a `match` of a rule holds. */
export function holds({ op, left, right }: Fields, sight: Sight): boolean | undefined {
  const header = headersIn(left).map((each) => hasHeader(each, sight.packet));
  // Without the header the rule ends there, whatever the comparison.
  if (header.includes(false)) return false;
  if (!["==", "!=", "in"].includes(String(op))) return undefined;
  const found = isOneOf(left, right, sight);
  return op === "!=" && found !== undefined ? !found : found;
}

/** The values of a map, `@name` or `{ set: pairs }`, that the packet may have by its key. */
export function pick(key: unknown, data: unknown, sight: Sight): readonly Picked[] | undefined {
  const pairs = elementsIn(data, sight);
  if (pairs === undefined) return undefined;
  if (headersIn(key).some((each) => hasHeader(each, sight.packet) === false)) return [];
  const found = pairs.map(listOf).flatMap(([element, value]): readonly Picked[] => {
    const is = isOneOf(key, element, sight);
    return is === false ? [] : [{ value, key: keyText(element), certain: is === true }];
  });
  // The most that one key can have is one element: intervals of a map do not overlap.
  return found.some(({ certain }) => certain) ? found.filter(({ certain }) => certain) : found;
}

/** What an expression comes to, as a number. */
export function numberOf(expression: unknown, sight: Sight): number | undefined {
  if (typeof expression === "number") return expression;
  const fields = fieldsOf(expression);
  for (const [sign, apply] of SIGNS) {
    const [a, b] = listOf(fields[sign]).map((each) => numberOf(each, sight));
    if (a !== undefined && b !== undefined) return apply(a, b) >>> 0;
  }
  if (fields["map"] !== undefined) return mapped(fieldsOf(fields["map"]), sight);
  const value = valueOf(fields, sight);
  return typeof value === "number" ? value : undefined;
}

function mapped({ key, data }: Fields, sight: Sight): number | undefined {
  const [picked, ...more] = pick(key, data, sight) ?? [];
  return picked?.certain === true && more.length === 0 ? numberOf(picked.value, sight) : undefined;
}

const SIGNS: readonly (readonly [string, (a: number, b: number) => number])[] = [
  ["&", (a, b) => a & b],
  ["|", (a, b) => a | b],
  ["^", (a, b) => a ^ b],
];

function isOneOf(left: unknown, right: unknown, sight: Sight): boolean | undefined {
  const several = Array.isArray(right) ? right : elementsIn(right, sight);
  if (several !== undefined) return any(several.map((each) => isOneOf(left, each, sight)));
  const { elem, concat } = fieldsOf(right);
  if (elem !== undefined) return isOneOf(left, fieldsOf(elem)["val"], sight);
  const parts = listOf(fieldsOf(left)["concat"]);
  if (parts.length === 0) return isValue(valueOf(fieldsOf(left), sight), right);
  const wanted = listOf(concat);
  return all(parts.map((part, i) => isOneOf(part, wanted[i], sight)));
}

/** The elements of `@name` or of `{ set: elements }`; undefined: it is neither, or is not there. */
function elementsIn(data: unknown, { elementsOf }: Sight): readonly unknown[] | undefined {
  if (typeof data === "string" && data.startsWith("@")) return elementsOf(data.slice(1));
  const { set } = fieldsOf(data);
  return set === undefined ? undefined : Array.isArray(set) ? set : [set];
}

function valueOf(left: Fields, sight: Sight): Value {
  const { meta, payload, ct } = left;
  const signed = SIGNS.some(([sign]) => sign in left);
  if (signed) return numberOf(left, sight);
  const { protocol, field } = fieldsOf(payload);
  if (payload !== undefined)
    return protocol === "th" || hasHeader(payload, sight.packet) === true
      ? PAYLOAD[String(field)]?.(sight.packet)
      : undefined;
  if (ct !== undefined) return CT[String(fieldsOf(ct)["key"])];
  return META[String(fieldsOf(meta)["key"])]?.(sight.packet);
}

function isValue(value: Value, right: unknown): boolean | undefined {
  if (right === "*") return true;
  if (value === undefined) return undefined;
  const { prefix, range } = fieldsOf(right);
  if (range !== undefined) return isBetween(value, listOf(range));
  const wanted = prefix === undefined ? right : prefixText(fieldsOf(prefix));
  if (typeof value === "number" || typeof wanted === "number") return Number(wanted) === value;
  if (typeof wanted !== "string" || wanted.startsWith("@")) return undefined;
  return isText(value, wanted);
}

/** A name with `*` at its end, an address, a network, or any other word. */
function isText(value: string, wanted: string): boolean {
  if (wanted.endsWith("*")) return value.startsWith(wanted.slice(0, -1));
  return wanted === value || isIn(wanted, value);
}

function prefixText({ addr, len }: Fields): string {
  return `${String(addr)}/${String(len)}`;
}

function isBetween(value: string | number, range: readonly unknown[]): boolean | undefined {
  const [least, most] = range.map((each) =>
    typeof each === "string" ? parsePrefix(each)?.bits : each,
  );
  const own = typeof value === "string" ? parsePrefix(value)?.bits : value;
  if (own === undefined || !isNumeric(least) || !isNumeric(most)) return undefined;
  return least <= own && own <= most;
}

function isNumeric(value: unknown): value is number | bigint {
  return typeof value === "number" || typeof value === "bigint";
}

function headersIn(left: unknown): readonly unknown[] {
  const { concat, payload } = fieldsOf(left);
  if (concat !== undefined) return listOf(concat).flatMap(headersIn);
  return payload === undefined ? [] : [payload];
}

/** undefined: not known. */
function hasHeader(payload: unknown, { family, port }: NativePacket): boolean | undefined {
  const protocol = String(fieldsOf(payload)["protocol"]);
  if (protocol === "ip" || protocol === "ip6") return protocol === (family === 6 ? "ip6" : "ip");
  if (port === undefined) return undefined;
  return OTHER_HEADERS.includes(protocol) ? false : protocol === "tcp" ? true : undefined;
}

function any(each: readonly (boolean | undefined)[]): boolean | undefined {
  return each.includes(true) ? true : each.includes(undefined) ? undefined : false;
}

function all(each: readonly (boolean | undefined)[]): boolean | undefined {
  return each.includes(false) ? false : each.includes(undefined) ? undefined : true;
}

/** An element's key as nft reads it. */
function keyText(element: unknown): string {
  const { elem, concat, prefix, range } = fieldsOf(element);
  if (elem !== undefined) return keyText(fieldsOf(elem)["val"]);
  if (concat !== undefined) return listOf(concat).map(keyText).join(" . ");
  if (prefix !== undefined) return prefixText(fieldsOf(prefix));
  if (range !== undefined) return listOf(range).map(keyText).join("-");
  return String(element);
}
