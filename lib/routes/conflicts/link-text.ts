/** Pure: the parts of the sentences about links. */
import { linkCommand } from "../link-text";
import type { PeerDifferences } from "../links/peers";
import { listText, type Parts } from "../text";
import type { Collision, CollisionKind, Finding, FindingKind } from "./kinds";

type FindingOf<K extends FindingKind> = Extract<Finding, { readonly kind: K }>;
type CollisionOf<K extends CollisionKind> = Extract<Collision, { readonly kind: K }>;

/** By kind: what is so, what follows, what to do. */
export const LINK_FINDING_TEXTS: {
  readonly [K in "link-waits" | "link-mtu"]: (finding: FindingOf<K>) => Parts;
} = {
  "link-waits": ({ spec: { name, type }, waitsFor, dev }) => {
    switch (waitsFor) {
      case "parent":
        return {
          fault: `this node has no interface ${dev}, the parent of ${type} ${name}`,
          consequence: `${name} is not made`,
          remedy: `make ${dev}, and have the watcher or another apply make ${name}`,
        };
      case "parent-up":
        return {
          fault: `${dev}, the parent of ${type} ${name}, is down`,
          consequence: `${name} carries nothing`,
          remedy: `ip link set ${dev} up`,
        };
      case "port":
        return {
          fault: `this node has no interface ${dev}, a port of ${type} ${name}`,
          consequence: `${name} is without it`,
          remedy: `make ${dev}, and have the watcher or another apply add it`,
        };
    }
  },
  "link-mtu": ({ spec: { name, type }, mtu, least, dev }) => ({
    fault: `${type} ${name} is to have an MTU of ${mtu}, but ${dev} allows ${least}`,
    consequence:
      type === "bridge" ? `larger packets to ${dev} are dropped` : `${name} gets ${least}`,
    remedy: `set /routes/links/${name}/mtu to ${least}, or give ${dev} a larger MTU`,
  }),
};

/** By kind: what is so, what follows, what to do. */
export const LINK_COLLISION_TEXTS: {
  readonly [K in "link" | "link-id" | "link-port"]: (collision: CollisionOf<K>) => Parts;
} = {
  link: ({ spec: { name, type }, differences, peers }) => ({
    fault: `${name}, which is to be a ${type}, exists and was not made by wrapper routes: ${listText([...peerTexts(peers), ...differences], 3)}`,
    joint: "; ",
    consequence: "it is left as it is",
    ...(peers === undefined || differences.length > 0
      ? {
          remedy: `ip link del dev ${name}`,
          instead: `give the link another name in "links", if it is needed`,
        }
      : {
          remedy: peerCommands(name, peers).join(" && "),
          instead: `write its peers into /routes/links/${name}/remotes, if they are right`,
        }),
  }),
  "link-id": ({ spec: { name, type, id, parent }, other }) => ({
    fault: `${other} has the ${type === "vlan" ? `VLAN ID ${id ?? ""} of ${parent ?? ""}` : `VXLAN identifier ${id ?? ""}`} already`,
    consequence: `${name} cannot be made`,
    remedy: `ip link del dev ${other}`,
    instead: `give ${name} another id, if ${other} is needed`,
  }),
  "link-port": ({ spec: { name }, port, master }) => ({
    fault: `${port}, which is to be a port of ${name}, is one of ${master}`,
    consequence: "it stays there",
    remedy: `ip link set dev ${port} nomaster`,
    instead: `remove it from /routes/links/${name}/ports, if it is needed there`,
  }),
};

const MOST_PEERS = 8;

function peerTexts(peers: PeerDifferences | undefined): readonly string[] {
  const text = (words: string, list: readonly string[] = []): readonly string[] =>
    list.length === 0 ? [] : [`${words} ${listText(list, MOST_PEERS)}`];
  return [
    ...text("it lacks the peers", peers?.missing),
    ...text("it has the undeclared peers", peers?.surplus),
  ];
}

function peerCommands(name: string, { missing, surplus }: PeerDifferences): readonly string[] {
  const command = (verb: "add" | "del") => (address: string) =>
    linkCommand({ op: "peer", name, verb, address }).join(" ");
  return [...missing.map(command("add")), ...surplus.map(command("del"))];
}
