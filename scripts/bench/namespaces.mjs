// A node, the namespace of the one pod that is attached over and over, and a host beyond the node.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";

const PREFIX = "trbench";
const NETNS_DIR = "/run/netns";
/** The pods' network on the node. */
export const POD_SUBNET = "10.77.0.0/16";
/** A host that pods reach through the node, as on another machine. */
export const INTERNET = "198.51.100.2";
const NODE_OUTSIDE = "198.51.100.1";

/** Names for one variant, with our process ID, so that benches can run beside each other. */
export function netnsNames(variant) {
  const base = `${PREFIX}-${process.pid}-${variant}`;
  return { node: `${base}-node`, pod: `${base}-pod`, internet: `${base}-inet` };
}

/** The same with `count` pods' namespaces more, under `pods`. */
export function withPods(names, count) {
  return { ...names, pods: Array.from({ length: count }, (_, n) => `${names.pod}-${n}`) };
}

/** The same with a gateway for each of two tenants, under `gateways`. */
export function withGateways(names) {
  return { ...names, gateways: ["gwa", "gwb"].map((name) => `${names.node}-${name}`) };
}

export function createNode(names) {
  for (const name of Object.values(names).flat()) {
    ip("netns", "add", name);
    ip("-n", name, "link", "set", "lo", "up");
  }
  ip("netns", "exec", names.node, "sysctl", "-qw", "net.ipv4.ip_forward=1");
}

export function connectInternet({ node, internet }) {
  ip("-n", node, "link", "add", "eth1", "type", "veth", "peer", "name", "eth0", "netns", internet);
  ip("-n", node, "addr", "add", `${NODE_OUTSIDE}/24`, "dev", "eth1");
  ip("-n", internet, "addr", "add", `${INTERNET}/24`, "dev", "eth0");
  ip("-n", node, "link", "set", "eth1", "up");
  ip("-n", internet, "link", "set", "eth0", "up");
  ip("-n", internet, "route", "add", POD_SUBNET, "via", NODE_OUTSIDE);
}

/** Never throws: it runs when something else has failed already. */
export function removeNode(names) {
  if (!existsSync(NETNS_DIR)) return;
  const all = new Set(Object.values(names).flat());
  // The chaos makes more of them for its pods.
  for (const name of readdirSync(NETNS_DIR)) {
    if (all.has(name) || all.has(name.replace(/-\d+$/, "")))
      spawnSync("ip", ["netns", "del", name], { stdio: "ignore" });
  }
}

/** Namespaces of a bench that was killed before it could remove them. */
export function removeStale() {
  if (!existsSync(NETNS_DIR)) return;
  for (const name of readdirSync(NETNS_DIR)) {
    const pid = new RegExp(`^${PREFIX}-([0-9]+)-`).exec(name)?.[1];
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) removeNode({ name });
  }
}

function ip(...args) {
  execFileSync("ip", args, { stdio: ["ignore", "ignore", "inherit"] });
}
