// What a container runtime does with a conflist: runs its plugins in order for ADD, backwards for DEL,
// and hands each the result of the one before. Prints what a person wants to see of it.
// Usage: node cni.mjs ADD|DEL|CHECK CONFLIST STATE_DIR CONTAINER_ID NETNS NAMESPACE/POD UID [HOST_PORT:CONTAINER_PORT]
// CNI_PATH says where the plugins are. Exit status 1 and the plugin's error text when one fails.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const [verb, conflist, stateDir, id, netns, pod, uid, ports] = process.argv.slice(2);
const list = JSON.parse(readFileSync(conflist, "utf8"));
const cache = join(stateDir, `${id}.result`);
const [namespace, name] = pod.split("/");
const env = {
  PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
  CNI_PATH: process.env.CNI_PATH,
  CNI_COMMAND: verb,
  CNI_CONTAINERID: id,
  CNI_NETNS: netns,
  CNI_IFNAME: "eth0",
  CNI_ARGS: `IgnoreUnknown=1;K8S_POD_NAMESPACE=${namespace};K8S_POD_NAME=${name};K8S_POD_INFRA_CONTAINER_ID=${id};K8S_POD_UID=${uid}`,
};

/** What the runtime offers to plugins that declare the capability. */
function offers() {
  const [hostPort, containerPort] = (ports ?? "").split(":").map(Number);
  return ports === undefined
    ? {}
    : { portMappings: [{ hostPort, containerPort, protocol: "tcp" }] };
}

function run(plugin, prevResult) {
  const { capabilities = {}, ...rest } = plugin;
  const runtimeConfig = Object.fromEntries(
    Object.entries(offers()).filter(([capability]) => capabilities[capability]),
  );
  const conf = {
    ...rest,
    name: list.name,
    cniVersion: list.cniVersion,
    ...(prevResult && { prevResult }),
  };
  const input = JSON.stringify(
    Object.keys(runtimeConfig).length > 0 ? { ...conf, runtimeConfig } : conf,
  );
  const path = env.CNI_PATH.split(":")
    .map((dir) => join(dir, plugin.type))
    .find((file) => existsSync(file));
  if (path === undefined) throw new Error(`no plugin ${plugin.type} in ${env.CNI_PATH}`);
  const { status, stdout, stderr } = spawnSync(path, { input, env, encoding: "utf8" });
  if (status === 0) return stdout === "" ? undefined : JSON.parse(stdout);
  const { code, msg, details } = stdout.startsWith("{")
    ? JSON.parse(stdout)
    : { code: status, msg: stderr.trim() };
  throw new Error(`${plugin.type} ${verb}: error ${code}: ${msg}${details ? `; ${details}` : ""}`);
}

const started = performance.now();
const took = () =>
  `${Math.round(performance.now() - started)} ms, ${list.plugins.map(({ type }) => type).join(" + ")}`;

try {
  const cached = existsSync(cache) ? JSON.parse(readFileSync(cache, "utf8")) : undefined;
  if (verb === "ADD") {
    let result;
    for (const plugin of list.plugins) result = run(plugin, result);
    writeFileSync(cache, JSON.stringify(result));
    console.log(`${result.ips.map(({ address }) => address).join(", ")} (${took()})`);
  } else {
    const order = verb === "DEL" ? [...list.plugins].reverse() : list.plugins;
    for (const plugin of order) run(plugin, cached);
    if (verb === "DEL") rmSync(cache, { force: true });
    console.log(`done (${took()})`);
  }
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
