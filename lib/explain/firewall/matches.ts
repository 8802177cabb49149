/** Pure: whether a rule of iptables matches the first packet of a connection. */
import { parseUint32 } from "../../net/mark";
import { isIn } from "../../routes/plan/desired";

/** A packet on its way through one hook. */
export interface HookPacket {
  readonly family: 4 | 6;
  readonly from: string;
  readonly to: string;
  /** A TCP port; undefined: any other packet. */
  readonly port: number | undefined;
  readonly iif: string | undefined;
  /** undefined before the packet is routed. */
  readonly oif: string | undefined;
  readonly mark: number;
  /** Addresses of the node. */
  readonly own: readonly string[];
}

/** `maybe`: the rule has a match that is not judged here. */
export type Matched = "yes" | "no" | "maybe";

/** What a rule matches and what it does then. */
export interface Parts {
  readonly matched: Matched;
  /** `-j` or `-g`; undefined: it only counts. */
  readonly target: string | undefined;
  readonly isGoto: boolean;
  /** The words behind the target. */
  readonly options: readonly string[];
}

type Judge = (value: string, packet: HookPacket) => boolean | undefined;

/** By option; undefined: not known. The words of modules (`-m mark`) say nothing themselves. */
const JUDGES: Readonly<Record<string, Judge>> = {
  "-s": (value, { from }) => isIn(value, from),
  "-d": (value, { to }) => isIn(value, to),
  "-i": (value, { iif }) => isDevice(value, iif),
  "-o": (value, { oif }) => isDevice(value, oif),
  "-p": (value, { port }) => isProtocol(value, port),
  "--dport": (value, { port }) => isPort(value, port),
  "--dports": (value, { port }) => value.split(",").some((each) => isPort(each, port) === true),
  "--mark": (value, { mark }) => hasMark(value, mark),
  "--ctstate": (value) => value.split(",").includes("NEW"),
  "--state": (value) => value.split(",").includes("NEW"),
  "--ctdir": (value) => value === "ORIGINAL",
  "--dst-type": (value, { to, own }) => isType(value, to, own),
  "--src-type": (value, { from, own }) => isType(value, from, own),
  "--comment": () => true,
  "-m": () => true,
};

/** Reads a rule's words for this packet. */
export function partsOf(words: readonly string[], packet: HookPacket): Parts {
  const at = words.findIndex((word) => word === "-j" || word === "-g");
  const matches = at < 0 ? words : words.slice(0, at);
  return {
    matched: judge(matches, packet),
    target: at < 0 ? undefined : words[at + 1],
    isGoto: words[at] === "-g",
    options: at < 0 ? [] : words.slice(at + 2),
  };
}

function judge(words: readonly string[], packet: HookPacket): Matched {
  let known: Matched = "yes";
  let match = "";
  for (let i = 0; i < words.length; i++) {
    const not = words[i] === "!";
    if (not) i += 1;
    const [word = "", value = ""] = words.slice(i);
    if (word === "-m") match = value;
    const found = judgeOf(match, word)?.(value, packet);
    if (found === not) return "no";
    if (found === undefined) known = "maybe";
    i += valuesBehind(words, i);
  }
  return known;
}

// The mark of a connection is another one.
function judgeOf(match: string, word: string): Judge | undefined {
  return match === "connmark" && word === "--mark" ? undefined : JUDGES[word];
}

/** How many words belong to the option at `i`. */
function valuesBehind(words: readonly string[], i: number): number {
  const next = words.slice(i + 1).findIndex((word) => word.startsWith("-") || word === "!");
  return next < 0 ? words.length - i - 1 : next;
}

function isDevice(value: string, device: string | undefined): boolean | undefined {
  if (device === undefined) return undefined;
  return value.endsWith("+") ? device.startsWith(value.slice(0, -1)) : device === value;
}

function isProtocol(value: string, port: number | undefined): boolean | undefined {
  if (value === "all") return true;
  if (port !== undefined) return value === "tcp";
  // Any packet: the rules for one protocol may or may not be meant.
  return undefined;
}

function isPort(value: string, port: number | undefined): boolean | undefined {
  if (port === undefined) return undefined;
  const [first = "", last = first] = value.split(":");
  return Number(first) <= port && port <= Number(last === "" ? "65535" : last);
}

function hasMark(value: string, mark: number): boolean | undefined {
  const [wanted, mask = 0xffffffff] = value.split("/").map(parseUint32);
  return wanted === undefined ? undefined : (mark & mask) >>> 0 === wanted;
}

// A destination that is not the node's own is no broadcast either: such packets are not forwarded.
function isType(value: string, address: string, own: readonly string[]): boolean | undefined {
  if (value === "LOCAL") return own.includes(address);
  return value === "UNICAST" ? true : undefined;
}
