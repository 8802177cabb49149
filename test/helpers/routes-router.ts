/** An upstream router of the test's own, with the node, the uplinks and the LAN around it. */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { writeFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { routerConfigCommand } from "../../cmd/commands/routes/router-config";
import type { PluginConf, RouterConf } from "../../conf/types";
import { addNetns, sh } from "./shell";
import { exampleConf, uplinkWith } from "../unit/lib/routes/router/example";

const PREFIX = `trc-${process.pid}`;
/**
 * Network namespaces: the router, this node with its pods' addresses, what is behind each
 * interface.
 */
const NAMES = ["router", "node", "wan", "vpn", "lan"] as const;
type Name = (typeof NAMES)[number];
/** Beyond wan0 and vpn0 alike: whoever answers is the way that the packets took. */
export const INTERNET = "203.0.113.80";
export const INTERNET6 = "2001:db8:cafe::80";
export const LAN = "192.168.7.1";
export const LAN6 = "fd00:7::1";
/** Of the LAN list too, but the main table knows it only by its default route. */
export const FAR_LAN = "172.20.0.1";
export const POD = {
  default: ["10.244.0.5", "2001:db8:1::5"],
  vpn: ["10.66.0.5", "fd66::5"],
} as const;
export const ROUTER: RouterConf = {
  nodes: ["10.0.0.11", "fd00::11"],
  lan: ["192.168.0.0/16", "172.20.0.0/16", "fd00::/16"],
  uplinks: {
    default: uplinkWith({ via: ["192.0.2.1", "2001:db8:2::1"] }),
    vpn: uplinkWith({
      dev: "vpn0",
      via: ["198.51.100.1", "2001:db8:66::1"],
      snat6: ["2001:db8:66::2"],
    }),
  },
};
/** [router's interface, router's addresses, the other end, its addresses] */
const LINKS: readonly (readonly [string, readonly string[], Name, readonly string[]])[] = [
  ["pods0", ["10.0.0.1/24", "fd00::1/64"], "node", ["10.0.0.11/24", "fd00::11/64"]],
  [
    "wan0",
    ["192.0.2.2/24", "2001:db8:2::2/64"],
    "wan",
    ["192.0.2.1/24", "2001:db8:2::1/64", `${INTERNET}/32`, `${INTERNET6}/128`, `${FAR_LAN}/32`],
  ],
  [
    "vpn0",
    ["198.51.100.2/24", "2001:db8:66::2/64"],
    "vpn",
    ["198.51.100.1/24", "2001:db8:66::1/64", `${INTERNET}/32`, `${INTERNET6}/128`],
  ],
  [
    "lan0",
    ["192.168.0.1/24", "fd00:1::1/64"],
    "lan",
    ["192.168.0.2/24", "fd00:1::2/64", `${LAN}/32`, `${LAN6}/128`],
  ],
];
const RESPONDER = `require("node:net").createServer((s) => { s.on("error", () => {}); s.end(process.argv[1] + " " + s.remoteAddress.replace("::ffff:", "")); }).listen(80, "::", () => console.log("ready"))`;
const ASKER = `const s = require("node:net").connect({ host: process.argv[1], port: 80, localAddress: process.argv[2] }); s.setTimeout(1500, () => { console.log("no answer"); process.exit(); }); s.on("error", (e) => console.log(e.code)); s.on("data", (d) => console.log(String(d)))`;

const processes: ChildProcess[] = [];
let dir = "";

/** `ip` in one of the namespaces. */
export function ip(name: Name, ...args: string[]): string {
  return sh("ip", "-n", `${PREFIX}-${name}`, ...args);
}

/** Output of a command in one of the namespaces. */
export function inside(name: Name, ...command: string[]): string {
  return sh("ip", "netns", "exec", `${PREFIX}-${name}`, ...command);
}

/**
 * What the other end answers to a pod with this address: who it is, and the address that it saw.
 */
export function ask(from: string, to: string): string {
  return inside("node", process.execPath, "-e", ASKER, to, from).trim();
}

/** The same, asked from the LAN. */
export function askFromLan(to: string): string {
  return inside("lan", process.execPath, "-e", ASKER, to).trim();
}

/** What `wrapper routes router-config` prints for this router. */
export function printed(router: Partial<RouterConf> = {}, part: Partial<PluginConf> = {}): string {
  let text = "";
  routerConfigCommand(
    {
      env: {},
      args: [],
      readStdin: () => new Uint8Array(),
      stdinFile: () => undefined,
      stdout: (part) => void (text += part),
      coloured: () => {},
      stderr: () => {},
    },
    exampleConf({ ...ROUTER, ...router }, part),
    "nftables",
  );
  return text;
}

/** Runs it with sh on the router, from stdin as from a pipe, or as a file with arguments. */
export function run(script: string, ...args: string[]): { status: number | null; output: string } {
  const file = join(dir, "router.sh");
  writeFileSync(file, script);
  const [command, input] = args.length === 0 ? [["sh"], script] : [["sh", file, ...args], ""];
  const { status, stdout, stderr } = spawnSync(
    "ip",
    ["netns", "exec", `${PREFIX}-router`, ...command],
    { input, encoding: "utf8" },
  );
  return { status, output: stdout + stderr };
}

/** Everything on the router that the script may touch. */
export function snapshot(): string {
  const routes = (
    ip("router", "route", "show", "table", "all") +
    ip("router", "-6", "route", "show", "table", "all")
  ).split("\n");
  const stable = routes.filter((line) => !/fe80|ff00|^anycast|^multicast/.test(line));
  return [
    ip("router", "-d", "rule"),
    ip("router", "-6", "-d", "rule"),
    ...stable,
    inside("router", "nft", "list", "ruleset"),
  ].join("\n");
}

async function serve(name: Name): Promise<void> {
  const child = spawn(
    "ip",
    ["netns", "exec", `${PREFIX}-${name}`, process.execPath, "-e", RESPONDER, name],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  processes.push(child);
  for await (const line of createInterface({ input: child.stdout })) if (line === "ready") return;
  throw new Error(`the responder ${name} did not start`);
}

function buildNamespaces(): void {
  for (const name of NAMES) {
    addNetns(`${PREFIX}-${name}`);
    ip(name, "link", "set", "lo", "up");
  }
  // Strict, because rules by source address must not need it loose.
  inside(
    "router",
    "sh",
    "-c",
    "echo 1 >/proc/sys/net/ipv4/conf/all/rp_filter; echo 1 >/proc/sys/net/ipv4/conf/default/rp_filter; echo 0 >/proc/sys/net/ipv4/ip_forward",
  );
  for (const [device, own, name, addresses] of LINKS) {
    ip(
      "router",
      "link",
      "add",
      device,
      "type",
      "veth",
      "peer",
      "name",
      "eth0",
      "netns",
      `${PREFIX}-${name}`,
    );
    connect("router", device, own);
    connect(name, "eth0", addresses);
  }
}

function connect(name: Name, device: string, addresses: readonly string[]): void {
  ip(name, "link", "set", device, "up");
  for (const address of addresses)
    ip(name, "addr", "add", address, "dev", device, ...(address.includes(":") ? ["nodad"] : []));
}

function buildRoutes(): void {
  for (const address of Object.values(POD).flat())
    ip(
      "node",
      "addr",
      "add",
      `${address}/${address.includes(":") ? "128" : "32"}`,
      "dev",
      "lo",
      ...(address.includes(":") ? ["nodad"] : []),
    );
  ip("node", "route", "add", "default", "via", "10.0.0.1");
  ip("node", "-6", "route", "add", "default", "via", "fd00::1");
  ip("router", "route", "add", "192.168.0.0/16", "via", "192.168.0.2");
  ip("router", "-6", "route", "add", "fd00:7::/64", "via", "fd00:1::2");
  ip("lan", "route", "add", "default", "via", "192.168.0.1");
  ip("lan", "-6", "route", "add", "default", "via", "fd00:1::1");
  // The private pools too, which nobody outside would know: a packet that leaks untranslated shall
  // be seen.
  for (const pool of ["2001:db8:1::/64", "fd66::/64"])
    ip("wan", "-6", "route", "add", pool, "via", "2001:db8:2::2");
  for (const pool of ["10.244.0.0/24", "10.66.0.0/24"])
    ip("wan", "route", "add", pool, "via", "192.0.2.2");
}

/** Builds it anew for every test of the file. Call it at the top of the file. */
export function useRouter(): void {
  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), `${PREFIX}-`));
    buildNamespaces();
    buildRoutes();
    await Promise.all((["wan", "vpn", "lan", "node"] as const).map(serve));
  });
  afterEach(() => {
    for (const child of processes.splice(0)) child.kill("SIGKILL");
    for (const name of NAMES) spawnSync("ip", ["netns", "del", `${PREFIX}-${name}`]);
    rmSync(dir, { recursive: true, force: true });
  });
}
