/** Pure: what takes packets of pods around the marks, and what a bridge lacks. */
import { contains, formatCidr, parsePrefix, type Prefix } from "../../net/address";
import { groupBy } from "../../net/group";
import { findingOf, type Finding } from "../finding";
import { NODE } from "../kinds/node";

/** A pod that runs, with a mark or without. */
export interface AttachedPod {
  readonly pod: string;
  readonly addresses: readonly string[];
}

export interface Link {
  readonly name: string;
  /** `veth`, `bridge`, `netkit`; "" for none. */
  readonly kind: string;
  /** The bridge that it is a port of. */
  readonly master: string | undefined;
}

/** A route of the main table that leads into an interface. */
export interface LinkRoute {
  readonly to: string;
  readonly dev: string;
}

/** A filter of tc at the ingress of an interface. */
export interface Filter {
  readonly dev: string;
  readonly pref: number;
  readonly kind: string;
  /** Of a BPF program. */
  readonly name: string | undefined;
  /** The interface that it redirects to. */
  readonly to: string | undefined;
}

export interface Flowtable {
  readonly table: string;
  readonly name: string;
  readonly devices: readonly string[];
  readonly rule: { readonly chain: string; readonly handle: number } | undefined;
}

/** What was seen of the node. */
export interface Datapath {
  readonly links: readonly Link[];
  readonly routes: readonly LinkRoute[];
  readonly filters: readonly Filter[];
  readonly flowtables: readonly Flowtable[];
  /** The file in which Cilium says that its host routing is on. */
  readonly hostRouting: string | undefined;
}

/** Cilium's own programs, in new releases and old. Whether they go around is said by its configuration. */
const CILIUMS = /^(?:cil_|bpf_lxc|bpf_host|bpf_netdev)/;

/** Interfaces on the node's side of pods, each with the pods behind it. */
export function podDevices(
  pods: readonly AttachedPod[],
  { links, routes }: Pick<Datapath, "links" | "routes">,
): ReadonlyMap<string, readonly string[]> {
  const deviceOf = deviceLookup(routes);
  const portsOf = groupBy(links, ({ master }) => master ?? "");
  const devices = new Map<string, Set<string>>();
  for (const { pod, addresses } of pods)
    for (const dev of addresses.flatMap((address) => deviceOf(address) ?? []))
      for (const each of [dev, ...portsOf(dev).map(({ name }) => name)]) {
        const behind = devices.get(each) ?? new Set();
        devices.set(each, behind.add(pod));
      }
  return new Map([...devices].map(([dev, behind]) => [dev, [...behind]]));
}

/** The interface that the narrowest route to an address leads into. Each pod of ptp has a route of its own. */
function deviceLookup(routes: readonly LinkRoute[]): (address: string) => string | undefined {
  const nets = routes
    .map(({ to, dev }) => ({ net: parsePrefix(to), dev }))
    .filter((each): each is { net: Prefix; dev: string } => (each.net?.length ?? 0) > 0)
    // Of two of one length the first counts.
    .sort((a, b) => b.net.length - a.net.length);
  const exact = groupBy(nets, ({ net }) => formatCidr(net));
  return (address) => {
    const host = parsePrefix(address);
    if (host === undefined) return undefined;
    const [route] = exact(formatCidr(host));
    return (route ?? nets.find(({ net }) => contains(net, host)))?.dev;
  };
}

/** Everything that takes packets of these pods around the marks. */
export function bypassFindings(
  pods: readonly AttachedPod[],
  datapath: Datapath,
): readonly Finding[] {
  const devices = podDevices(pods, datapath);
  if (devices.size === 0) return [];
  const { filters, flowtables } = datapath;
  return [
    ...hostRoutingFindings(devices, datapath),
    ...filters.flatMap((filter) => filterFindings(filter, devices.get(filter.dev))),
    ...flowtables.flatMap((flowtable) => {
      const hit = flowtable.devices.filter((dev) => devices.has(dev));
      if (hit.length === 0) return [];
      return [findingOf(NODE, "flowtable", { ...flowtable, devices: hit }, flowtable.name)];
    }),
  ];
}

function hostRoutingFindings(
  devices: ReadonlyMap<string, unknown>,
  { links, hostRouting }: Datapath,
): readonly Finding[] {
  // Cilium makes such interfaces with its host routing alone.
  const netkit = links.find(({ name, kind }) => kind === "netkit" && devices.has(name));
  const sign = netkit === undefined ? hostRouting : `${netkit.name} is a netkit interface`;
  return sign === undefined ? [] : [findingOf(NODE, "bpf-host-routing", { sign })];
}

function filterFindings(
  { dev, pref, kind, name, to }: Filter,
  pods: readonly string[] | undefined,
): readonly Finding[] {
  if (pods === undefined) return [];
  const facts = { dev, pref, pods };
  if (to !== undefined) return [findingOf(NODE, "tc-redirect", { ...facts, to }, dev)];
  if (kind !== "bpf" || CILIUMS.test(name ?? "")) return [];
  const called = name === undefined ? "a BPF program" : `the BPF program ${name}`;
  return [findingOf(NODE, "tc-program", { ...facts, name: called }, dev)];
}

/** The settings that let packets within a bridge meet the firewall, for delegates that are bridges. */
export function bridgeFindings(
  delegates: readonly string[],
  sysctl: (path: string) => string | undefined,
): readonly Finding[] {
  if (!delegates.includes("bridge")) return [];
  const setting = "net.bridge.bridge-nf-call-iptables";
  const value = sysctl(setting.replaceAll(".", "/"));
  if (value === "1") return [];
  return [findingOf(NODE, "bridge-unfiltered", { setting, value }, setting)];
}
