/** What the steps of the lab `agent` work with, and what several of them do. */
import type { ApiServer } from "../kit/api/server";
import type { Setup } from "../kit/lab";
import type { Background } from "../kit/machines";
import type { Attached, Pod, Runtime } from "../kit/runtime";
import type { Ran } from "../kit/shell";
import { readArrivals, type Arrivals } from "./arrivals";
import { LIMIT_MS, type Resident } from "../kit/agent/resident";
import { DESTINATION, type Topology, type Way } from "./topology";

/** A pod that sends all the time. */
export interface Sender extends Attached {
  /** Where its packets belong. */
  way: Way;
  readonly flood: Background;
}

export interface Fixture {
  readonly setup: Setup;
  readonly topology: Topology;
  readonly conflist: string;
  readonly runtime: Runtime;
  /** Where the pods' annotations are; undefined: the runtime passes them. */
  readonly api: ApiServer | undefined;
  /** The agent that is at work, or was last. */
  agent: Resident;
  /** Of tenant A, of tenant B, and without a tenant. */
  readonly web: Sender;
  readonly mail: Sender;
  readonly plain: Sender;
}

/** The node before anything was done to it. */
export const RULES = "ip rule; ip -6 rule";
export const MARK = "tenant.routing/fwmark";
const PORT = 9;
/** So many packets of a pod have to arrive after something has happened, before it is looked at what it did. */
const ENOUGH = 500;

/** The traffic of a pod, from now on. */
export async function startSending(
  { binary }: Setup,
  attached: Attached,
  way: Way,
): Promise<Sender> {
  const words = ["lab", "probe", "flood", String(PORT), ...DESTINATION];
  return { ...attached, way, flood: await attached.machine.background([binary, ...words]) };
}

/** A pod's ADD and its traffic; undefined when ADD fails. */
export async function addSender(
  { setup, runtime, api }: Pick<Fixture, "setup" | "runtime" | "api">,
  pod: Pod,
  way: Way,
): Promise<Sender | undefined> {
  await announce(api, pod, pod.spec.annotations?.[MARK]);
  const {
    ok,
    addresses: [v4 = "", v6 = ""],
  } = await runtime.add(pod);
  if (!ok || !v4.includes(".") || !v6.includes(":")) return undefined;
  return startSending(setup, { machine: pod, addresses: [v4, v6] }, way);
}

/** A pod's end: its program first, as a runtime does it, then DEL; true when that went well. */
export async function removeSender({ runtime }: Fixture, sender: Sender): Promise<boolean> {
  sender.flood.stop();
  const { ok } = await runtime.del(sender.machine);
  return ok;
}

/** A pod's object, with its annotation, where an API server has it. */
export async function announce(
  api: ApiServer | undefined,
  { spec: { pod }, uid }: Pod,
  mark: string | undefined,
): Promise<void> {
  const [namespace = "", name = ""] = pod.split("/");
  const annotations = mark === undefined ? {} : { annotations: { [MARK]: mark } };
  await api?.apply({ kind: "Pod", metadata: { name, namespace, uid, ...annotations } });
}

/** Everything that has arrived so far. */
export type Moment = ReadonlyMap<Way, Arrivals>;

export async function now({ a, b, byDefault }: Topology): Promise<Moment> {
  const ways = [a, b, byDefault];
  const read = await Promise.all(ways.map(({ machine }) => readArrivals(machine)));
  return new Map(ways.map((way, at) => [way, read[at] ?? new Map<string, number>()]));
}

/** A pod's packets at a gateway between two moments. */
export function arrived(
  [from, to]: readonly [Moment, Moment],
  { addresses }: Attached,
  way: Way,
): number {
  const at = (moment: Moment): number =>
    addresses.reduce((sum, address) => sum + (moment.get(way)?.get(address) ?? 0), 0);
  return at(to) - at(from);
}

/** Waits until enough packets of each have come to their gateways since `from`. */
export function flowing(
  { setup: { shell }, topology }: Fixture,
  from: Moment,
  senders: readonly Sender[],
): Promise<boolean> {
  return shell.until(async () => {
    const to = await now(topology);
    return senders.every((sender) => arrived([from, to], sender, sender.way) >= ENOUGH);
  }, LIMIT_MS);
}

/**
 * Shows what has come to each gateway since `from`, and states that the pods' packets go on arriving
 * at their own, and none at another; of pods that are gone, only the latter.
 */
export async function stateWays(
  fixture: Fixture,
  from: Moment,
  senders: readonly Sender[] = [fixture.web, fixture.mail, fixture.plain],
  gone: readonly Sender[] = [],
): Promise<void> {
  const {
    setup: { transcript },
    topology,
  } = fixture;
  const isFlowing = await flowing(fixture, await now(topology), senders);
  const to = await now(topology);
  showArrivals(fixture, [from, to], [...senders, ...gone]);
  transcript.statement(
    `the packets of ${senders.map(({ machine: { name } }) => name).join(", ")} arrive at their gateways`,
    isFlowing,
  );
  for (const sender of [...senders, ...gone]) {
    const strays = [...to.keys()]
      .filter((way) => way !== sender.way)
      .reduce((sum, way) => sum + arrived([from, to], sender, way), 0);
    transcript.statement(
      `${strays} packets of ${sender.machine.name} came to another gateway than ${sender.way.machine.name}`,
      strays === 0,
    );
  }
}

/** A row for each pod. */
export function showArrivals(
  { setup: { transcript }, topology: { a, b, byDefault } }: Fixture,
  between: readonly [Moment, Moment],
  senders: readonly Sender[],
): void {
  const ways = [a, b, byDefault];
  const row = (cells: readonly string[]): string =>
    cells.map((cell, at) => (at === 0 ? cell.padEnd(10) : cell.padStart(12))).join("");
  const rows = senders.map((sender) => [
    sender.machine.name,
    ...ways.map((way) => String(arrived(between, sender, way))),
  ]);
  const table = [["packets", ...ways.map(({ machine: { name } }) => name)], ...rows].map(row);
  transcript.command("gateways", "what has arrived in this step", table.join("\n"));
}

/** `wrapper check` of all pods. */
export function runCheck({ setup, topology: { node }, conflist }: Fixture): Promise<Ran> {
  const args = ["check", "--conf", conflist, "--cni-path", setup.cniPath.join(":")];
  return setup.wrapper(node, args, { as: "wrapper check --conf tenants.conflist" });
}
