/** Pure: one link as it is wanted against one that the kernel has. */
import type { LinkSpec } from "../../net/link";
import { LINK_ALIAS } from "../link-model";
import type { Link } from "../model";
import { deviceName, linkNamed } from "../plan/gateways";

/** Bytes that a vxlan adds to a packet: IP, UDP, VXLAN and the inner Ethernet header. */
const VXLAN_OVERHEAD = { 4: 50, 6: 70 } as const;

/**
 * Whether a link was made here: it has the mark; or it is in the record and was left without one by an
 * `apply` that was killed, and so has nothing yet that the next commands would have given it.
 */
export function isOwnLink(
  { name, up, facts }: Link,
  recorded: readonly Pick<LinkSpec, "name" | "type">[],
): boolean {
  if (facts?.alias !== undefined) return facts.alias === LINK_ALIAS;
  return (
    !up &&
    facts?.prefixes.length === 0 &&
    recorded.some((spec) => spec.name === name && spec.type === facts.kind)
  );
}

/** What of a link cannot be changed: each that is different, as `id 7 instead of 8`. */
export function fixedDifferences(
  spec: LinkSpec,
  link: Link,
  links: readonly Link[],
): readonly string[] {
  const { facts } = link;
  if (facts?.kind !== spec.type)
    return [`it is ${facts?.kind === undefined ? "no such link" : `a ${facts.kind}`}`];
  const parent = spec.parent === undefined ? undefined : deviceName(spec.parent, links);
  const pairs = [
    ["parent", facts.parent, parent],
    ["id", facts.id, spec.id],
    ["mode", facts.mode, spec.mode],
    ["local", facts.local, spec.local],
    ["group", facts.group, spec.group],
    ["port", facts.port, spec.port],
  ] as const;
  return pairs
    .filter(([, have, want]) => have !== want)
    .map(([what, have, want]) => `${what} ${have ?? "none"} instead of ${want ?? "none"}`);
}

/** What of a link can be changed and is not as wanted, but for the peers of a vxlan (`peerDifferences`). */
export function looseDifferences(
  spec: LinkSpec,
  { up, mtu, facts }: Link,
  links: readonly Link[],
): readonly string[] {
  const absent = spec.addresses.filter((each) => facts?.prefixes.includes(each) !== true);
  const strays = spec.ports.filter((port) => linkNamed(port, links)?.facts?.master !== spec.name);
  return [
    ...(spec.mtu === undefined || spec.mtu === mtu ? [] : [`mtu ${mtu} instead of ${spec.mtu}`]),
    ...(spec.mac === undefined || spec.mac === facts?.mac
      ? []
      : [`hardware address ${facts?.mac ?? "none"} instead of ${spec.mac}`]),
    ...absent.map((each) => `address ${each} is missing`),
    ...strays.map((port) => `${port} is no port of it`),
    ...(up ? [] : ["it is down"]),
  ];
}

/** Whether the kernel refuses the one beside the other: a VLAN ID of a parent, a VXLAN identifier of a UDP port. */
export function hasIdOf(spec: LinkSpec, { facts }: Link, parent: string | undefined): boolean {
  if (facts?.kind !== spec.type || facts.id === undefined || facts.id !== spec.id) return false;
  return spec.type === "vlan" ? facts.parent === parent : facts.port === spec.port;
}

/** The largest MTU on a parent with this one. */
export function largestMtu(spec: LinkSpec, parentMtu: number): number {
  if (spec.type !== "vxlan") return parentMtu;
  const ends = [spec.local, spec.group, ...spec.remotes].filter((text) => text !== undefined);
  return parentMtu - VXLAN_OVERHEAD[ends.some((text) => text.includes(":")) ? 6 : 4];
}

/** What the kernel gives a link that is made without a parent. */
const DEFAULT_MTU = 1500;

/** The MTU that a link will have. */
export function mtuOf(
  spec: LinkSpec,
  present: Pick<Link, "mtu"> | undefined,
  parent: Pick<Link, "mtu"> | undefined,
): number {
  return spec.mtu ?? present?.mtu ?? largestMtu(spec, parent?.mtu ?? DEFAULT_MTU);
}
