/**
 * Every kind of finding and of collision, provoked on a real node: a kind that is new does not
 * compile without its case.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createJournal } from "../../lib/attachment/journal";
import type { CollisionKind, FindingKind } from "../../lib/routes/conflicts/kinds";
import { attachmentTag } from "../../lib/marks/tag";
import { TENANTS, unwrapped, useRoutesNode } from "../helpers/routes-node";
import { useWatchers } from "../helpers/routes-watch";

const watchers = useWatchers(() => node);
const node = useRoutesNode();
const [A, B] = [TENANTS["tenant-a"], TENANTS["tenant-b"]];
const JUMBO = {
  delegate: { type: "ptp", mtu: 9000, ipam: { type: "host-local", subnet: "10.88.0.0/24" } },
};

interface Case {
  /** Makes it so; `plan` with what is configured then finds it. */
  readonly provoke: () => void | Promise<void>;
  /** What the sentence has to name. */
  readonly names: string | RegExp;
  readonly problem?: true;
}

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

function told(): readonly string[] {
  return unwrapped(node.routes("plan").stdout).split("\n");
}

test.each(Object.entries(FINDINGS))("finding %s", async (kind, { provoke, names, problem }) => {
  await provoke();
  const [line = "nothing"] = told().filter((each) =>
    each.startsWith(`${problem === true ? "PROBLEM" : "warning"} ${kind}`),
  );
  expect(line).toMatch(names);
});

test.each(Object.entries(COLLISIONS))(
  "collision %s: plan ends with 3, apply changes nothing, --force goes ahead",
  async (kind, { provoke, names }) => {
    await provoke();
    const { status, stdout } = node.routes("plan");
    expect([
      status,
      unwrapped(stdout)
        .split("\n")
        .find((each) => each.startsWith(`COLLISION ${kind}`)) ?? stdout,
    ]).toEqual([
      3,
      typeof names === "string" ? expect.stringContaining(names) : expect.stringMatching(names),
    ]);
    const before = node.snapshot();
    expect(node.routes("apply").status).toBe(3);
    expect(node.snapshot()).toBe(before);
    node.routes("apply", "--force");
    expect(node.way("203.0.113.1", "0x20")).toContain("via 10.10.20.1");
    expect(node.routes("remove").status).toBe(0);
    expect(node.snapshot()).toBe(before);
  },
);
