// What is on the node, and how it differs from what should be.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { NETWORK } from "../cni.mjs";
import { attachmentTag } from "../runtime.mjs";
import { TENANTS } from "./world.mjs";

/** The bench's own: the API server, what compiles the runtime, and what started this process. */
const OURS = /apiserver\.cjs|esbuild|^ip netns exec/;
const RECORD_CHARACTERS = 700;
const TAG = /[0-9a-f]{8}-[0-9a-f]{24}/g;

/** Tags or container IDs of all that is there, kind by kind. */
export function stateOf({ dir, tables, slots }) {
  const files = readdirSync(join(dir, "journal"));
  return {
    records: files.filter((name) => name.endsWith(".json")).map((name) => name.slice(0, -5)),
    temporary: files.filter((name) => name.endsWith(".tmp")),
    marks: tables.tags(),
    guard: tagsOf(nft("list", "table", "inet", "tenant-routing-guard")),
    leases: TENANTS.flatMap(({ name }) => leasesIn(join(dir, `ipam-${name}`, NETWORK))),
    interfaces: slots.filter(({ netns }) => hasInterface(netns)).map(({ name }) => name),
    hosts: hostInterfaces(),
  };
}

/** Sentences; none when records, marks and pods agree and nothing is left over. */
export function differences(state, live) {
  const ids = [...live.keys()];
  const tags = ids.map((containerId) =>
    attachmentTag({ network: NETWORK, containerId, ifname: "eth0" }),
  );
  const slots = [...live.values()].map(({ slot }) => slot.name);
  return [
    ...compare("records", state.records, tags),
    ...compare("marks", state.marks, tags),
    ...(state.guard.length === 0 ? [] : compare("guard's elements", state.guard, tags)),
    ...compare("leases", state.leases, ids),
    ...compare("pods' interfaces", state.interfaces, slots),
    ...(state.hosts === ids.length
      ? []
      : [`${state.hosts} interfaces on the node of ${ids.length} pods`]),
    ...state.temporary.map((name) => `a temporary file in the journal: ${name}`),
  ];
}

/** What the journal says of records that are there and should not be: the beginning of each file. */
export function recordsBeyond({ dir }, state, live) {
  const tags = [...live.keys()].map((containerId) =>
    attachmentTag({ network: NETWORK, containerId, ifname: "eth0" }),
  );
  return state.records
    .filter((tag) => !tags.includes(tag))
    .map(
      (tag) =>
        `${tag} says ${read(join(dir, "journal", `${tag}.json`)).slice(0, RECORD_CHARACTERS)}`,
    );
}

/** Processes in the node's namespace that nobody waits for any more. */
export function leftOver({ names }) {
  const pids = execFileSync("ip", ["netns", "pids", names.node])
    .toString()
    .split("\n")
    .filter(Boolean);
  return pids
    .filter((pid) => Number(pid) !== process.pid)
    .map((pid) => [pid, read(`/proc/${pid}/cmdline`).replaceAll("\0", " ")])
    .filter(([, command]) => !OURS.test(command))
    .filter(([, command]) => command !== "")
    .map(([pid, command]) => `process ${pid} is still there: ${command.slice(0, 200)}`);
}

function compare(what, found, wanted) {
  const sentence = (list, text) =>
    list.length === 0 ? [] : [`${what}: ${list.length} ${text}: ${list.slice(0, 3).join(", ")}`];
  return [
    ...sentence(
      wanted.filter((each) => !found.includes(each)),
      "missing",
    ),
    ...sentence(
      found.filter((each) => !wanted.includes(each)),
      "that no live pod has",
    ),
  ];
}

function leasesIn(dir) {
  if (!existsSync(dir)) return [];
  return readdirSync(dir)
    .filter((name) => /^[0-9.]+$/.test(name))
    .map((name) => read(join(dir, name)).split(/\s/)[0]);
}

function hasInterface(netns) {
  return spawnSync("ip", ["-n", netns, "link", "show", "eth0"]).status === 0;
}

/** Of pods: ptp's, and no gateway's. */
function hostInterfaces() {
  const lines = execFileSync("ip", ["-o", "link", "show", "type", "veth"]).toString().split("\n");
  return lines.filter((line) => /^\d+: veth/.test(line)).length;
}

function tagsOf(text) {
  return [...new Set(text.match(TAG) ?? [])];
}

function nft(...args) {
  return String(spawnSync("nft", args).stdout);
}

function read(path) {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}
