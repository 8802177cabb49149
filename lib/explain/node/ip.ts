/** Asks the kernel by iproute2: ways, neighbours, and a pod's interface. */
import type { Family } from "../../net/family";
import { canonicalAddress } from "../../net/address";
import type { Programs } from "../../node/programs";
import type { WayAnswer } from "../model";

/** What to ask a way for. */
export interface WayQuestion {
  readonly family: Family;
  readonly to: string;
  readonly from: string | undefined;
  /** Where the packet comes in; undefined: the node itself sends it. */
  readonly iif: string | undefined;
  readonly mark: number;
}

type Fields = Readonly<Record<string, unknown>>;

/** rtnetlink's RTN_LOCAL, as `ip -N` prints it. */
const LOCAL = ["local", "2"];
/** RTN_BLACKHOLE, RTN_UNREACHABLE and RTN_PROHIBIT. */
const REFUSING = ["blackhole", "6", "unreachable", "7", "prohibit", "8"];
const SAID_BY = /^RTNETLINK answers: /;

/** What `ip route get` says. A way that does not exist is an answer too. */
export async function askWay(programs: Programs, question: WayQuestion): Promise<WayAnswer> {
  const { family, to, from, iif, mark } = question;
  const { ok, stdout, said } = await programs.try("ip", [
    ...["-j", "-N", `-${family}`, "route", "get", to],
    ...(from === undefined ? [] : ["from", from]),
    ...(iif === undefined ? [] : ["iif", iif]),
    ...(mark === 0 ? [] : ["mark", String(mark)]),
  ]);
  return ok ? answerOf(listOf(stdout)[0] ?? {}) : { refused: said.replace(SAID_BY, "") };
}

function answerOf(route: Fields): WayAnswer {
  const type = String(route["type"] ?? "1");
  // A refusal of IPv6 is printed as a route.
  if (typeof route["error"] === "number" || REFUSING.includes(type))
    return { refused: "unreachable" };
  const table = Number(route["table"]);
  return {
    dev: String(route["dev"] ?? "?"),
    via: viaOf(route),
    table: Number.isInteger(table) ? table : undefined,
    local: LOCAL.includes(type),
  };
}

function viaOf(route: Fields): string | undefined {
  const { gateway, via } = route;
  const host = typeof gateway === "string" ? gateway : (via as Fields | undefined)?.["host"];
  return typeof host === "string" ? canonicalAddress(host) : undefined;
}

/** The state of the neighbour entry (NUD); undefined: there is none. */
export async function neighbourState(
  programs: Programs,
  { family, via, dev }: { family: Family; via: string; dev: string },
): Promise<string | undefined> {
  const args = ["-j", `-${family}`, "neigh", "show", via, "dev", dev, "nud", "all"];
  const { stdout } = await programs.try("ip", args);
  const states = listOf(stdout)[0]?.["state"];
  return Array.isArray(states) ? String(states[0]) : undefined;
}

/** The MTU of a pod's interface in bytes; undefined: its namespace cannot be entered. */
export async function podMtu(
  programs: Programs,
  netns: string,
  ifname: string,
): Promise<number | undefined> {
  if (!programs.has("nsenter")) return undefined;
  const { ok, stdout } = await programs.try("nsenter", [
    `--net=${netns}`,
    "ip",
    "-j",
    "link",
    "show",
    "dev",
    ifname,
  ]);
  const mtu = ok ? listOf(stdout)[0]?.["mtu"] : undefined;
  return typeof mtu === "number" ? mtu : undefined;
}

/** Packets that a device has received and sent; undefined: there is no such device. */
export async function deviceCounts(
  programs: Programs,
  dev: string,
): Promise<{ readonly rx: number; readonly tx: number } | undefined> {
  const { ok, stdout } = await programs.try("ip", ["-j", "-s", "link", "show", "dev", dev]);
  const stats = ok ? (listOf(stdout)[0]?.["stats64"] as Fields | undefined) : undefined;
  if (stats === undefined) return undefined;
  const packets = (key: string): number => Number((stats[key] as Fields | undefined)?.["packets"]);
  return { rx: packets("rx"), tx: packets("tx") };
}

function listOf(text: string): readonly Fields[] {
  return text.trim() === "" ? [] : (JSON.parse(text) as readonly Fields[]);
}
