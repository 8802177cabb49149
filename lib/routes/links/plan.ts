/** Pure: which links are made, kept, made anew and removed, and which cannot be. */
import { dependencyOrder, type LinkSpec } from "../../net/link";
import type { Link } from "../model";
import { deviceName, linkNamed } from "../plan/gateways";
import {
  fixedDifferences,
  hasIdOf,
  isOwnLink,
  largestMtu,
  looseDifferences,
  mtuOf,
} from "./compare";
import { type PeerDifferences, peerDifferences } from "./peers";

/** A link that is ours, or will be. */
export interface OwnLink {
  /** With the MTU that its parent allows, with ports that exist, and without the node itself among its peers. */
  readonly spec: LinkSpec;
  /** As the kernel has it; undefined: it is made. */
  readonly present: Link | undefined;
  /** Whether it can be up: not while its parent is down. */
  readonly canBeUp: boolean;
}

/** Why a link is not as it is wanted, although nothing foreign is in the way. */
export interface WaitingLink {
  readonly spec: LinkSpec;
  readonly waitsFor: "parent" | "parent-up" | "port";
  readonly dev: string;
}

/** Bytes. `dev`: the parent or port that allows no more. */
export interface LargeLink {
  readonly spec: LinkSpec;
  readonly mtu: number;
  readonly least: number;
  readonly dev: string;
}

/** A foreign link in the way of one of ours. */
export type LinkObstacle =
  | {
      readonly kind: "link";
      readonly spec: LinkSpec;
      readonly differences: readonly string[];
      /** Of a vxlan that has other peers. */
      readonly peers?: PeerDifferences;
    }
  | { readonly kind: "link-id"; readonly spec: LinkSpec; readonly other: string }
  | {
      readonly kind: "link-port";
      readonly spec: LinkSpec;
      readonly port: string;
      readonly master: string;
    };

export interface LinksPlan {
  /** Each behind those that it needs. */
  readonly own: readonly OwnLink[];
  /** Names of links that go, those that are made anew among them; each before those that it needs. */
  readonly gone: readonly string[];
  readonly waiting: readonly WaitingLink[];
  readonly large: readonly LargeLink[];
  readonly obstacles: readonly LinkObstacle[];
}

export interface LinksInput {
  /** In the order in which they are made. */
  readonly wanted: readonly LinkSpec[];
  /** What the kernel has. */
  readonly links: readonly Link[];
  /** What was made, by the record. */
  readonly recorded: readonly LinkSpec[];
}

/** Compares the links that the kernel has with those that it should have. */
export function planLinks(input: LinksInput): LinksPlan {
  const gone = goneLinks(input);
  const plan: Plan = {
    input,
    standing: new Map(
      input.links.filter(({ name }) => !gone.includes(name)).map((link) => [link.name, link]),
    ),
    ...{ own: [], waiting: [], large: [], obstacles: [] },
  };
  for (const spec of input.wanted) place(spec, plan);
  const { own, waiting, large, obstacles } = plan;
  return { own, gone, waiting, large, obstacles };
}

type Standing = Pick<Link, "name" | "mtu" | "up">;

interface Plan {
  readonly input: LinksInput;
  /** The links that there are when the next one is made. */
  readonly standing: Map<string, Standing>;
  readonly own: OwnLink[];
  readonly waiting: WaitingLink[];
  readonly large: LargeLink[];
  readonly obstacles: LinkObstacle[];
}

/** Ours that are not wanted, or are different in what cannot be changed, and those that the kernel removes with them. */
function goneLinks({ wanted, links, recorded }: LinksInput): readonly string[] {
  const ours = links.filter((link) => isOwnLink(link, recorded));
  const first = ours.filter((link) => {
    const spec = wanted.find(({ name }) => name === link.name);
    return spec === undefined || mustBeMadeAnew(spec, link, { links, recorded });
  });
  const gone = new Set(first.map(({ name }) => name));
  const isOn = ({ name, facts }: Link): boolean =>
    !gone.has(name) && facts?.parent !== undefined && gone.has(facts.parent);
  for (let child = ours.find(isOn); child !== undefined; child = ours.find(isOn))
    gone.add(child.name);
  return childrenFirst(ours.filter(({ name }) => gone.has(name)));
}

function mustBeMadeAnew(
  spec: LinkSpec,
  link: Link,
  { links, recorded }: Pick<LinksInput, "links" | "recorded">,
): boolean {
  const before = recorded.find(({ name }) => name === spec.name);
  const isDropped = (key: "mtu" | "mac"): boolean =>
    before?.[key] !== undefined && spec[key] === undefined;
  return (
    fixedDifferences(spec, link, links).length > 0 ||
    // We make none with a peer in the place of a group.
    link.facts?.remote !== undefined ||
    isDropped("mtu") ||
    isDropped("mac")
  );
}

