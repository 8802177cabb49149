// The wrapper's marks in the kernel, taken from one real pod and written for many: rules of iptables, or
// elements of the nftables backend's maps. Both are lines of text in which a pod is an address and a comment.
import { spawnSync } from "node:child_process";
import { iptablesOf } from "./kinds.mjs";
import { MOST_OUTPUT, timed } from "./cni.mjs";

const ENV = { PATH: process.env.PATH };
/** Tables of the wrapper that an earlier node size, or an agent, has left. */
const OURS = /^table inet (tenant-routing\S*)$/gm;

/** `variant`'s tables: what a tag's lines are, writing all of them anew, and how many there are. */
export function tablesOf(variant) {
  return variant === "nftables" ? nftTables() : iptablesTables(variant);
}

function iptablesTables(variant) {
  const rules = () =>
    timed(`iptables-${variant}-save`, ["-t", "mangle"], { env: ENV })
      .stdout.split("\n")
      .filter((line) => line.startsWith("-A PREROUTING "));
  return {
    linesOf: (tag) => rules().filter((line) => line.includes(tag)),
    // The whole table: the pods' rules first, so that the next pod's come last (the worst case).
    program: (lines) => {
      removeOurs();
      restore(variant, ["*mangle", ":PREROUTING ACCEPT [0:0]", ...lines]);
    },
    count: () => rules().length,
    tags: () => tagsIn(rules()),
    flush: () => timed(`iptables-${variant}`, ["-w", "10", "-t", "mangle", "-F"], { env: ENV }),
    // Value and mask in hexadecimal. A second rule clears the mark first, with "0x0".
    marksOf: (pod) =>
      rules()
        .filter((line) => line.includes(`/${pod} `))
        .flatMap((line) => /--set-xmark 0x([1-9a-f][0-9a-f]*)\/0x([0-9a-f]+)/.exec(line) ?? [])
        .flatMap((all, at, parts) => (at % 3 === 0 ? [`${parts[at + 1]}_${parts[at + 2]}`] : [])),
  };
}

function nftTables() {
  let skeleton = [];
  return {
    linesOf: (tag) => {
      const table =
        nft("list", "tables")
          .match(OURS)
          ?.map((line) => line.slice(6)) ?? [];
      const text = table.map((name) => nft("list", "table", ...name.split(" "))).find(has(tag));
      if (text === undefined) return [];
      const [lines, elements] = [[], []];
      let map = "";
      const name = /^table (inet \S+)/.exec(text)[1];
      for (const line of text.split("\n")) {
        map = /^\tmap (\S+)/.exec(line)?.[1] ?? map;
        const element = /^\t\telements = \{ (.*) \}$/.exec(line)?.[1];
        if (element === undefined) lines.push(line);
        else elements.push(`add element ${name} ${map} { ${element} }`);
      }
      skeleton = lines;
      return elements;
    },
    program: (lines) => {
      removeOurs();
      if (lines.length > 0) load([...skeleton, ...lines]);
    },
    count: () => elements(skeleton).length,
    tags: () => tagsIn(elements(skeleton)),
    flush: () => void nft("delete", "table", ...tableOf(skeleton)),
    marksOf: (pod) =>
      elements(skeleton)
        .filter((element) => element.includes(`/${pod} `))
        .map((element) => /goto m_(\S+)/.exec(element)?.[1]),
  };
}

function has(text) {
  return (whole) => whole.includes(text);
}

function tableOf(skeleton) {
  return /^table (inet) (\S+)/.exec(skeleton[0]).slice(1);
}

// One for each address of a pod in each of the maps; none where there is no table.
function elements(skeleton) {
  const { status, stdout } = spawnSync("nft", ["list", "table", ...tableOf(skeleton)], {
    env: ENV,
    maxBuffer: MOST_OUTPUT,
  });
  return status === 0 ? (String(stdout).match(/\d+\.\d+\.\d+\.\d+ (comment|:)[^,}]*/g) ?? []) : [];
}

function tagsIn(lines) {
  return [...new Set(lines.join("\n").match(/[0-9a-f]{8}-[0-9a-f]{24}/g) ?? [])];
}

function removeOurs() {
  for (const [, name] of nft("list", "tables").matchAll(OURS)) nft("delete", "table", "inet", name);
}

function nft(...args) {
  return timed("nft", args, { env: ENV }).stdout;
}

function load(lines) {
  timed("nft", ["-f", "-"], { input: `${lines.join("\n")}\n`, env: ENV });
}

function restore(variant, lines) {
  const input = [...lines, "COMMIT", ""].join("\n");
  timed(`iptables-${variant}-restore`, ["-w", "10"], { input, env: ENV });
}

/**
 * Somebody else's rule that follows connections, as kube-proxy's do on every node: else the kernel
 * takes connection tracking down and up again with our only pod, and that is what we would measure.
 */
export function trackConnections(variant, wanted) {
  const rule = "-A FORWARD -m conntrack --ctstate INVALID -j DROP";
  restore(iptablesOf(variant), ["*filter", ":FORWARD ACCEPT [0:0]", ...(wanted ? [rule] : [])]);
}
