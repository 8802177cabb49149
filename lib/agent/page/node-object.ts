/** Pure: the node as the page draws it, and as /api/v1/node publishes it. */
import { EVERYTHING_ELSE, everyGateway } from "../../../conf/gateways";
import type { PluginConf, Tenant } from "../../../conf/types";
import type { Attachment } from "../../attachment/journal";
import { podName } from "../../checks/pods/mark-findings";
import type { Sent } from "../../load/devices";
import { compare, keyOf, type PodRow } from "../../load/in-force";
import { droppedOf, loadsOf, secondsBetween, type GatewayState, type Load } from "../../load/rates";
import type { Taken } from "../../load/sample";
import { groupBy } from "../../net/group";
import { hopText } from "../../net/hop";
import { formatMark, sameMark, type Mark } from "../../net/mark";

/** One look at the node. */
export interface Sighting extends Pick<
  Taken,
  "at" | "traffic" | "pods" | "dropped" | "gateways" | "records"
> {
  readonly time: Date;
  /** By device. */
  readonly devices: ReadonlyMap<string, Sent>;
}

/** A gateway that the agent keeps. */
export interface KeptGateway {
  readonly tenant: string;
  /** As it is configured: `10.0.0.1 dev eth1`. */
  readonly gateway: string;
  readonly isUp: boolean;
  readonly via: string | undefined;
  /** undefined: not known while it is lost. */
  readonly dev: string | undefined;
}

export interface PodObject {
  /** `namespace/name`. */
  readonly pod: string;
  readonly addresses: readonly string[];
  /**
   * `marked`; `missing`: its mark is not in force; `damaged`: its rules do something else; `unknown`: no record
   * accounts for its rules; `plain`: it is to have no mark.
   */
  readonly state: "marked" | "missing" | "damaged" | "unknown" | "plain";
  /** Packets that got its mark; null: the backend does not count it apart, or it has none. */
  readonly packets: number | null;
  readonly packetsPerSecond: number | null;
}

export interface GatewayObject {
  readonly gateway: string;
  /** Networks that it is for; `default`: everything else. */
  readonly to: readonly string[];
  /** null: not known while it is lost. */
  readonly dev: string | null;
  /** `unknown`: nobody watches it. */
  readonly state: "up" | "lost" | "unknown";
  /** Of its neighbour entry, or of its device. */
  readonly neighbour: string;
  /** Everything that its device sends, of whoever. */
  readonly devicePacketsPerSecond: number | null;
}

/** One mark: its pods, its tenant where it has one, and the way of its packets. */
export interface GroupObject {
  /** null: the mark is nobody's, or there is none. */
  readonly tenant: string | null;
  /** null: pods without a mark. */
  readonly mark: string | null;
  /** null: the main table. */
  readonly table: number | null;
  readonly onGatewayLoss: Tenant["onGatewayLoss"] | null;
  readonly pods: readonly PodObject[];
  readonly gateways: readonly GatewayObject[];
  /** null: not counted, or not known yet. */
  readonly packetsPerSecond: number | null;
  readonly bytesPerSecond: number | null;
  /** Packets that the guard has dropped; null: there is no guard. */
  readonly leaked: number | null;
  /** Of those, the ones that had their mark and would have taken the node's default route. */
  readonly leakedToDefaultRoute: number | null;
  readonly leaksPerSecond: number | null;
}

export interface NodeObject {
  /** ISO 8601, UTC. */
  readonly time: string;
  readonly node: string;
  readonly version: string;
  /** Path of the conflist. */
  readonly conf: string;
  /** Seconds that the rates are about; null: they are not known yet. */
  readonly interval: number | null;
  /** The tenants in the conflist's order, marks that are nobody's, pods without a mark. */
  readonly groups: readonly GroupObject[];
  /** What is wrong at the moment, as the agent sees it. */
  readonly conditions: readonly string[];
  /** Number of the newest event. */
  readonly lastEvent: number;
}

export interface NodeFacts extends Pick<
  NodeObject,
  "node" | "version" | "conditions" | "lastEvent"
> {
  readonly conf: PluginConf;
  readonly path: string;
  readonly kept: readonly KeptGateway[];
  readonly before: Sighting | undefined;
  readonly now: Sighting;
}

/** The object that conf/agent-api.schema.json describes. What is absent is null. */
export function nodeObject(facts: NodeFacts): NodeObject {
  const { conf, path, before, now, kept: _, ...rest } = facts;
  const pods = podsOf(facts);
  const groups = loadsOf(conf, before ?? now, now).map((load) => {
    const mine = pods.filter((pod) => belongs(pod, load));
    return { load, mine };
  });
  const grouped = new Set(groups.flatMap(({ mine }) => mine));
  const others = pods.filter((pod) => !grouped.has(pod));
  return {
    ...rest,
    time: now.time.toISOString(),
    conf: path,
    interval: before === undefined ? null : secondsBetween(before, now),
    groups: [
      ...groups.map(({ load, mine }) => markedGroup(facts, load, mine)),
      ...(others.length === 0 ? [] : [unmarkedGroup(others)]),
    ],
  };
}

/** A pod with what decides where it is drawn. */
interface Placed {
  readonly object: PodObject;
  readonly mark: Mark | undefined;
  readonly tenant: string | undefined;
}

