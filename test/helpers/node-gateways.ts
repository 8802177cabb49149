/**
 * The world around a node: a default gateway and one for each of two tenants, each its own
 * network namespace, and a client beyond the default gateway. All gateways own the same "internet"
 * address, so whoever answers there is the way that the packets took.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import type { NodeWorld, Pod } from "./node-world";
import { addNetns, sh } from "./shell";

export const INTERNET = "203.0.113.80";
export const INTERNET6 = "2001:db8::80";
export const NODE = "10.0.0.2";
/** Where the gateways look for pods. */
export const POD_NET = "10.88.0.0/24";
export const POD_NET6 = "fd00:10:88::/112";

/** An answer comes at once, on a quiet machine. */
const PATIENCE_S = 20;

interface Gateway {
  readonly name: string;
  readonly device: string;
  readonly net: string;
  readonly mark?: string;
  readonly table: string;
}

const GATEWAYS: readonly Gateway[] = [
  { name: "default", device: "eth0", net: "10.0.0", table: "main" },
  { name: "gw-a", device: "eth1", net: "10.10.10", mark: "0x10/0xff", table: "100" },
  { name: "gw-b", device: "eth2", net: "10.10.20", mark: "0x20/0xff", table: "200" },
];

/** Answers every connection with its own name and the address that it came from. */
const RESPONDER = `require("node:net").createServer((s) => { s.on("error", () => {}); s.end(process.argv[1] + " " + s.remoteAddress.replace("::ffff:", "")); }).listen(80, "::", () => console.log("ready"))`;

export interface Surroundings {
  /** Lets the pod (or, without one, the node) answer on port 80 with `name`. */
  serve(where: Pod | undefined, name: string): Promise<void>;
  /** What the other end answers to the pod: `<name> <address that the other end saw>`, or "no answer". */
  ask(from: Pod, address: string, port?: number): Promise<string>;
  /** The same as the client beyond the default gateway. `patienceS`: where no answer is expected. */
  askAsClient(address: string, port?: number, patienceS?: number): Promise<string>;
}

/** Builds it anew for every test of the file. Call it after useNode, whose namespaces it needs fresh. */
export function useGateways(world: NodeWorld): Surroundings {
  const processes: ChildProcess[] = [];
  const serveIn = async (netns: string, name: string): Promise<void> => {
    const child = spawn("ip", ["netns", "exec", netns, process.execPath, "-e", RESPONDER, name], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    processes.push(child);
    for await (const line of createInterface({ input: child.stdout })) if (line === "ready") return;
    throw new Error(`the responder ${name} did not start`);
  };
  beforeEach(async () => {
    prepare(world.netns);
    for (const gateway of GATEWAYS) build(world.netns, gateway);
    buildClient(world.netns);
    await Promise.all(GATEWAYS.map(({ name }) => serveIn(`${world.netns}-${name}`, name)));
  });
  afterEach(() => {
    for (const child of processes.splice(0)) child.kill("SIGKILL");
    for (const name of [...GATEWAYS.map((gateway) => gateway.name), "client"])
      sh("ip", "netns", "del", `${world.netns}-${name}`);
  });
  const ask = async (
    netns: string,
    address: string,
    port: number,
    patience = PATIENCE_S,
  ): Promise<string> => {
    const question = `exec 3<>/dev/tcp/${address}/${port} && cat <&3`;
    const { stdout } = await world.attempt(
      { netns } as Pod,
      "timeout",
      String(patience),
      "bash",
      "-c",
      `{ ${question}; } 2>/dev/null`,
    );
    return stdout === "" ? "no answer" : stdout;
  };
  return {
    serve: (where, name) => serveIn(where?.netns ?? world.netns, name),
    ask: (from, address, port = 80) => ask(from.netns, address, port),
    askAsClient: (address, port = 80, patienceS) =>
      ask(`${world.netns}-client`, address, port, patienceS),
  };
}

function prepare(netns: string): void {
  const settings = [
    "ipv4/ip_forward 1",
    "ipv6/conf/all/forwarding 1",
    "ipv4/conf/all/rp_filter 0",
    "ipv4/conf/default/rp_filter 0",
  ];
  for (const setting of settings) write(netns, setting);
  for (const family of ["-4", "-6"])
    sh(
      "ip",
      family,
      "-n",
      netns,
      "rule",
      "add",
      "pref",
      "32764",
      "lookup",
      "main",
      "suppress_prefixlength",
      "0",
    );
}

function write(netns: string, setting: string): void {
  const [path, value] = setting.split(" ");
  sh("ip", "netns", "exec", netns, "sh", "-c", `echo ${value} >/proc/sys/net/${path}`);
}

function build(node: string, { name, device, net, mark, table }: Gateway): void {
  const gateway = `${node}-${name}`;
  const net6 = `fd00:${net.replaceAll(".", ":")}:`;
  addNetns(gateway);
  prepare(gateway);
  sh(
    "ip",
    "-n",
    node,
    "link",
    "add",
    device,
    "type",
    "veth",
    "peer",
    "name",
    "lan",
    "netns",
    gateway,
  );
  plug(node, device, `${net}.2/24`, `${net6}:2/64`);
  plug(gateway, "lan", `${net}.1/24`, `${net6}:1/64`);
  plug(gateway, "lo", `${INTERNET}/32`, `${INTERNET6}/128`);
  route(gateway, POD_NET, `${net}.2`);
  route(gateway, POD_NET6, `${net6}:2`);
  route(node, "default", `${net}.1`, "table", table);
  route(node, "default", `${net6}:1`, "table", table);
  if (mark === undefined) return;
  for (const family of ["-4", "-6"])
    sh("ip", family, "-n", node, "rule", "add", "pref", "32765", "fwmark", mark, "lookup", table);
}

function buildClient(node: string): void {
  const [client, gateway] = [`${node}-client`, `${node}-default`];
  addNetns(client);
  sh(
    "ip",
    "-n",
    gateway,
    "link",
    "add",
    "wan",
    "type",
    "veth",
    "peer",
    "name",
    "eth0",
    "netns",
    client,
  );
  plug(gateway, "wan", "192.0.2.1/24", "2001:db8:2::1/64");
  plug(client, "eth0", "192.0.2.50/24", "2001:db8:2::50/64");
  route(client, "default", "192.0.2.1");
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

function route(netns: string, to: string, via: string, ...more: string[]): void {
  sh("ip", via.includes(":") ? "-6" : "-4", "-n", netns, "route", "add", to, "via", via, ...more);
}
