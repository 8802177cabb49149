/**
 * Every kind of finding and of collision, provoked on a real node: a kind that is new does not
 * compile without its case.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createJournal } from "../../lib/attachment/journal";
import type { CollisionKind, FindingKind } from "../../lib/routes/conflicts/kinds";
import { attachmentTag } from "../../lib/marks/tag";
import { type Case, expectCollision, expectFinding } from "../helpers/routes-kinds";
import { TENANTS, useRoutesNode } from "../helpers/routes-node";
import { useWatchers } from "../helpers/routes-watch";

const watchers = useWatchers(() => node);
const node = useRoutesNode();
const [A, B] = [TENANTS["tenant-a"], TENANTS["tenant-b"]];
const JUMBO = {
  delegate: { type: "ptp", mtu: 9000, ipam: { type: "host-local", subnet: "10.88.0.0/24" } },
};

const ip = (words: string) => (): void => void node.ip(...words.split(" "));
const tenantA = (change: object) => (): void =>
  node.configure({ "tenant-a": { ...A, ...change }, "tenant-b": B });

const links = (wanted: object): void => node.configure(TENANTS, { links: wanted });

async function silenced(): Promise<void> {
  node.configure({ "tenant-a": { ...A, gateways: [{ via: "10.10.10.1" }] } }, watchers.settings());
  const watching = await watchers.start();
  node.run(`ip netns exec ${node.gateway("eth1")} sysctl -qw net.ipv4.conf.all.arp_ignore=8`);
  await watching.reaches("tenant-a", "stopped");
}

function podOfFormerTenant(): void {
  node.routes("apply");
  const key = { network: "routes", containerId: "c1", ifname: "eth0" };
  createJournal(join(node.dir, "data")).write(attachmentTag(key), {
    format: 1,
    state: "complete",
    key,
    netns: "/run/netns/gone",
    owner: { pid: 1, startTime: "1" },
    pod: { namespace: "shop", name: "web-0" },
    tenant: "tenant-a",
    mark: { value: 0x10, mask: 0xff },
    addresses: ["10.88.0.3"],
    cniVersion: "1.0.0",
    since: "2026-01-01T00:00:00Z",
  });
  node.configure({ "tenant-b": B });
}

const FINDINGS: Readonly<Record<FindingKind, Case>> = {
  "device-missing": {
    provoke: tenantA({ gateways: [{ via: "10.10.10.1", dev: "eth9" }] }),
    names: "no interface eth9",
    problem: true,
  },
  "device-down": {
    provoke: () => {
      tenantA({ gateways: [{ via: "10.10.10.1", dev: "eth1" }] })();
      ip("link set eth1 down")();
    },
    names: "eth1 is down",
    problem: true,
  },
  "gateway-own-address": {
    provoke: tenantA({ gateways: [{ via: "10.10.10.2" }] }),
    names: "10.10.10.2 is an address of this node",
    problem: true,
  },
  "gateway-off-link": {
    provoke: tenantA({ gateways: [{ via: "198.51.100.9" }] }),
    names: "198.51.100.9",
    problem: true,
  },
  "gateway-failed": { provoke: silenced, names: "gateway 10.10.10.1 dev eth1", problem: true },
  "mark-without-tenant": {
    provoke: podOfFormerTenant,
    names: "shop/web-0 still carries mark 0x10/0xff",
    problem: true,
  },
  "no-gateway": {
    provoke: () => node.configure({ "tenant-a": { fwmark: "0x10/0xff", table: 100 } }),
    names: "tenant-a has table 100 and no gateways",
  },
  "forwarding-off": { provoke: () => undefined, names: "net.ipv4.ip_forward is 0", problem: true },
  "strict-rp-filter": {
    provoke: () => undefined,
    names: "reverse-path filter on eth1",
    problem: true,
  },
  "no-default-route": { provoke: ip("route del default"), names: "no IPv4 default route" },
  "main-refuses": {
    provoke: ip("route replace blackhole default"),
    names: "ip -4 route blackhole default",
    problem: true,
  },
  "main-may-refuse": {
    provoke: ip("route add blackhole default metric 9999"),
    names: "once the better routes beside it are gone",
  },
  "half-default": { provoke: ip("route add 128.0.0.0/1 via 10.0.0.1"), names: "128.0.0.0/1" },
  "rule-before": {
    provoke: () => {
      ip("rule add pref 1000 lookup 77")();
      ip("route add default via 10.0.0.1 table 77")();
    },
    names: "ip -4 rule pref 1000 lookup 77",
  },
  "ra-default": {
    provoke: ip("-6 route replace default via fd00:1::1 dev eth0 proto ra"),
    names: "net.ipv6.conf.eth0.accept_ra to 2",
  },
  mtu: { provoke: () => node.configure(TENANTS, {}, JUMBO), names: /9000.*1500/ },
  "link-waits": {
    provoke: () => links({ vpn0: { type: "macvlan", parent: "eth9" } }),
    names: "no interface eth9, the parent of macvlan vpn0",
    problem: true,
  },
  "link-mtu": {
    provoke: () => links({ vpn0: { type: "macvlan", parent: "eth1", mtu: 9000 } }),
    names: /vpn0 .*9000, but eth1 allows 1500/,
  },
};

const UNREADABLE =
  "table ip filter { set s { type ipv4_addr; }; chain FORWARD { type filter hook forward priority 0; ip saddr @s meta mark set 0x400; }; }";

const COLLISIONS: Readonly<Record<CollisionKind, Case>> = {
  mark: { provoke: ip("rule add pref 50 fwmark 0x10/0x10 lookup 300"), names: "ip rule 50" },
  mask: {
    provoke: () => void node.run("iptables-nft -t mangle -A OUTPUT -j MARK --set-xmark 0x40/0x40"),
    names: "iptables-nft mangle OUTPUT",
  },
  table: { provoke: ip("route add 198.51.100.0/24 dev eth2 table 200"), names: "198.51.100.0/24" },
  priority: {
    provoke: ip("rule add pref 32765 from 10.1.1.1 lookup main"),
    names: "from 10.1.1.1",
  },
  route: {
    provoke: () => {
      node.configure(TENANTS, { nodeRoutes: [{ dst: "10.200.1.0/24", via: "10.0.0.7" }] });
      ip("route add 10.200.1.0/24 via 10.0.0.1")();
    },
    names: "10.200.1.0/24 via 10.0.0.1",
  },
  name: {
    provoke: () => writeFileSync(join(node.namesDir, "other.conf"), "100 vpn\n"),
    names: "calls table 100 vpn",
  },
  unseen: {
    provoke: () => void node.run(`nft '${UNREADABLE}'`),
    names: /iptables-nft-save.*not known who else uses marks/,
  },
  link: {
    provoke: () => {
      ip("link add name vpn0 link eth1 type macvlan mode private")();
      links({ vpn0: { type: "macvlan", parent: "eth1" } });
    },
    names:
      "vpn0, which is to be a macvlan, exists and was not made by wrapper routes: mode private",
  },
  "link-id": {
    provoke: () => {
      ip("link add name theirs type vxlan id 7 dstport 4789")();
      links({ vx7: { type: "vxlan", id: 7, remotes: ["10.0.0.1"] } });
    },
    names: "theirs has the VXLAN identifier 7 already",
  },
  "link-port": {
    provoke: () => {
      ip("link add name theirs type bridge")();
      ip("link add name tap0 master theirs type veth peer name tap1")();
      links({ ours: { type: "bridge", ports: ["tap0"] } });
    },
    names: "tap0, which is to be a port of ours, is one of theirs",
  },
};

/** What else some kinds are about. */
const MORE_FINDINGS: readonly (readonly [FindingKind, Case])[] = [
  [
    "device-missing",
    {
      provoke: tenantA({
        routes: [{ to: ["198.51.100.0/24"], gateways: [{ via: "10.10.20.9", dev: "eth9" }] }],
      }),
      names: /to 198\.51\.100\.0\/24 is left out because this node has no interface eth9/,
      problem: true,
    },
  ],
  [
    "no-gateway",
    {
      provoke: () => {
        const routes = [{ to: ["198.51.100.0/24"], gateways: [{ via: "10.10.20.1" }] }];
        node.configure({ "tenant-a": { fwmark: "0x10/0xff", table: 100, routes } });
      },
      names: "tenant-a has table 100 and no gateways",
    },
  ],
  [
    "link-waits",
    {
      provoke: () => {
        ip("link set eth1 down")();
        links({ vpn0: { type: "macvlan", parent: "eth1" } });
      },
      names: "eth1, the parent of macvlan vpn0, is down",
      problem: true,
    },
  ],
  [
    "link-waits",
    {
      provoke: () => links({ ours: { type: "bridge", ports: ["tap9"] } }),
      names: "no interface tap9, a port of bridge ours",
      problem: true,
    },
  ],
  [
    "link-mtu",
    {
      provoke: () =>
        links({
          vx7: { type: "vxlan", id: 7, parent: "eth0", remotes: ["10.0.0.1"], mtu: 1500 },
        }),
      names: /vx7 .*1500, but eth0 allows 1450/,
    },
  ],
  [
    "link-mtu",
    {
      provoke: () => {
        ip("link add name tap0 type veth peer name tap1")();
        links({ ours: { type: "bridge", ports: ["tap0"], mtu: 9000 } });
      },
      names: /ours .*9000, but tap0 allows 1500, so larger packets to tap0 are dropped/,
    },
  ],
];

