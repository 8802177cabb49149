/** A node for scripts/tenant-routing-setup.sh: a network namespace with two tenants' gateways. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { addNetns, sh } from "./shell";

const SCRIPT = resolve(__dirname, "../../scripts/tenant-routing-setup.sh");
const GATEWAYS = { GATEWAY_A: "10.10.10.131", GATEWAY_B: "10.10.20.131" };
const SYSCTLS = [
  "net.ipv4.ip_forward",
  "net.ipv4.conf.eth1.rp_filter",
  "net.ipv4.conf.eth2.rp_filter",
  "net.ipv6.conf.all.forwarding",
];

interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface SetUpNode {
  /** A path in the test's directory, where the script keeps its own files. */
  path(name: string): string;
  /** `ip` on the node. */
  ip(...args: string[]): string;
  /** Values of the sysctls that the script may change. */
  sysctls(): string[];
  /** Runs the script on the node. */
  setUp(env?: Readonly<Record<string, string>>, ...args: string[]): Ran;
  /** Rules, tables and sysctls of the node; link-local routes come and go by themselves. */
  snapshot(): string;
  /** The way of a marked packet, or the kernel's refusal. */
  routeOf(destination: string, mark: string): string;
}

/** A node that is made anew for every test of the file. Call it at the top of the file. */
export function useSetUpNode(): SetUpNode {
  let node = "";
  let dir = "";
  let serial = 0;
  beforeEach(() => {
    node = `trs-${process.pid}-${++serial}`;
    dir = mkdtempSync(join(tmpdir(), `${node}-`));
    makeNode(node);
  });
  afterEach(() => {
    sh("ip", "netns", "del", node);
    sh("ip", "netns", "del", `${node}-out`);
    rmSync(dir, { recursive: true, force: true });
  });
  return {
    path: (name) => join(dir, name),
    ip: (...args) => ipOn(node, ...args),
    sysctls: () => readSysctls(node),
    setUp: (env = {}, ...args) => runScript(node, dir, env, args),
    snapshot: () => snapshotOf(node),
    routeOf: (destination, mark) => {
      const words = ["-n", node, "-o", "route", "get", destination, "mark", mark];
      const { stdout, stderr } = spawnSync("ip", words, { encoding: "utf8" });
      return stdout + stderr;
    },
  };
}

function makeNode(node: string): void {
  const ip = (...args: string[]): string => ipOn(node, ...args);
  addNetns(node);
  addNetns(`${node}-out`);
  ip("link", "set", "lo", "up");
  writeSysctl(node, "net.ipv4.conf.all.rp_filter", "0");
  for (const [device, address] of [
    ["eth0", "10.0.0.2/24"],
    ["eth1", "10.10.10.2/24"],
    ["eth2", "10.10.20.2/24"],
  ] as const) {
    ip("link", "add", device, "type", "veth", "peer", "name", device, "netns", `${node}-out`);
    sh("ip", "-n", `${node}-out`, "link", "set", device, "up");
    ip("link", "set", device, "up");
    ip("addr", "add", address, "dev", device);
    writeSysctl(node, `net.ipv4.conf.${device}.rp_filter`, device === "eth2" ? "0" : "1");
  }
  ip("addr", "add", "fd00:10::2/64", "dev", "eth1", "nodad");
  ip("route", "add", "default", "via", "10.0.0.1");
  ip("route", "add", "10.200.1.0/24", "via", "10.0.0.3");
}

function ipOn(node: string, ...args: string[]): string {
  return sh("ip", "-n", node, ...args);
}

/** The lines of a text without trailing blanks; empty ones are left out. */
export function lines(text: string): string[] {
  return text
    .split("\n")
    .map((line) => line.trimEnd())
    .filter((line) => line !== "");
}

function writeSysctl(node: string, key: string, value: string): void {
  const path = `/proc/sys/${key.replaceAll(".", "/")}`;
  sh("ip", "netns", "exec", node, "sh", "-c", `echo ${value} >${path}`);
}

function readSysctls(node: string): string[] {
  return SYSCTLS.map((key) =>
    sh("ip", "netns", "exec", node, "cat", `/proc/sys/${key.replaceAll(".", "/")}`).trim(),
  );
}

function runScript(
  node: string,
  dir: string,
  env: Readonly<Record<string, string>>,
  args: readonly string[],
): Ran {
  const own = {
    PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
    STATE_DIR: join(dir, "state"),
    RT_TABLES_DIR: join(dir, "names"),
  };
  const options = { env: { ...own, ...GATEWAYS, ...env }, encoding: "utf8" as const };
  return spawnSync("ip", ["netns", "exec", node, SCRIPT, ...args], options);
}

function snapshotOf(node: string): string {
  const routes = lines(
    ipOn(node, "route", "show", "table", "all") + ipOn(node, "-6", "route", "show", "table", "all"),
  );
  const stable = routes.filter((line) => !/fe80|ff00|^anycast/.test(line));
  const rules = lines(ipOn(node, "-d", "rule") + ipOn(node, "-6", "-d", "rule"));
  return [...rules, ...stable, ...readSysctls(node)].join("\n");
}
