/** Gathers what is known of a pod's way, through the ports of the node. */
import type { PluginConf } from "../../../conf/types";
import type { Attachment } from "../../attachment/journal-record";
import { driftOf, driftText } from "../../attachment/drift";
import { familyOf } from "../../net/family";
import { sameMark } from "../../net/mark";
import { attachmentTag } from "../../marks/tag";
import type { NftRunner } from "../../marks/nftables/runner";
import { countMarked } from "../../marks/nftables/counters";
import type { Guard } from "../../marks/nftables/guard";
import type { MarkBackend } from "../../ports";
import type { Programs } from "../../node/programs";
import type { Saved } from "../../routes/kernel/forward";
import { TABLE_MAIN } from "../../routes/model";
import type { RoutesView } from "../../routes/carry-out";
import { collisionsOf, findingsOf, look, type RoutesNode } from "../../routes/apply";
import type { Probes } from "../../routes/watch/probe";
import { lookUp } from "../lookup";
import { markedBy } from "../marked";
import type {
  Destination,
  FirewallFacts,
  GatewayFacts,
  MarkFacts,
  Packet,
  PathFacts,
  PodFacts,
  RouteFacts,
  WayAnswer,
} from "../model";
import { parseSaved } from "../firewall/saved";
import { askWay, neighbourState, podMtu } from "./ip";

/** The places of marks that are in nftables. */
const NFTABLES = "nftables";

/** What the facts are read with. */
export interface ExplainNode {
  readonly conf: PluginConf;
  /** ` --conf FILE`, or "". */
  readonly option: string;
  readonly programs: Programs;
  readonly routes: RoutesNode;
  readonly backend: MarkBackend;
  readonly nft: NftRunner;
  readonly guard: Guard;
  /** Whether the guard may be there. */
  readonly hasGuard: () => boolean;
  /** What `iptables-save -c` prints. */
  readonly saved: () => Promise<readonly Saved[]>;
  readonly probes: Probes;
}

/** What is the same for every destination of one pod. */
export interface Ground {
  readonly pod: PodFacts;
  readonly attachment: Attachment | undefined;
  readonly firewall: FirewallFacts;
  readonly routes: RouteFacts;
}

/** Reads pod, firewalls and routes, each once. */
export async function readGround(
  node: ExplainNode,
  pod: PodFacts,
  attachment: Attachment | undefined,
): Promise<Ground> {
  const [firewall, routes, mtu] = await Promise.all([
    readFirewall(node),
    readRoutes(node),
    pod.netns === undefined || pod.ifname === undefined
      ? undefined
      : podMtu(node.programs, pod.netns, pod.ifname),
  ]);
  return { pod: { ...pod, mtu }, attachment, firewall, routes };
}

/** Everything about the way from one of the pod's addresses to a destination. */
export async function readPath(
  node: ExplainNode,
  ground: Ground,
  { from, to }: { readonly from: string | undefined; readonly to: Destination },
): Promise<PathFacts> {
  const { pod, attachment, firewall, routes } = ground;
  const packet: Packet = {
    family: to.family,
    from,
    to: to.address,
    port: to.port,
    iif: from === undefined ? undefined : towards(routes, from),
  };
  const marks =
    attachment === undefined || from === undefined
      ? undefined
      : await readMarks(node, ground, attachment, from);
  const own = routes.state.links.flatMap(({ addresses }) =>
    addresses.map(({ address }) => address),
  );
  const inNftables =
    attachment?.backend === NFTABLES && marks?.drifts.every(({ ofMark }) => !ofMark) === true;
  const marked = markedBy({ packet, pod, firewall, own, inNftables });
  const way = await wayOut(node, packet, marked.value);
  return {
    ...{ conf: node.conf, option: node.option, pod, packet, marks, firewall, routes, marked, way },
    gateway: await readGateway(node, routes, packet, way),
    back: await wayBack(node, packet, way),
  };
}

/** The device of the main table's route to the pod, whatever rules others have put before that table. */
function towards({ state }: RouteFacts, address: string): string | undefined {
  const family = familyOf(address);
  const main = { family, priority: 0, table: TABLE_MAIN, suppressPrefixLength: 0, protocol: 0 };
  const packet = { family, from: undefined, to: address, iif: undefined, mark: 0 };
  const found = lookUp({ rules: [main], routes: state.routes }, packet);
  return found?.route?.nexthops[0]?.dev;
}

async function wayOut(node: ExplainNode, packet: Packet, mark: number): Promise<WayAnswer> {
  if (packet.from !== undefined && packet.iif === undefined)
    return { refused: `no route of this node leads to the pod's address ${packet.from}` };
  return askWay(node.programs, { ...packet, mark });
}

