/**
 * A node for the node routes: a network namespace with a default gateway (eth0) and one gateway for
 * each of two tenants (eth1, eth2), each a namespace of its own; all of them own the "internet"
 * address, so whoever answers there is the way that the packets took.
 */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { addNetns, sh } from "./shell";

export const WRAPPER = resolve(__dirname, "../../dist/wrapper");
export const INTERNET = "203.0.113.80";
export const INTERNET6 = "2001:db8::80";
/** By device: where the gateway is .1 and the node is .2. */
export const NETS = {
  eth0: ["10.0.0", "fd00:1"],
  eth1: ["10.10.10", "fd00:10"],
  eth2: ["10.10.20", "fd00:20"],
} as const;
const PATH = "/usr/sbin:/usr/bin:/sbin:/bin";
const DEVICES = Object.keys(NETS) as (keyof typeof NETS)[];

/** Two tenants, the first of both families. */
export const TENANTS = {
  "tenant-a": {
    fwmark: "0x10/0xff",
    table: 100,
    gateways: [{ via: "10.10.10.1" }, { via: "fd00:10::1" }],
  },
  "tenant-b": { fwmark: "0x20/0xff", table: 200, gateways: [{ via: "10.10.20.1" }] },
};

/** What `wrapper routes` prints, each item in one line. */
export function unwrapped(text: string): string {
  return text.replace(/(?: \\)?\n {4}/g, " ");
}

export interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RoutesNode {
  /** Names of the node's namespace and of the gateway's behind a device. */
  readonly netns: string;
  readonly dir: string;
  readonly namesDir: string;
  gateway(device: keyof typeof NETS): string;
  /**
   * Writes the conflist: our plugin, chained, with these tenants, settings of the routes, and other
   * fields.
   */
  configure(tenants?: object, routes?: object, fields?: object): void;
  readonly conf: string;
  /** `wrapper routes ARGS` on the node. */
  routes(...args: string[]): Ran;
  ip(...args: string[]): string;
  /** A shell's output on the node. */
  run(script: string): string;
  set(sysctl: string, value: string): void;
  get(sysctl: string): string;
  /** Everything of the node that the routes may change, one line each. */
  snapshot(): string;
  /** What `ip route get` says about marked packets. */
  way(destination: string, mark: string): string;
  /** A pod with an address of each family, whose packets carry `mark`; returns its namespace. */
  pod(n: number, mark: string): string;
  /** Lets the gateways behind these devices, or these namespaces, answer on port 80. */
  serve(...where: string[]): Promise<void>;
  /** `<device or namespace> <address that it saw>`, or "no answer". */
  ask(netns: string, address: string, port?: number): string;
}

/** Answers every connection with its own name and the address that it came from. */
const RESPONDER = `require("node:net").createServer((s) => { s.on("error", () => {}); s.end(process.argv[1] + " " + s.remoteAddress.replace("::ffff:", "")); }).listen(80, "::", () => console.log("ready"))`;

// Tables that iptables itself makes are told by iptables-save; link-local routes come and go by
// themselves.
const SNAPSHOT = `
ip -d rule | sort -n; ip -6 -d rule | sort -n
{ ip -d route show table all; ip -6 -d route show table all; } | grep -Ev 'fe80:|ff00:|^anycast' | sed 's/ *$//' | sort
for save in iptables-nft-save iptables-legacy-save ip6tables-nft-save ip6tables-legacy-save; do
  $save | grep -E '^-A|^:[A-Z]+ DROP' | sed "s/ \\[.*//; s/^/$save /"
done
nft -s -j list ruleset | jq -c '.nftables[] | to_entries[] | select(.key != "metainfo")
  | select((.value.family | IN("ip", "ip6") | not) or ((.value.table // .value.name) | IN("filter", "nat", "mangle", "raw") | not)) | del(.value.handle)'
cd /proc/sys/net && grep -H . ipv4/ip_forward ipv4/conf/*/rp_filter ipv4/conf/*/forwarding ipv4/conf/*/accept_redirects ipv6/conf/*/forwarding ipv6/conf/*/accept_ra
`;

/** A fresh node for every test. Call it at the top of the file. */
export function useRoutesNode(): RoutesNode {
  const node = {} as { -readonly [K in keyof RoutesNode]: RoutesNode[K] };
  const processes: ChildProcess[] = [];
  const namespaces: string[] = [];
  let serial = 0;
  beforeEach(() => {
    const netns = `trr-${process.pid}-${++serial}`;
    const dir = mkdtempSync(join(tmpdir(), `${netns}-`));
    mkdirSync(join(dir, "names"));
    Object.assign(node, build(netns, dir, { processes, namespaces }));
    make(netns, namespaces);
    for (const device of DEVICES) connect(node, device, namespaces);
    for (const family of ["-4", "-6"])
      node.ip(family, "route", "add", "default", "via", family === "-4" ? "10.0.0.1" : "fd00:1::1");
    node.configure();
  });
  afterEach(() => {
    for (const child of processes.splice(0)) child.kill("SIGKILL");
    for (const name of namespaces.splice(0)) sh("ip", "netns", "del", name);
    rmSync(node.dir, { recursive: true, force: true });
  });
  return node;
}

interface Made {
  readonly processes: ChildProcess[];
  readonly namespaces: string[];
}

