/** Probes gateways: by ping, by the neighbour table, or by their device alone. */
import { CniError, toCniError } from "../../cni/error";
import type { Mark } from "../../net/mark";
import type { Clock } from "../../ports";
import type { Verdict } from "./health";
import type { Programs } from "../../node/programs";
import type { ResolvedGateway } from "../model";

/** Pauses between two looks at a neighbour entry that is being resolved (ms). */
const FIRST_LOOK_MS = 5;
const LAST_LOOK_MS = 100;
/**
 * A ping has to end before its program counts as stuck and is killed, which would say nothing about
 * the gateway (ms).
 */
const LONGEST_PING_MS = 15_000;
/**
 * Flags of a neighbour entry that a change has to repeat, because it removes them otherwise
 * (rtnetlink NTF_*).
 */
const KEPT_FLAGS = ["router", "extern_learn", "managed"];

/**
 * States of a neighbour entry (ip-neighbour(8)) that need no answer, and those with an address to
 * ask.
 */
const FIXED: readonly (string | undefined)[] = ["PERMANENT", "NOARP"];
const RESOLVED: readonly (string | undefined)[] = ["REACHABLE", "STALE", "DELAY"];

export interface LinkCondition {
  readonly name: string;
  /** False when the device is up and its other end is not. */
  readonly carrier: boolean;
  /** False for devices without link-layer addresses, such as tunnels. */
  readonly resolves: boolean;
}

export interface ProbeRequest {
  readonly gateway: ResolvedGateway;
  readonly mark: Mark;
  readonly timeoutMs: number;
  readonly links: readonly LinkCondition[];
}

export interface Probes {
  /** Whether pings can be sent with a mark. Throws CniError `io` saying what to install. */
  requirePing(): Promise<void>;
  /** Throws CniError `io`. */
  links(): Promise<readonly LinkCondition[]>;
  /** Probes one gateway. Never throws: a gateway that cannot be probed is `unknown`. */
  ask(request: ProbeRequest): Promise<Verdict>;
}

/** The probes of this node, in its network namespace. */
export function createProbes(programs: Programs, clock: Clock): Probes {
  return {
    requirePing: () => requirePing(programs),
    links: async () => (await list(programs, ["link", "show"])).map(linkCondition),
    ask: async (request) => {
      try {
        return await ask(programs, clock, request);
      } catch (thrown) {
        return { kind: "unknown", why: toCniError(thrown).message };
      }
    },
  };
}

// Only the ping of iputils can mark its packets; those of BusyBox and inetutils would fail every
// probe.
async function requirePing(programs: Programs): Promise<void> {
  const { stdout } = await programs.try("ping", ["-V"]);
  if (!stdout.includes("iputils"))
    throw new CniError(
      "io",
      'gateways with "check" need the ping of iputils, and this node has another: install the package iputils-ping (or iputils)',
    );
}

async function ask(programs: Programs, clock: Clock, request: ProbeRequest): Promise<Verdict> {
  const { gateway, links } = request;
  const link = links.find(({ name }) => name === gateway.dev);
  if (link === undefined) return { kind: "unknown", why: `device ${gateway.dev ?? "?"} is gone` };
  if (!link.carrier) return noCarrier(link.name);
  if (gateway.check !== undefined) return ping(programs, gateway.check, request);
  if (gateway.via === undefined || !link.resolves) return { kind: "answered" };
  const entry = { family: gateway.family, via: gateway.via, dev: link.name };
  return askNeighbour(neighbourTable(programs, entry), clock, request.timeoutMs);
}

/** The verdict on every gateway behind a device whose other end is down. */
export function noCarrier(dev: string): Verdict {
  return { kind: "silent", certain: true, why: `no carrier on ${dev}` };
}

/**
 * With the tenant's mark the ping takes the tenant's table, and bound to the device it cannot leave
 * by another one (ping(8)).
 */