async function wayBack(
  node: ExplainNode,
  { family, from, to }: Packet,
  way: WayAnswer,
): Promise<WayAnswer | undefined> {
  if (from === undefined || "refused" in way || way.local) return undefined;
  return askWay(node.programs, { family, to: from, from: to, iif: way.dev, mark: 0 });
}

async function readRoutes(node: ExplainNode): Promise<RouteFacts> {
  const { conf, routes } = node;
  const view: RoutesView = await look(conf, routes, { sysctl: false, asItIs: true });
  return {
    plan: view.plan,
    state: view.state,
    findings: findingsOf(conf, view),
    collisions: await collisionsOf(conf, routes, view),
    hasNat: view.own.natListing !== undefined,
  };
}

async function readFirewall({ saved, programs }: ExplainNode): Promise<FirewallFacts> {
  const [listings, nft] = await Promise.all([saved(), nftRuleset(programs)]);
  return { saved: listings, ...nft };
}

async function nftRuleset(programs: Programs): Promise<Pick<FirewallFacts, "nft" | "nftProblem">> {
  if (!programs.has("nft")) return { nft: undefined, nftProblem: "nft is not installed" };
  const { ok, stdout, said } = await programs.try("nft", ["-j", "list", "ruleset"]);
  if (!ok) return { nft: undefined, nftProblem: said };
  return { nft: stdout.trim() === "" ? undefined : JSON.parse(stdout), nftProblem: undefined };
}

async function readMarks(
  node: ExplainNode,
  { firewall }: Ground,
  attachment: Attachment,
  address: string,
): Promise<MarkFacts> {
  const { mark } = attachment;
  const tag = attachmentTag(attachment.key);
  const installed = await node.backend.open({}).list();
  const drifts = driftOf({ tag, attachment }, node.backend, installed)
    .filter((drift) => drift.address === address)
    .map((drift) => ({
      kind: drift.kind,
      ofMark: drift.want === undefined || (mark !== undefined && sameMark(drift.want.mark, mark)),
      text: driftText(drift),
    }));
  const shared = attachment.backend === NFTABLES;
  const mine = installed.filter((each) => each.tag === tag && each.address === address);
  return {
    drifts,
    installed: mine.map(({ text }) => text),
    shared,
    counted: shared ? await sharedCount(node, attachment) : ownCount(firewall, tag, address),
    guard: await readGuard(node, attachment, address),
  };
}

async function sharedCount(
  { nft }: ExplainNode,
  { mark }: Attachment,
): Promise<MarkFacts["counted"]> {
  if (mark === undefined) return undefined;
  return (await countMarked(nft)).find((each) => sameMark(each.mark, mark));
}

/** The counter of the rule that sets the mark. */
function ownCount({ saved }: FirewallFacts, tag: string, address: string): MarkFacts["counted"] {
  const rules = saved.flatMap((each) =>
    "text" in each
      ? (parseSaved(each.program, each.text).get("mangle")?.get("PREROUTING")?.rules ?? [])
      : [],
  );
  return rules.find(
    ({ text }) =>
      text.includes(tag) && text.includes(`-s ${address}/`) && !text.includes("--ctdir REPLY"),
  )?.counted;
}

async function readGuard(
  { guard, hasGuard }: ExplainNode,
  { mark }: Attachment,
  address: string,
): Promise<MarkFacts["guard"]> {
  if (!hasGuard() || mark === undefined) return undefined;
  const { guarded, dropped } = await guard.list();
  const entry = guarded.find((each) => each.address === address);
  if (entry === undefined) return undefined;
  const count = dropped
    .filter((each) => sameMark(each.mark, mark))
    .reduce((sum, { packets }) => sum + packets, 0);
  return { mark: entry.mark, dropped: count };
}

/** Asks the gateway as the watcher does. */
async function readGateway(
  node: ExplainNode,
  { plan }: RouteFacts,
  { family }: Packet,
  way: WayAnswer,
): Promise<GatewayFacts | undefined> {
  if ("refused" in way || way.local) return undefined;
  const { via, dev } = way;
  const links = await node.probes.links();
  const link = links.find(({ name }) => name === dev);
  if (link === undefined) return undefined;
  const known = plan.gateways.find((each) => each.via === via && each.dev === dev);
  const tenant = node.conf.tenants?.find(({ name }) => name === known?.tenant);
  const gateway = known ?? {
    ...{ tenant: "", family, via, dev, weight: 1 },
    ...{ check: undefined, unusable: undefined },
  };
  const verdict = await node.probes.ask({
    gateway,
    mark: tenant?.mark ?? { value: 0, mask: 0xffffffff },
    timeoutMs: node.conf.routes.watch.timeoutMs,
    links,
  });
  return {
    neighbour:
      via === undefined ? undefined : await neighbourState(node.programs, { family, via, dev }),
    carrier: link.carrier,
    answer: verdict.kind,
    why: verdict.kind === "answered" ? undefined : verdict.why,
  };
}
