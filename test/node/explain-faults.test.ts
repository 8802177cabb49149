/** Each fault on the way of a pod's packet: the first broken step is named, and its remedy ends it. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { POD, stepWith, useExplain } from "../helpers/explain-node";
import { useRoutesNode } from "../helpers/routes-node";
import { sh } from "../helpers/shell";

const node = useRoutesNode();
const { build, explain, asJson, execute, expectHealthy } = useExplain(node);

interface Fault {
  readonly what: string;
  readonly provoke: () => void;
  readonly code: string;
  /** The step that has it. */
  readonly step: string;
  readonly remedy: string | RegExp;
  /** What ends it where the remedy is no command of this node. */
  readonly fix?: () => void;
  readonly verdict: RegExp;
  readonly warning?: true;
}

const run = (script: string) => (): void => void node.run(script);
let saved = "";

const FAULTS: readonly Fault[] = [
  {
    what: "the marks are flushed",
    provoke: () => {
      saved = node.run("iptables-nft-save -t mangle");
      node.run("iptables-nft -t mangle -F PREROUTING");
    },
    code: "TR0903",
    step: "rule",
    remedy: /^wrapper repair --apply --conf \S+$/,
    fix: () => {
      writeFileSync(join(node.dir, "saved"), saved);
      node.run(`iptables-nft-restore <${join(node.dir, "saved")}`);
    },
    verdict: /leaves by 10\.0\.0\.1 on eth0, NOT as tenant-a/,
  },
  {
    what: "the pod's rule sets another mark",
    provoke: () => {
      saved = node.run("iptables-nft-save -t mangle");
      writeFileSync(
        join(node.dir, "other"),
        saved.replaceAll("--set-xmark 0x10/", "--set-xmark 0x20/"),
      );
      node.run(`iptables-nft-restore <${join(node.dir, "other")}`);
    },
    code: "TR0904",
    step: "rule",
    remedy: /^wrapper repair --apply --conf \S+$/,
    fix: () => {
      writeFileSync(join(node.dir, "saved"), saved);
      node.run(`iptables-nft-restore <${join(node.dir, "saved")}`);
    },
    verdict: /leaves by 10\.10\.20\.1 on eth2, NOT as tenant-a/,
  },
  {
    what: "a foreign rule of iptables sets another mark",
    provoke: run(`iptables-nft -t mangle -A PREROUTING -s ${POD} -j MARK --set-mark 0x20`),
    code: "TR0905",
    step: "other rules",
    remedy: `iptables-nft -w -t mangle -D PREROUTING -s ${POD}/32 -j MARK --set-xmark 0x20/0xffffffff`,
    verdict: /leaves by 10\.10\.20\.1 on eth2, NOT as tenant-a/,
  },
  {
    what: "a foreign rule of nftables sets another mark",
    provoke: run(
      `nft 'add table inet other; add chain inet other pre { type filter hook prerouting priority -100; }; add rule inet other pre ip saddr ${POD} meta mark set 0x20'`,
    ),
    code: "TR0905",
    step: "other rules",
    remedy: /^nft delete rule inet other pre handle \d+$/,
    verdict: /leaves by 10\.10\.20\.1 on eth2, NOT as tenant-a/,
  },
  {
    what: "connection tracking is kept away",
    provoke: run(`iptables-nft -t raw -A PREROUTING -s ${POD} -j CT --notrack`),
    code: "TR0907",
    step: "tracking",
    remedy: /^iptables-nft -w -t raw -D PREROUTING/,
    verdict: /as tenant-a$/,
    warning: true,
  },
  {
    what: "forwarding is off",
    provoke: () => node.set("ipv4/ip_forward", "0"),
    code: "TR0107",
    step: "forwarding",
    remedy: /^wrapper routes apply --sysctl --conf \S+$/,
    verdict: /is stopped on this node/,
  },
  {
    what: "the ip rule is deleted",
    provoke: run("ip rule del fwmark 0x10/0xff lookup 100"),
    code: "TR0908",
    step: "ip rule",
    remedy: /^wrapper routes apply --conf \S+$/,
    verdict: /is stopped on this node/,
  },
  {
    what: "a foreign ip rule comes first",
    provoke: run(
      `ip rule add pref 500 from ${POD} lookup 77; ip route add default via 10.0.0.1 table 77`,
    ),
    code: "TR0909",
    step: "ip rule",
    remedy: `ip -4 rule del pref 500 from ${POD} lookup 77 protocol 0`,
    verdict: /leaves by 10\.0\.0\.1 on eth0, NOT as tenant-a/,
  },
  {
    what: "a foreign ip rule for everything comes first",
    provoke: run("ip rule add pref 500 lookup 77; ip route add default via 10.0.0.1 table 77"),
    code: "TR0114",
    step: "ip rule",
    remedy: "ip -4 rule del pref 500 lookup 77 protocol 0",
    verdict: /leaves by 10\.0\.0\.1 on eth0, NOT as tenant-a/,
  },
  {
    what: "the rule for the local table is behind ours",
    provoke: run("ip rule add pref 32766 lookup local; ip rule del pref 0"),
    code: "TR0204",
    step: "ip rule",
    remedy: "ip -4 rule add pref 0 lookup local",
    verdict: /as tenant-a$/,
    warning: true,
  },
  {
    what: "the tenant's table is empty",
    provoke: run("ip route flush table 100"),
    code: "TR0910",
    step: "table",
    remedy: /^wrapper routes apply --conf \S+$/,
    verdict: /is stopped on this node/,
  },
  {
    what: "the table leads to another gateway",
    provoke: run("ip route replace default via 10.10.20.1 dev eth2 table 100"),
    code: "TR0911",
    step: "kernel",
    remedy:
      /^ip -4 route del default via 10\.10\.20\.1 dev eth2 table 100 .*&& wrapper routes apply/,
    verdict: /leaves by 10\.10\.20\.1 on eth2, NOT as tenant-a/,
  },
  {
    what: "the gateway's device is down",
    provoke: run("ip link set eth1 down"),
    code: "TR0102",
    step: "table",
    remedy: /^ip link set eth1 up && wrapper routes apply --conf \S+$/,
    verdict: /is stopped on this node/,
  },
  {
    what: "the other end of the gateway's device is down",
    provoke: () => void sh("ip", "-n", node.gateway("eth1"), "link", "set", "lan", "down"),
    code: "TR0913",
    step: "device",
    remedy: "connect the other end of eth1",
    fix: () => {
      sh("ip", "-n", node.gateway("eth1"), "link", "set", "lan", "up");
      sh("ip", "-n", node.gateway("eth1"), "route", "replace", "default", "via", "10.10.10.2");
    },
    verdict: /is sent out by 10\.10\.10\.1 on eth1 as tenant-a, and lost there/,
  },
  {
    what: "the gateway is silent",
    provoke: () =>
      void sh(
        "ip",
        "netns",
        "exec",
        node.gateway("eth1"),
        "sysctl",
        "-qw",
        "net.ipv4.conf.all.arp_ignore=8",
      ),
    code: "TR0914",
    step: "next hop",
    remedy: /^start the gateway 10\.10\.10\.1/,
    fix: () =>
      void sh(
        "ip",
        "netns",
        "exec",
        node.gateway("eth1"),
        "sysctl",
        "-qw",
        "net.ipv4.conf.all.arp_ignore=0",
      ),
    verdict: /is sent out by 10\.10\.10\.1 on eth1 as tenant-a, and lost there/,
  },
  {
    what: "a firewall drops forwarded packets",
    provoke: run(
      `iptables-nft -N POLICY; iptables-nft -A FORWARD -j POLICY; iptables-nft -A POLICY -s ${POD} -j DROP`,
    ),
    code: "TR0906",
    step: "filter",
    remedy: `iptables-nft -w -t filter -D POLICY -s ${POD}/32 -j DROP`,
    verdict: /is dropped on this node/,
  },
  {
    what: "the policy of FORWARD is DROP",
    provoke: run("iptables-nft -P FORWARD DROP"),
    code: "TR0906",
    step: "filter",
    remedy: "iptables-nft -w -t filter -P FORWARD ACCEPT",
    verdict: /is dropped on this node/,
  },
  {
    what: "an element of a verdict map of nftables drops them",
    provoke: run(
      `nft 'add table inet site; add map inet site blocked { type ipv4_addr . ipv4_addr : verdict; flags interval; }; add element inet site blocked { ${POD}/31 . 0.0.0.0/0 : drop }; add chain inet site onward { type filter hook forward priority 0; }; add rule inet site onward ip saddr . ip daddr vmap @blocked'`,
    ),
    code: "TR0906",
    step: "filter",
    remedy: `nft delete element inet site blocked '{ ${POD}/31 . 0.0.0.0/0 }'`,
    verdict: /is dropped on this node/,
  },
  {
    what: "the policy of a chain of nftables is drop",
    provoke: run(
      "nft 'add table inet site; add chain inet site onward { type filter hook forward priority 0; policy drop; }; add rule inet site onward ct state vmap { established : accept, related : accept, invalid : drop }; add rule inet site onward iifname eth1 accept'",
    ),
    code: "TR0906",
    step: "filter",
    remedy: `nft insert rule inet site onward ip saddr ${POD} accept`,
    verdict: /is dropped on this node/,
  },
  {
    what: "the device carries less than the pod sends",
    provoke: run("ip link set eth1 mtu 1400"),
    code: "TR0116",
    step: "MTU",
    remedy: /^nsenter --net=\S+ ip link set eth0 mtu 1400$/,
    verdict: /as tenant-a$/,
    warning: true,
  },
  {
    what: "the reverse-path filter is strict",
    provoke: () => node.set("ipv4/conf/eth1/rp_filter", "1"),
    code: "TR0108",
    step: "rp_filter",
    remedy: /^wrapper routes apply --sysctl --conf \S+$/,
    verdict: /as tenant-a, and its answers are lost/,
  },
];

beforeEach(() => build());

test.each(FAULTS)(
  "$what: $code, and the remedy ends it",
  async ({ provoke, code, step, remedy, fix, verdict, warning }) => {
    await expectHealthy();
    provoke();
    const { exit, paths } = await asJson();
    const [path] = paths;
    expect(path?.first).toMatchObject({ code, severity: warning ? "warning" : "failed" });
    expect(stepWith(path, code)).toBe(step);
    expect(path?.verdict).toMatch(verdict);
    expect(exit).toBe(warning ? 0 : 1);
    const named = path?.first?.remedy ?? "";
    if (typeof remedy === "string") expect(named).toBe(remedy);
    else expect(named).toMatch(remedy);
    const { stdout } = await explain("team-a/web-0");
    expect(stdout).toContain(`\n  ${named}\n`);
    if (fix === undefined) execute(named);
    else fix();
    await expectHealthy();
  },
);
