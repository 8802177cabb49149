/** Links of a node for the node routes: what there is of them, in words that can be compared. */
import { type RoutesNode, unwrapped } from "./routes-node";

/** A macvlan as the way to tenant-a's gateways, and a bridge over a vxlan of both ends of eth0. */
export const LINKS = {
  "br-gw": {
    type: "bridge",
    ports: ["vx7"],
    mac: "02:00:0a:32:00:01",
    mtu: 1400,
    addresses: ["10.50.0.1/24", "fd00:50::1/64"],
  },
  vpn0: {
    type: "macvlan",
    parent: "eth1",
    mtu: 1400,
    addresses: ["10.10.10.3/24", "fd00:10::3/64"],
  },
  vx7: { type: "vxlan", parent: "eth0", id: 7, remotes: ["10.0.0.1", "10.0.0.2", "10.0.0.3"] },
};

/** A tenant behind each of them; only behind the first somebody answers. */
export const BEHIND = {
  "tenant-a": {
    fwmark: "0x10/0xff",
    table: 100,
    gateways: [
      { via: "10.10.10.1", dev: "vpn0" },
      { via: "fd00:10::1", dev: "vpn0" },
    ],
  },
  "tenant-b": { fwmark: "0x20/0xff", table: 200, gateways: [{ via: "10.50.0.11" }] },
};

/** No tenant with routes. */
export const PLAIN = { plain: { fwmark: "0x40/0xff" } };

/** What the tests of links do all the time. */
export function linksRig(node: RoutesNode) {
  return {
    /** All that the routes and links may change. */
    all: (): string => [node.snapshot(), ...linksOf(node)].join("\n"),
    configure: (links: object = LINKS, tenants: object = BEHIND): void =>
      node.configure(tenants, { links }),
    /** What `apply --sysctl`, which has to succeed, prints. */
    apply: (...args: string[]): string => {
      const ran = node.routes("apply", "--sysctl", ...args);
      expect(ran).toMatchObject({ status: 0, stderr: "" });
      return unwrapped(ran.stdout);
    },
  };
}

const LINES = `.[] | select(.ifname != "lo")
  | "\\(.ifname) \\(.linkinfo.info_kind) \\(.link // .linkinfo.info_data.link) mtu \\(.mtu) master \\(.master)"
  + " alias \\(.ifalias) \\(if (.flags | index("UP")) then "up" else "down" end)"
  + " \\(.linkinfo.info_data | [.id, .mode, .local, .group, .port] | map(tostring) | join(","))"
  + " \\([.addr_info[] | select(.scope == "global") | "\\(.local)/\\(.prefixlen)"] | sort | join(" "))"`;

/** Every link but lo: parent, MTU, bridge, mark, state, details and addresses; and the peers of vxlans. */
export function linksOf(node: RoutesNode): readonly string[] {
  const text = node.run(
    `ip -j -d addr show | jq -r '${LINES}' | sort; bridge fdb show | grep 00:00:00:00:00:00 | sort; true`,
  );
  return text.split("\n").filter((line) => line !== "");
}

/** The one of that name, as linksOf has it. */
export function linkOf(node: RoutesNode, name: string): string | undefined {
  return linksOf(node).find((line) => line.startsWith(`${name} `));
}