function belongs({ mark, tenant }: Placed, load: Load): boolean {
  return mark === undefined
    ? tenant !== undefined && tenant === load.tenant
    : sameMark(mark, load.mark);
}

function markedGroup(facts: NodeFacts, load: Load, pods: readonly Placed[]): GroupObject {
  const tenant = facts.conf.tenants?.find(({ name }) => name === load.tenant);
  return {
    tenant: load.tenant ?? null,
    mark: formatMark(load.mark),
    ...wayOf(tenant),
    pods: pods.map(({ object }) => object),
    gateways: tenant === undefined ? [] : gatewayObjects(tenant, load.gateways, facts),
    ...ratesOf(load, facts),
    leaked: load.leaked ?? null,
    leakedToDefaultRoute: load.leakedToDefaultRoute ?? null,
    leaksPerSecond: leaksOf(load, facts),
  };
}

function wayOf(tenant: Tenant | undefined): Pick<GroupObject, "table" | "onGatewayLoss"> {
  if (tenant?.table === undefined) return { table: null, onGatewayLoss: null };
  return { table: tenant.table, onGatewayLoss: tenant.onGatewayLoss };
}

function ratesOf(
  { packetsPerSecond, bytesPerSecond }: Load,
  { before }: NodeFacts,
): Pick<GroupObject, "packetsPerSecond" | "bytesPerSecond"> {
  if (before === undefined) return { packetsPerSecond: null, bytesPerSecond: null };
  return { packetsPerSecond, bytesPerSecond };
}

function leaksOf({ mark, leaked }: Load, { before, now }: NodeFacts): number | null {
  const old = before && droppedOf(before, mark);
  if (before === undefined || old === undefined || leaked === undefined) return null;
  return grown(old, leaked) / secondsBetween(before, now);
}

/** A counter that was made again began at 0. */
function grown(before: number, now: number): number {
  return now < before ? now : now - before;
}

function podObject(row: PodRow, old: PodRow | undefined, { before, now }: NodeFacts): PodObject {
  const { pod, addresses, mark, recorded, packets } = row;
  return {
    pod,
    addresses,
    state: mark === undefined ? "damaged" : recorded ? "marked" : "unknown",
    packets: packets ?? null,
    packetsPerSecond:
      packets === undefined || before === undefined
        ? null
        : grown(old?.packets ?? 0, packets) / secondsBetween(before, now),
  };
}

function gatewayObjects(
  tenant: Tenant,
  seen: readonly GatewayState[],
  facts: NodeFacts,
): readonly GatewayObject[] {
  const written = everyGateway(tenant);
  const kept = facts.kept.filter((each) => each.tenant === tenant.name);
  if (kept.length > 0)
    return kept.map(({ gateway, isUp, via, dev }) => {
      const to = written.find((each) => hopText(each) === gateway)?.to ?? [EVERYTHING_ELSE];
      return gatewayObject({ gateway, to, dev, via, state: isUp ? "up" : "lost" }, seen, facts);
    });
  return written.map(({ via, dev, to }) =>
    gatewayObject({ gateway: hopText({ via, dev }), to, dev, via, state: "unknown" }, seen, facts),
  );
}

function gatewayObject(
  {
    gateway,
    to,
    dev,
    via,
    state,
  }: Pick<GatewayObject, "gateway" | "to" | "state"> & Pick<KeptGateway, "via" | "dev">,
  seen: readonly GatewayState[],
  { before, now }: NodeFacts,
): GatewayObject {
  const [old, sent] = [before, now].map((each) => each?.devices.get(dev ?? ""));
  return {
    gateway,
    to,
    dev: dev ?? null,
    state,
    neighbour: seen.find((each) => each.gateway === (via ?? dev))?.state ?? "none",
    devicePacketsPerSecond:
      old === undefined || sent === undefined || before === undefined
        ? null
        : grown(old.packets, sent.packets) / secondsBetween(before, now),
  };
}

/** Those with marks, those on record whose marks are gone, and those that are to have none; each by name. */
function podsOf(facts: NodeFacts): readonly Placed[] {
  const { pods, records } = facts.now;
  const installed = new Set(pods.map(({ tag }) => tag));
  const before = groupBy(facts.before?.pods ?? [], keyOf);
  const rows = pods.map((row): Placed => ({
    object: podObject(row, before(keyOf(row))[0], facts),
    mark: row.mark,
    tenant: row.tenant,
  }));
  const recorded = [...records].flatMap(([tag, attachment]): readonly Placed[] =>
    attachment.state !== "complete" || installed.has(tag) ? [] : [unseenPod(attachment)],
  );
  return [...rows, ...recorded].sort((a, b) => compare(a.object.pod, b.object.pod));
}

function unseenPod(attachment: Attachment): Placed {
  const { mark, tenant, addresses } = attachment;
  const state = mark === undefined ? "plain" : "missing";
  const pod = podName(attachment);
  return { object: { pod, addresses, state, packets: null, packetsPerSecond: null }, mark, tenant };
}

function unmarkedGroup(pods: readonly Placed[]): GroupObject {
  return {
    ...{ tenant: null, mark: null, table: null, onGatewayLoss: null, gateways: [] },
    pods: pods.map(({ object }) => object),
    ...{ packetsPerSecond: null, bytesPerSecond: null, leaked: null, leaksPerSecond: null },
    leakedToDefaultRoute: null,
  };
}
