/** Pure: our tables as text for nft. Marks and the guard are two layouts of one mechanism. */
import { familyOf } from "../../net/family";
import { hex, type Mark, markDigits, markOfDigits } from "../../net/mark";

/** A chain that elements of the verdict maps lead to. */
export interface Chain {
  readonly name: string;
  /** A counter object of the table: it outlives the rewriting of the chain. */
  readonly counter: string;
  readonly rules: readonly string[];
  /** What it sets, or lets pass; the first is the one in force. */
  readonly marks: readonly Mark[];
  readonly markReplies: boolean;
}

/** One table of ours. */
export interface Layout {
  /** Its name in the family inet. */
  readonly table: string;
  /** The base chain; it has the name of its hook. */
  readonly hook: "prerouting" | "forward";
  readonly priority: string;
  /** The chain of that name as we write it; undefined for one that is not ours. */
  readonly chain: (name: string) => Chain | undefined;
}

/** Not the table of the node routes: that one is deleted and made again as a whole (decision 0070). */
export const MARKS: Layout = {
  table: "tenant-routing-marks",
  hook: "prerouting",
  priority: "mangle",
  chain: (name) => {
    const match = /^(mr?)_([0-9a-f]{1,8})_([0-9a-f]{1,8})$/.exec(name);
    if (match === null) return undefined;
    return markChain(markOfDigits(match[2], match[3]), match[1] === "mr");
  },
};

/** Before any other chain of the forward hook: what counts is the mark that the packet was routed by. */
export const GUARD: Layout = {
  table: "tenant-routing-guard",
  hook: "forward",
  priority: "mangle - 10",
  chain: (name) => {
    const match = /^(gr?)((?:_[0-9a-f]{1,8}_[0-9a-f]{1,8}){1,2})$/.exec(name);
    if (match === null) return undefined;
    const [a, b, c, d] = (match[2] ?? "").slice(1).split("_");
    const marks = [markOfDigits(a, b), ...(c === undefined ? [] : [markOfDigits(c, d)])];
    return guardChain(marks, match[1] === "gr");
  },
};

/** Sets the mark and no other bit; replies of inbound connections only with `markReplies`. */
export function markChain(mark: Mark, markReplies: boolean): Chain {
  const name = `${markReplies ? "mr" : "m"}_${markDigits(mark)}`;
  const [value, keep] = [hex(mark.value), (~mark.mask & 0xffffffff) >>> 0];
  const source = keep === 0 ? value : `meta mark & ${hex(keep)} | ${value}`;
  return {
    name,
    counter: name,
    rules: [
      ...(markReplies ? [] : ["ct direction reply return"]),
      `meta mark set ${source} counter name "${name}"`,
    ],
    marks: [mark],
    markReplies,
  };
}

/** Drops what carries none of the marks. Two of them: while a pod changes from the second to the first. */
export function guardChain(marks: readonly Mark[], markReplies: boolean): Chain {
  const kind = markReplies ? "gr" : "g";
  const counter = `${kind}_${markDigits(marks[0] ?? { value: 0, mask: 0 })}`;
  return {
    name: [kind, ...marks.map(markDigits)].join("_"),
    counter,
    rules: [
      ...marks.map(({ value, mask }) => `meta mark & ${hex(mask)} == ${hex(value)} return`),
      ...(markReplies ? [] : ["ct direction reply return"]),
      `counter name "${counter}" drop`,
    ],
    marks,
    markReplies,
  };
}

/** The two rules of the base chain, in their order. */
export const BASE_RULES = ["ip saddr vmap @pods4", "ip6 saddr vmap @pods6"] as const;

/** How the base chain is declared. */
export function baseHeader({ hook, priority }: Layout): string {
  return `type filter hook ${hook} priority ${priority}; policy accept;`;
}

/**
 * Commands that make the table and its base chain what they should be, whatever they were; elements and counters
 * stay. `typeof`, never `type`: nft 1.0.6 crashes listing a map that nft 1.1.3 made with `type`.
 */
export function ensureBase(layout: Layout): readonly string[] {
  const { table, hook } = layout;
  const t = `inet ${table}`;
  return [
    `add table ${t}`,
    `add map ${t} pods4 { typeof ip saddr : verdict; }`,
    `add map ${t} pods6 { typeof ip6 saddr : verdict; }`,
    `add map ${t} owners4 { typeof ip saddr : meta mark; }`,
    `add map ${t} owners6 { typeof ip6 saddr : meta mark; }`,
    `add chain ${t} ${hook} { ${baseHeader(layout)} }`,
    `flush chain ${t} ${hook}`,
    ...BASE_RULES.map((rule) => `add rule ${t} ${hook} ${rule}`),
  ];
}

/** The same for one chain of the table. */
export function ensureChain({ table }: Layout, chain: Chain): readonly string[] {
  const t = `inet ${table}`;
  return [
    `add counter ${t} ${chain.counter}`,
    `add chain ${t} ${chain.name}`,
    `flush chain ${t} ${chain.name}`,
    ...chain.rules.map((rule) => `add rule ${t} ${chain.name} ${rule}`),
  ];
}

/** A base chain of another hook or priority cannot be changed, only made again. */
export function remakeBase({ table, hook }: Layout): readonly string[] {
  return [`flush chain inet ${table} ${hook}`, `delete chain inet ${table} ${hook}`];
}

/** Fails (EEXIST) where the address has an element, or another owner. */
export function createElement(
  { table }: Layout,
  address: string,
  { tag, comment, chain }: { tag: string; comment: string; chain: string },
): readonly string[] {
  const family = familyOf(address);
  return [
    `create element inet ${table} pods${family} { ${address} comment "${comment}" : goto ${chain} }`,
    `add element inet ${table} owners${family} { ${address} : ${ownerOf(tag)} }`,
  ];
}

/**
 * Removes the element of the address if `tag` owns it, and fails otherwise: adding fails (EEXIST) where
 * another owner is there. So it needs neither a listing nor a lock (decision 0071).
 */
export function deleteOwned(layout: Layout, address: string, tag: string): readonly string[] {
  const family = familyOf(address);
  const owners = `inet ${layout.table} owners${family}`;
  return [
    `add element ${owners} { ${address} : ${ownerOf(tag)} }`,
    `delete element ${owners} { ${address} }`,
    `delete element inet ${layout.table} pods${family} { ${address} }`,
  ];
}

/** Changes nothing, and fails (EEXIST) where the address has an element or an owner. */
export function probeFree({ table }: Layout, address: string): readonly string[] {
  const family = familyOf(address);
  return [
    [`owners${family}`, "0x0"],
    [`pods${family}`, "return"],
  ].flatMap(([map = "", data = ""]) => [
    `create element inet ${table} ${map} { ${address} : ${data} }`,
    `delete element inet ${table} ${map} { ${address} }`,
  ]);
}

/** 32 bits of the tag: enough to tell an address's owner from the one before. */
export function ownerOf(tag: string): string {
  return `0x${tag.slice(-8).replace(/^0+(?=.)/, "")}`;
}