/** Names of links, those that are made on others before these. */
export function childrenFirst(links: readonly Link[]): readonly string[] {
  const specs = links.map(({ name, facts }): LinkSpec => ({
    ...{ name, type: "dummy", remotes: [], addresses: [], ports: [] },
    ...(facts?.parent === undefined ? {} : { parent: facts.parent }),
  }));
  return dependencyOrder(specs)
    .ordered.map(({ name }) => name)
    .reverse();
}

function place(wanted: LinkSpec, plan: Plan): void {
  const { links, recorded } = plan.input;
  const spec = withoutSelf(wanted, links);
  const present = linkNamed(spec.name, links);
  if (present !== undefined && !isOwnLink(present, recorded)) return passBy(spec, present, plan);
  if (spec.parent === undefined) return keep(spec, present, undefined, plan);
  const parent = standingNamed(spec.parent, plan);
  if (parent === undefined) plan.waiting.push({ spec, waitsFor: "parent", dev: spec.parent });
  else keep(spec, present, parent, plan);
}

function keep(
  spec: LinkSpec,
  present: Link | undefined,
  parent: Standing | undefined,
  plan: Plan,
): void {
  if (isInTheWay(spec, parent?.name, plan)) return;
  const isHeld = parent?.up === false && spec.type !== "vxlan";
  if (isHeld) plan.waiting.push({ spec, waitsFor: "parent-up", dev: parent.name });
  const fitting = withFittingMtu(withPorts(spec, plan), plan);
  const kept = plan.standing.has(spec.name) ? present : undefined;
  plan.own.push({ spec: fitting, present: kept, canBeUp: !isHeld });
  const mtu = mtuOf(fitting, kept, parent);
  plan.standing.set(spec.name, { name: spec.name, mtu, up: !isHeld });
}

// A foreign link that is as wanted is used; one that is not is in the way.
function passBy(spec: LinkSpec, present: Link, { input: { links }, obstacles }: Plan): void {
  const fixed = fixedDifferences(spec, present, links);
  if (fixed.length > 0) {
    obstacles.push({ kind: "link", spec, differences: fixed });
    return;
  }
  const differences = looseDifferences(spec, present, links);
  const peers = peerDifferences(spec, present.facts ?? {});
  if (differences.length > 0 || peers !== undefined)
    obstacles.push({ kind: "link", spec, differences, ...(peers === undefined ? {} : { peers }) });
}

function isInTheWay(
  spec: LinkSpec,
  parent: string | undefined,
  { input: { links }, standing, obstacles }: Plan,
): boolean {
  const other = links.find(
    (link) => link.name !== spec.name && standing.has(link.name) && hasIdOf(spec, link, parent),
  );
  if (other === undefined) return false;
  obstacles.push({ kind: "link-id", spec, other: other.name });
  return true;
}

function standingNamed(name: string, { input: { links }, standing }: Plan): Standing | undefined {
  return standing.get(deviceName(name, links));
}

// One list of peers serves all nodes.
function withoutSelf(spec: LinkSpec, links: readonly Link[]): LinkSpec {
  const own = new Set(links.flatMap(({ addresses }) => addresses.map(({ address }) => address)));
  return { ...spec, remotes: spec.remotes.filter((remote) => !own.has(remote)) };
}

/** With the ports that are there and that no foreign bridge has, by their real names. */
function withPorts(spec: LinkSpec, plan: Plan): LinkSpec {
  const { links, recorded } = plan.input;
  const ports = spec.ports.flatMap((dev) => {
    const port = standingNamed(dev, plan);
    if (port === undefined) {
      plan.waiting.push({ spec, waitsFor: "port", dev });
      return [];
    }
    const name = links.find((link) => link.name === port.name)?.facts?.master;
    const master = links.find((link) => link.name === name);
    const isFree = master === undefined || master.name === spec.name || isOwnLink(master, recorded);
    if (isFree) return [port.name];
    plan.obstacles.push({ kind: "link-port", spec, port: port.name, master: master.name });
    return [];
  });
  return { ...spec, ports };
}

/** A bridge takes any MTU, and drops what is too large for a port; on a parent the kernel refuses one that is too large. */
function withFittingMtu(spec: LinkSpec, plan: Plan): LinkSpec {
  const { mtu, parent } = spec;
  if (mtu === undefined) return spec;
  const below = [...(parent === undefined ? [] : [parent]), ...spec.ports].flatMap((dev) => {
    const link = standingNamed(dev, plan);
    return link === undefined ? [] : [{ dev, least: largestMtu(spec, link.mtu) }];
  });
  const [worst] = below.sort((a, b) => a.least - b.least);
  if (worst === undefined || mtu <= worst.least) return spec;
  plan.large.push({ spec, mtu, ...worst });
  return spec.type === "bridge" ? spec : { ...spec, mtu: worst.least };
}
