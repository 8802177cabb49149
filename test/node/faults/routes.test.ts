/** Faults of the tenants' rules, tables and gateways: each named with its code, and ended by what is printed. */
import { testFaults, useFaultNode } from "../../helpers/fault-node";
import { TENANTS } from "../../helpers/routes-node";

const node = useFaultNode();
const ip = (words: string) => (): void => void node.run(`ip ${words}`);
const atGateway = (script: string): void =>
  void node.routes.run(`ip netns exec ${node.routes.gateway("eth1")} ${script}`);

testFaults(node, [
  {
    title: "interface down",
    code: "TR0102",
    provoke: () => {
      const dev = { ...TENANTS["tenant-a"], gateways: [{ via: "10.10.10.1", dev: "eth1" }] };
      node.configure({ tenants: { ...TENANTS, "tenant-a": dev } });
      node.run("wrapper routes apply >/dev/null; ip link set eth1 down");
    },
    remedy: "ip link set eth1 up && wrapper routes apply",
  },
  {
    title: "forwarding off",
    code: "TR0107",
    provoke: () => node.routes.set("ipv4/ip_forward", "0"),
    remedy: "wrapper routes apply --sysctl",
  },
  {
    title: "rp_filter strict",
    code: "TR0108",
    provoke: () => node.routes.set("ipv4/conf/eth1/rp_filter", "1"),
    remedy: "wrapper routes apply --sysctl",
  },
  {
    title: "MTU too large",
    code: "TR0116",
    provoke: () =>
      node.configure({
        delegate: { type: "ptp", mtu: 9000, ipam: { type: "host-local", subnet: "10.88.0.0/24" } },
      }),
    remedy: "Set /tenants/tenant-a/delegate/mtu, or /delegate/mtu for all pods, to 1500",
    end: () => node.configure(),
  },
  {
    title: "ip rule deleted",
    code: "TR0117",
    provoke: ip("rule del fwmark 0x10/0xff lookup 100"),
    remedy: "wrapper routes apply",
  },
  {
    title: "tenant table empty",
    code: "TR0118",
    provoke: ip("route flush table 200"),
    remedy: "wrapper routes apply",
  },
  {
    title: "gateway silent",
    code: "TR0119",
    provoke: () => atGateway("sysctl -qw net.ipv4.conf.all.arp_ignore=8"),
    remedy: "Repair the gateway or the way to it: ip neigh show 10.10.10.1 dev eth1",
    end: () => atGateway("sysctl -qw net.ipv4.conf.all.arp_ignore=0"),
  },
  {
    title: "neighbour failed: the gateway is gone, and its cable is not",
    code: "TR0119",
    provoke: () => atGateway("ip addr del 10.10.10.1/24 dev lan"),
    remedy: "Repair the gateway or the way to it: ip neigh show 10.10.10.1 dev eth1",
    end: () =>
      atGateway(
        "sh -c 'ip addr add 10.10.10.1/24 dev lan; ip route replace default via 10.10.10.2'",
      ),
  },
  {
    title: "the file with the tables' names is gone",
    code: "TR0120",
    provoke: () => void node.run("rm /etc/iproute2/rt_tables.d/*"),
    remedy: "wrapper routes apply",
  },
  {
    title: "local rule moved",
    code: "TR0121",
    provoke: ip("rule add pref 100 lookup local; ip rule del pref 0"),
    remedy: "ip -4 rule add pref 0 lookup local && ip -4 rule del pref 100 lookup local",
  },
  {
    title: "a foreign rule uses a tenant's mark",
    code: "TR0201",
    provoke: ip("rule add pref 50 fwmark 0x10/0x10 lookup 300"),
    remedy: /^ip -4 rule del pref 50 fwmark 0x10\/0x10 lookup 300/,
  },
]);