function build(netns: string, dir: string, made: Made): RoutesNode {
  const [conf, namesDir] = [join(dir, "10-tr.conflist"), join(dir, "names")];
  const run = (script: string): string => sh("ip", "netns", "exec", netns, "bash", "-c", script);
  const gateway = (device: string): string => `${netns}-${device}`;
  return {
    netns,
    dir,
    conf,
    namesDir,
    gateway,
    run,
    configure: (tenants = TENANTS, routes = {}, fields = {}) =>
      writeFileSync(conf, conflist(dir, tenants, { namesDir, ...routes }, fields)),
    routes: (action, ...args) =>
      spawnSync(
        "ip",
        ["netns", "exec", netns, WRAPPER, "routes", action ?? "", "--conf", conf, ...args],
        { env: { PATH }, encoding: "utf8" },
      ),
    ip: (...args) => sh("ip", "-n", netns, ...args),
    set: (sysctl, value) => void run(`echo ${value} >/proc/sys/net/${sysctl}`),
    get: (sysctl) => run(`cat /proc/sys/net/${sysctl}`).trim(),
    snapshot: () =>
      [
        run(SNAPSHOT),
        ...readdirSync(namesDir)
          .sort()
          .map((name) => `${name}: ${readFileSync(join(namesDir, name), "utf8")}`),
      ].join("\n"),
    way: (destination, mark) => {
      const { stdout, stderr } = spawnSync(
        "ip",
        ["-n", netns, "-o", "route", "get", destination, "mark", mark],
        { encoding: "utf8" },
      );
      return stdout + stderr;
    },
    pod: (n, mark) => makePod(netns, n, mark, made.namespaces),
    serve: async (...where) =>
      void (await Promise.all(
        where.map((each) => serve(each in NETS ? gateway(each) : each, each, made.processes)),
      )),
    ask: (from, address, port = 80) => {
      // Longer than TCP's first retransmission: a device that came up just now may lose a packet.
      const question = `{ exec 3<>/dev/tcp/${address}/${port} && cat <&3; } 2>/dev/null`;
      const { stdout } = spawnSync(
        "ip",
        ["netns", "exec", from, "timeout", "2.5", "bash", "-c", question],
        { encoding: "utf8" },
      );
      return stdout === "" ? "no answer" : stdout;
    },
  };
}

function conflist(dir: string, tenants: object, routes: object, fields: object): string {
  const capabilities = { "io.kubernetes.cri.pod-annotations": true };
  const plugin = {
    type: "tenant-routing-wrapper",
    capabilities,
    dataDir: join(dir, "data"),
    tenants,
    routes,
    ...fields,
  };
  return JSON.stringify({ cniVersion: "1.0.0", name: "routes", plugins: [plugin] });
}

function make(netns: string, namespaces: string[]): void {
  addNetns(netns);
  namespaces.push(netns);
  sh("ip", "-n", netns, "link", "set", "lo", "up");
  const quiet =
    "cd /proc/sys/net; for c in all default; do echo 0 >ipv4/conf/$c/rp_filter; echo 0 >ipv6/conf/$c/accept_dad; done";
  sh("ip", "netns", "exec", netns, "sh", "-c", quiet);
}

/** The node's strict device is eth1. */
function connect(node: RoutesNode, device: keyof typeof NETS, namespaces: string[]): void {
  const [[net, net6], gateway] = [NETS[device], node.gateway(device)];
  make(gateway, namespaces);
  node.ip("link", "add", device, "type", "veth", "peer", "name", "lan", "netns", gateway);
  plug(node.netns, device, `${net}.2/24`, `${net6}::2/64`);
  plug(gateway, "lan", `${net}.1/24`, `${net6}::1/64`);
  plug(gateway, "lo", `${INTERNET}/32`, `${INTERNET6}/128`);
  sh("ip", "-n", gateway, "route", "add", "default", "via", `${net}.2`);
  sh("ip", "-n", gateway, "-6", "route", "add", "default", "via", `${net6}::2`);
  if (device === "eth1") node.set("ipv4/conf/eth1/rp_filter", "1");
}

function plug(netns: string, device: string, ...addresses: string[]): void {
  for (const address of addresses)
    sh(
      "ip",
      "-n",
      netns,
      "addr",
      "add",
      address,
      "dev",
      device,
      ...(address.includes(":") ? ["nodad"] : []),
    );
  sh("ip", "-n", netns, "link", "set", device, "up");
}

function makePod(node: string, n: number, mark: string, namespaces: string[]): string {
  const pod = `${node}-p${n}`;
  make(pod, namespaces);
  const cable = `pod${n}`;
  sh("ip", "-n", node, "link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", pod);
  plug(node, cable, "169.254.1.1/32", "fd00:88::1/128");
  plug(pod, "eth0", `10.88.0.${n}/32`, `fd00:88::${n}:0/128`);
  sh("ip", "-n", node, "route", "add", `10.88.0.${n}/32`, "dev", cable);
  sh("ip", "-n", node, "-6", "route", "add", `fd00:88::${n}:0/128`, "dev", cable);
  for (const [family, via] of [
    ["-4", "169.254.1.1"],
    ["-6", "fd00:88::1"],
  ] as const) {
    sh("ip", "-n", pod, family, "route", "add", via, "dev", "eth0");
    sh("ip", "-n", pod, family, "route", "add", "default", "via", via);
  }
  if (mark === "0") return pod;
  const rule = (tool: string, address: string): string =>
    `${tool}-nft -w 5 -t mangle -A PREROUTING -s ${address} -m comment --comment tenant-routing-test -j MARK --set-xmark ${mark}`;
  sh(
    "ip",
    "netns",
    "exec",
    node,
    "sh",
    "-ec",
    `${rule("iptables", `10.88.0.${n}`)}; ${rule("ip6tables", `fd00:88::${n}:0`)}`,
  );
  return pod;
}

async function serve(netns: string, name: string, processes: ChildProcess[]): Promise<void> {
  const child = spawn("ip", ["netns", "exec", netns, process.execPath, "-e", RESPONDER, name], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  processes.push(child);
  for await (const line of createInterface({ input: child.stdout })) if (line === "ready") return;
  throw new Error(`the responder ${name} did not start`);
}