const MORE_COLLISIONS: readonly (readonly [CollisionKind, Case])[] = [
  ["table", { provoke: ip("rule add pref 50 from 10.1.1.1 lookup 200"), names: "from 10.1.1.1" }],
  [
    "priority",
    {
      provoke: () => {
        ip("rule add pref 32766 lookup local")();
        ip("rule del pref 0")();
      },
      names: /32766/,
    },
  ],
  [
    "link",
    {
      provoke: () => {
        ip("link add name vx7 type vxlan id 7 dstport 4789 remote 10.0.0.9")();
        ip("link set vx7 up")();
        links({ vx7: { type: "vxlan", id: 7, remotes: ["10.0.0.1"] } });
      },
      names: /it lacks the peers 10\.0\.0\.1, it has the undeclared peers 10\.0\.0\.9/,
    },
  ],
];

test.each([...(Object.entries(FINDINGS) as [FindingKind, Case][]), ...MORE_FINDINGS])(
  "finding %s",
  (kind, each) => expectFinding(node, kind, each),
);

test.each([...(Object.entries(COLLISIONS) as [CollisionKind, Case][]), ...MORE_COLLISIONS])(
  "collision %s: plan ends with 3, apply changes nothing, --force goes ahead",
  (kind, each) => expectCollision(node, kind, each),
);
