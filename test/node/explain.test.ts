/** `wrapper explain` on a node with real pods, gateways and rules: the healthy way, and each fault by its first broken step. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Step } from "../../lib/explain/model";
import { BINARY, launch } from "../helpers/launch";
import {
  annotated,
  ASKS,
  createRuntime,
  type Conflist,
  type Runtime,
} from "../helpers/node-runtime";
import type { NodeWorld, Pod } from "../helpers/node-world";
import { expectOk } from "../helpers/outcome";
import { INTERNET, useRoutesNode } from "../helpers/routes-node";
import { sh, shellQuote } from "../helpers/shell";

const node = useRoutesNode();
const TENANTS = {
  "tenant-a": {
    fwmark: "0x10/0xff",
    table: 100,
    gateways: [{ via: "10.10.10.1", dev: "eth1" }],
  },
  "tenant-b": { fwmark: "0x20/0xff", table: 200, gateways: [{ via: "10.10.20.1", dev: "eth2" }] },
};
const POD = "10.88.0.2";
let web: Pod;
let serial = 0;

interface Finding {
  readonly code: string;
  readonly severity: string;
  readonly remedy: string;
}

interface Path {
  readonly verdict: string;
  readonly state: string;
  readonly first: Finding | null;
  readonly steps: readonly Step[];
}

interface Said {
  readonly exit: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly paths: readonly Path[];
}

const pods: string[] = [];
afterEach(() => {
  for (const name of pods.splice(0)) sh("ip", "netns", "del", name);
});

function newPod(namespace: string, name: string): Pod {
  const netns = `${node.netns}-x${++serial}`;
  sh("ip", "netns", "add", netns);
  pods.push(netns);
  const uid = "6c2a5b0e-54b1-4f43-8f0a-0f5d1e1f2a3b";
  return { id: `${netns}-container`, namespace, name, uid, netns, path: `/run/netns/${netns}` };
}

function runtime(): Runtime {
  const list = JSON.parse(readFileSync(node.conf, "utf8")) as Conflist;
  return createRuntime({ netns: node.netns } as NodeWorld, list);
}

function configure(fields: object = {}, subnets: readonly string[] = ["10.88.0.0/24"]): void {
  const ipam = {
    type: "host-local",
    dataDir: join(node.dir, "ipam"),
    ranges: subnets.map((subnet) => [{ subnet }]),
    routes: subnets.map((subnet) => ({ dst: subnet.includes(":") ? "::/0" : "0.0.0.0/0" })),
  };
  node.configure(
    TENANTS,
    {},
    {
      ...ASKS,
      iptables: "nft",
      logFile: join(node.dir, "log"),
      delegate: { type: "ptp", ipMasq: false, ipam },
      ...fields,
    },
  );
}

/** A node as `routes apply` leaves it, with a pod of tenant-a. */
async function build(fields: object = {}, subnets?: readonly string[]): Promise<void> {
  configure(fields, subnets);
  expect(node.routes("apply", "--sysctl")).toMatchObject({ status: 0 });
  web = newPod("team-a", "web-0");
  expectOk(await runtime().add(web, annotated("tenant-a")));
}

async function explain(...args: string[]): Promise<Said> {
  const [name = "team-a/web-0", ...rest] = args;
  const { exit, stdout, stderr, json } = await launch({
    netns: node.netns,
    command: [BINARY, "explain", name, "--conf", node.conf, ...rest],
    env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" },
    stdin: "",
    options: {},
  });
  return { exit, stdout, stderr, paths: (json?.["paths"] ?? []) as readonly Path[] };
}

const asJson = (...args: string[]): Promise<Said> => explain("team-a/web-0", "-o", "json", ...args);

function flat(steps: readonly Step[]): readonly Step[] {
  return steps.flatMap((step) => [step, ...flat(step.steps ?? [])]);
}

/** The names of the steps that have the finding. */
function stepWith(path: Path | undefined, code: string): string | undefined {
  return flat(path?.steps ?? []).find(({ finding }) => finding?.code === code)?.name;
}

/** Does what the remedy says, on the node. */
function execute(remedy: string): void {
  node.run(`set -e; wrapper() { ${shellQuote(BINARY)} "$@"; }; ${remedy}`);
}