async function ping(
  programs: Programs,
  check: string,
  { gateway, mark, timeoutMs }: ProbeRequest,
): Promise<Verdict> {
  const device = gateway.dev === undefined ? [] : ["-I", gateway.dev];
  const { ok, said } = await programs.try("ping", [
    "-n",
    "-c",
    "1",
    "-W",
    String(Math.min(timeoutMs, LONGEST_PING_MS) / 1000),
    "-m",
    String(mark.value),
    ...device,
    check,
  ]);
  if (ok) return { kind: "answered" };
  return { kind: "silent", why: `no answer from ${check}${said === "" ? "" : ` (${said})`}` };
}

interface Neighbour {
  /** NUD state (rtnetlink); undefined: there is no entry. */
  readonly state: string | undefined;
  readonly flags: readonly string[];
}

interface NeighbourTable {
  read(): Promise<Neighbour>;
  change(...args: readonly string[]): Promise<void>;
}

function neighbourTable(
  programs: Programs,
  { family, via, dev }: { family: number; via: string; dev: string },
): NeighbourTable {
  return {
    read: async () => {
      const entry = (
        await list(programs, [`-${family}`, "neigh", "show", via, "dev", dev, "nud", "all"])
      )[0];
      const states = entry?.["state"];
      return {
        state: Array.isArray(states) ? String(states[0]) : undefined,
        flags: KEPT_FLAGS.filter((flag) => entry !== undefined && flag in entry),
      };
    },
    change: async (verb, ...args) =>
      void (await programs.run("ip", [
        `-${family}`,
        "neigh",
        verb ?? "",
        via,
        "dev",
        dev,
        ...args,
      ])),
  };
}

/**
 * Makes the kernel ask the neighbour, and waits for the outcome. A reachable entry is probed too:
 * it would stay reachable for half a minute after the neighbour is gone (base_reachable_time_ms,
 * Documentation/networking/ip-sysctl.rst). Packets flow meanwhile.
 */
async function askNeighbour(
  table: NeighbourTable,
  clock: Clock,
  timeoutMs: number,
): Promise<Verdict> {
  const { state, flags } = await table.read();
  if (FIXED.includes(state)) return { kind: "answered" };
  if (RESOLVED.includes(state)) await table.change("change", ...flags, "nud", "probe");
  else await askEverybody(table, state, flags);
  // Counted from here: on a busy node the question itself takes time.
  const deadline = clock.elapsed() + timeoutMs;
  for (let pause = FIRST_LOOK_MS; ; pause = Math.min(pause * 2, LAST_LOOK_MS)) {
    const now = (await table.read()).state;
    if (now === "REACHABLE" || FIXED.includes(now)) return { kind: "answered" };
    if (clock.elapsed() >= deadline || now === "FAILED")
      return { kind: "silent", why: "no answer to neighbour discovery" };
    await clock.sleep(Math.max(1, Math.min(pause, deadline - clock.elapsed())));
  }
}

// By broadcast, since the address may have moved to another machine. An open question is asked
// anew: each probe is one.
async function askEverybody(
  table: NeighbourTable,
  state: string | undefined,
  flags: readonly string[],
): Promise<void> {
  if (state === "PROBE" || state === "INCOMPLETE")
    await table.change("change", ...flags, "nud", "failed");
  await table.change("replace", ...flags, "use");
}

type Fields = Readonly<Record<string, unknown>>;

async function list(programs: Programs, args: readonly string[]): Promise<readonly Fields[]> {
  const text = (await programs.run("ip", ["-j", ...args])).trim();
  return text === "" ? [] : (JSON.parse(text) as readonly Fields[]);
}

function linkCondition(link: Fields): LinkCondition {
  const flags = Array.isArray(link["flags"]) ? (link["flags"] as readonly unknown[]) : [];
  return {
    name: String(link["ifname"] ?? ""),
    carrier: !flags.includes("NO-CARRIER"),
    resolves: !flags.includes("NOARP"),
  };
}
