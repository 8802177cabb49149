/** Pure: the changes that make links as they are planned, and their record. */
import type { LinkSpec } from "../../net/link";
import type { LinkChange, LinkFacts } from "../link-model";
import type { Link, NodeState } from "../model";
import { isOwnLink } from "./compare";
import { lostLinkLocal } from "./link-local";
import { childrenFirst, type LinksPlan, type OwnLink } from "./plan";

/** What the changes are made from besides the plan. */
export interface LinksNow extends Pick<NodeState, "links" | "sysctl"> {
  readonly recorded: readonly LinkSpec[];
}

/** The changes in their order: what goes, then each link behind those that it needs. None: all is as planned. */
export function linkChanges({ own, gone }: LinksPlan, now: LinksNow): readonly LinkChange[] {
  const there = { ...now, links: withoutGone(now.links, new Set(gone)) };
  return [
    ...gone.map((name): LinkChange => ({ op: "del", name })),
    ...own.flatMap((link) => [...identityChanges(link), ...partChanges(link, there)]),
  ];
}

// The ports of a bridge that goes are ports of none.
function withoutGone(links: readonly Link[], gone: ReadonlySet<string>): readonly Link[] {
  return links
    .filter(({ name }) => !gone.has(name))
    .map((link) => {
      const { master, ...facts } = link.facts ?? { prefixes: [] };
      return master !== undefined && gone.has(master) ? { ...link, facts } : link;
    });
}

function identityChanges({ spec, present }: OwnLink): readonly LinkChange[] {
  const { name, mtu, mac } = spec;
  const have = present === undefined ? madeWith(spec) : { ...present.facts, mtu: present.mtu };
  return [
    ...(present === undefined ? [{ op: "add", name, spec } as const] : []),
    ...(have.alias === undefined ? [{ op: "mark", name } as const] : []),
    ...(mac === undefined || have.mac === mac ? [] : [{ op: "mac", name, mac } as const]),
    ...(mtu === undefined || have.mtu === mtu ? [] : [{ op: "mtu", name, mtu } as const]),
  ];
}

/** A bridge's MTU follows its ports' until it is set on the bridge that is there. */
function madeWith({ type, mtu, mac }: LinkSpec): {
  readonly alias?: string;
  readonly mac: string | undefined;
  readonly mtu: number | undefined;
} {
  return { mac, mtu: type === "bridge" ? undefined : mtu };
}

const NOTHING = { remotes: [], ports: [], addresses: [] };

function partChanges(link: OwnLink, now: LinksNow): readonly LinkChange[] {
  const { spec, present, canBeUp } = link;
  const { links, recorded } = now;
  const { name, remotes, addresses } = spec;
  const before = recorded.find((each) => each.name === name) ?? NOTHING;
  const { peers, prefixes } = factsOf(present);
  return [
    ...listChanges("peer", name, { want: remotes, have: peers, before: before.remotes }),
    ...portChanges(spec, before.ports, links),
    ...listChanges("address", name, { want: addresses, have: prefixes, before: before.addresses }),
    ...linkLocalChanges(link, now),
    ...(canBeUp && present?.up !== true ? [{ op: "up", name } as const] : []),
  ];
}

function factsOf(present: Link | undefined): Required<Pick<LinkFacts, "peers" | "prefixes">> {
  return { peers: present?.facts?.peers ?? [], prefixes: present?.facts?.prefixes ?? [] };
}

function linkLocalChanges(link: OwnLink, now: LinksNow): readonly LinkChange[] {
  const address = lostLinkLocal(link, now);
  const { name } = link.spec;
  return address === undefined ? [] : [{ op: "address", name, verb: "add", address }];
}

/** `before`: what was given to it, by the record. */
function listChanges(
  op: "peer" | "address",
  name: string,
  {
    want,
    have,
    before,
  }: {
    readonly want: readonly string[];
    readonly have: readonly string[];
    readonly before: readonly string[];
  },
): readonly LinkChange[] {
  const stale = before.filter((address) => !want.includes(address) && have.includes(address));
  const missing = want.filter((address) => !have.includes(address));
  return [
    ...stale.map((address): LinkChange => ({ op, name, verb: "del", address })),
    ...missing.map((address): LinkChange => ({ op, name, verb: "add", address })),
  ];
}

function portChanges(
  { name, ports }: LinkSpec,
  before: readonly string[],
  links: readonly Link[],
): readonly LinkChange[] {
  const masterOf = (port: string): string | undefined =>
    links.find((link) => link.name === port)?.facts?.master;
  return [
    ...before
      .filter((port) => !ports.includes(port) && masterOf(port) === name)
      .map((port): LinkChange => ({ op: "master", name: port, bridge: undefined })),
    ...ports
      .filter((port) => masterOf(port) !== name)
      .map((port): LinkChange => ({ op: "master", name: port, bridge: name })),
  ];
}

/** The changes after which no link of ours is left. */
export function linksToRemove(
  links: readonly Link[],
  recorded: readonly LinkSpec[],
): readonly LinkChange[] {
  return childrenFirst(links.filter((link) => isOwnLink(link, recorded))).map((name) => ({
    op: "del",
    name,
  }));
}

/** Everything in either record of links: what has to be taken back when the changes end half-way. */
export function joinLinks(
  before: readonly LinkSpec[],
  after: readonly LinkSpec[],
): readonly LinkSpec[] {
  const both = (a: readonly string[] = [], b: readonly string[]): readonly string[] => [
    ...new Set([...a, ...b]),
  ];
  const left = before.filter((spec) => !after.some(({ name }) => name === spec.name));
  return [
    ...left,
    ...after.map((spec) => {
      const old = before.find(({ name }) => name === spec.name);
      return {
        ...old,
        ...spec,
        addresses: both(old?.addresses, spec.addresses),
        remotes: both(old?.remotes, spec.remotes),
        ports: both(old?.ports, spec.ports),
      };
    }),
  ];
}