async function expectHealthy(): Promise<void> {
  const { exit, paths } = await asJson();
  expect(paths.map(({ verdict, state, first }) => ({ verdict, state, first }))).toEqual([
    {
      verdict: "team-a/web-0 -> 203.0.113.9 leaves by 10.10.10.1 on eth1 as tenant-a",
      state: "ok",
      first: null,
    },
  ]);
  expect(exit).toBe(0);
}

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
    remedy: "iptables-nft -w -P FORWARD ACCEPT",
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

describe("a pod of a tenant", () => {
  beforeEach(() => build());

  test("a healthy way is a tree with every step, and status 0", async () => {
    await expectHealthy();
    const { exit, stdout, stderr } = await explain("team-a/web-0");
    expect([exit, stderr]).toEqual([0, ""]);
    for (const part of [
      "team-a/web-0 -> 203.0.113.9\n",
      "pod annotation tenant.routing/fwmark",
      "tenant-a, mark 0x10/0xff, table 100",
      "sets 0x10/0xff, 0 packets, 0 bytes",
      "fwmark 0x10/0xff lookup 100",
      "10.10.10.1 answers, neighbour REACHABLE",
      "none: it leaves with the pod's address",
      "1500 in the pod, 1500 on eth1",
      "2 on eth1, 0 on all",
      "\nteam-a/web-0 -> 203.0.113.9 leaves by 10.10.10.1 on eth1 as tenant-a.\n",
    ])
      expect(stdout).toContain(part);
    expect(Math.max(...stdout.split("\n").map((line) => line.length))).toBeLessThanOrEqual(100);
    expect(stdout).toMatch(/^[\x20-\x7e\n]*$/);
  });

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

  test("--live sends a real packet, and the answer comes back", async () => {
    await node.serve("eth1");
    const { exit, paths } = await asJson(`${INTERNET}:80`, "--live");
    expect(exit).toBe(0);
    const probe = paths[0]?.steps.at(-1);
    expect(probe).toMatchObject({ name: "probe", what: "a TCP SYN to port 80: answered" });
    expect(flat(probe?.steps ?? []).map(({ name }) => name)).toEqual([
      "the pod",
      "the mark rule",
      "the filters",
      "eth1",
      "the gateway",
      "answer",
    ]);
    expect(flat(probe?.steps ?? [])[2]?.what).toBe(`tracked, answers go to ${POD}`);
    const echo = await asJson(INTERNET, "--live");
    expect(echo.paths[0]?.steps.at(-1)?.what).toBe("an ICMP echo request: answered");
  });

  test("--live says where a packet was dropped that no rule in sight drops", async () => {
    node.run(
      `nft 'add table inet hid; add chain inet hid deep; add rule inet hid deep ip saddr ${POD} drop; add chain inet hid fwd { type filter hook forward priority 0; }; add rule inet hid fwd jump deep'`,
    );
    const { exit, paths } = await asJson(`${INTERNET}:80`, "--live");
    expect(exit).toBe(1);
    expect(paths[0]?.first?.code).toBe("TR0917");
    expect(flat(paths[0]?.steps ?? []).at(-1)).toMatchObject({
      name: "answer",
      what: "none: it stopped before the filters",
      state: "failed",
    });
  });

  test("--live names the rule whose counter has grown", async () => {
    // Its match is one that nobody judges from outside.
    node.run("iptables-nft -A FORWARD -m length --length 0:2000 -j DROP");
    const { paths } = await asJson(`${INTERNET}:80`, "--live");
    expect(flat(paths[0]?.steps ?? []).find(({ name }) => name === "filter")?.state).toBe(
      "unknown",
    );
    expect(paths[0]?.first).toMatchObject({
      code: "TR0906",
      remedy: "iptables-nft -w -t filter -D FORWARD -m length --length 0:2000 -j DROP",
    });
  });

  test("a destination in the cluster, and one on the node itself, pass the tenant's gateway", async () => {
    const near = await asJson("10.0.0.1");
    expect(near.paths[0]?.verdict).toBe("team-a/web-0 -> 10.0.0.1 leaves by eth0 as tenant-a");
    expect(near.exit).toBe(0);
    const own = await asJson("10.10.10.2");
    expect(own.paths[0]?.verdict).toBe("team-a/web-0 -> 10.10.10.2 ends on this node");
    expect(own.exit).toBe(0);
  });

  test("a pod without a tenant leaves by the node's default route, status 0", async () => {
    expectOk(await runtime().add(newPod("plain", "client-0"), annotated(undefined)));
    const { exit, paths } = await explain("plain/client-0", "-o", "json");
    expect(paths[0]?.verdict).toBe(
      "plain/client-0 -> 203.0.113.9 leaves by the node's default route, by 10.0.0.1 on eth0, no tenant",
    );
    expect([exit, paths[0]?.first]).toEqual([0, null]);
  });

  test.each(["mermaid", "dot", "svg"])("-o %s is a picture of the same steps", async (format) => {
    const { exit, stdout } = await explain("team-a/web-0", "-o", format);
    expect(exit).toBe(0);
    for (const part of ["tenant-a", "10.10.10.1", "203.0.113.9"]) expect(stdout).toContain(part);
  });

  test.each([
    [
      "another namespace",
      ["team-b/web-0"],
      /no attachment of team-b\/web-0 .*did you mean team-a\/web-0\?/,
    ],
    ["a slip", ["team-a/wbe-0"], /did you mean team-a\/web-0\?/],
    [
      "no such pod",
      ["shop/none"],
      /no attachment of shop\/none on this node: is it on another node/,
    ],
    ["a name as destination", ["team-a/web-0", "example.org"], /"example.org" is no destination/],
    ["a zone", ["team-a/web-0", "fe80::1%eth0"], /an address with a zone never leaves its link/],
    ["a port that is none", ["team-a/web-0", "203.0.113.9:99999"], /a port is a number/],
    [
      "the other family",
      ["team-a/web-0", "2001:db8::9"],
      /has no IPv6 address: its addresses are 10\.88\.0\.2/,
    ],
    ["no pod at all", ["team-a/web-0", "1.1.1.1", "2.2.2.2"], /name one pod/],
  ])("%s is refused with status 2", async (_, args, says) => {
    const { exit, stdout, stderr } = await explain(...args);
    expect([exit, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(says);
  });

  test("of two sandboxes of one pod the container's ID tells which", async () => {
    const other = newPod("team-a", "web-0");
    expectOk(await runtime().add(other, annotated("tenant-b")));
    const { exit, stderr } = await explain("team-a/web-0");
    expect(exit).toBe(2);
    expect(stderr).toMatch(/team-a\/web-0 has 2 attachments on this node: name one/);
    for (const { id } of [web, other]) expect(stderr).toContain(id);
    const { paths } = await explain(other.id, "-o", "json");
    expect(paths[0]?.verdict).toMatch(/leaves by 10\.10\.20\.1 on eth2 as tenant-b/);
    sh("ip", "netns", "del", other.netns);
    pods.splice(pods.indexOf(other.netns), 1);
    expect((await explain("team-a/web-0", "-o", "json")).exit).toBe(0);
  });
});

test("marks in nftables count for all pods of the tenant", async () => {
  await build({ backend: "nftables" });
  await expectHealthy();
  expect((await explain("team-a/web-0")).stdout).toContain(
    "sets 0x10/0xff, 0 packets, 0 bytes of all pods with it",
  );
  await node.serve("eth1");
  const { paths } = await asJson(`${INTERNET}:80`, "--live");
  expect(paths[0]?.steps.at(-1)?.what).toBe("a TCP SYN to port 80: answered");
  node.run("nft flush map inet tenant-routing-marks pods4");
  expect((await asJson()).paths[0]?.first?.code).toBe("TR0903");
});

test("a pod of both families has a way for each", async () => {
  mkdirSync(join(node.dir, "six"), { recursive: true });
  await build({}, ["10.88.0.0/24", "fd00:88::/112"]);
  const { exit, paths } = await asJson();
  expect(paths.map(({ verdict }) => verdict)).toEqual([
    "team-a/web-0 -> 203.0.113.9 leaves by 10.10.10.1 on eth1 as tenant-a",
    "team-a/web-0 -> 2001:db8::9 is stopped on this node",
  ]);
  expect(exit).toBe(0);
});
