// Puts pods on the node without attaching them one by one: rules, journal records and address
// leases, copied from a pod that the wrapper really attached, so that they have the form that
// the wrapper gives them.
import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { add, del, NETWORK } from "./cni.mjs";
import { attachmentTag } from "./runtime.mjs";

/** Above the addresses that host-local gives to the pods of the rounds. */
const FIRST_ADDRESS = (10 << 24) + (77 << 16) + (16 << 8);
/** Container IDs of the pods on the node: the same ones every time, so that a larger node is a smaller one and more. */
const ids = [];
/** Files of the pods now on the node. */
const files = [];

/** What one attached pod looks like: its journal record and its lines in the kernel's tables. */
export function takePattern(plugin, { tables, dir }) {
  const attached = add(plugin);
  const key = { network: NETWORK, containerId: attached.containerId, ifname: "eth0" };
  const tag = attachmentTag(key);
  const record = JSON.parse(readFileSync(join(dir, "journal", `${tag}.json`), "utf8"));
  const rules = tables.linesOf(tag);
  del(plugin, attached);
  if (rules.length === 0) throw new Error("the wrapper programmed no rule: nothing to copy");
  return { tag, record, rules, address: record.addresses[0] };
}

/**
 * Makes `count` the number of pods on the node, whatever was there before. `sandbox` is a network namespace
 * that exists: the wrapper takes down, as abandoned, what has been on record for a minute without one.
 */
export async function populate(pattern, count, { tables, dir, sandbox, api }) {
  // An agent that knows its node's pods looks for none of them.
  const { uid } = pattern.record.pod;
  await api.addPods(podsOnNode(count).map(({ name }) => ({ name, uid })));
  tables.program(rulesFor(pattern, count));
  const [journal, leases] = [join(dir, "journal"), join(dir, "ipam", NETWORK)];
  for (const file of files.splice(0)) rmSync(file, { force: true });
  mkdirSync(leases, { recursive: true });
  for (const pod of podsOnNode(count)) {
    write(join(journal, `${pod.tag}.json`), JSON.stringify(recordOf(pattern, pod, sandbox)));
    write(join(leases, pod.address), `${pod.containerId}\r\neth0`);
  }
}

/** Rules of pods on the node, as `populate` would program them. */
export function rulesFor(pattern, count) {
  return podsOnNode(count).flatMap((pod) =>
    pattern.rules.map((rule) => ruleOf(pattern, rule, pod)),
  );
}

/** The same pod at another address: the rules of the one that packets come from. */
export function rulesAt(pattern, address) {
  return pattern.rules.map((rule) => replaceAddress(rule, pattern.address, address));
}

function write(path, text) {
  writeFileSync(path, text, { mode: 0o600 });
  files.push(path);
}

function podsOnNode(count) {
  return Array.from({ length: count }, (_, n) => podNumber(n));
}

function podNumber(n) {
  const containerId = (ids[n] ??= randomBytes(32).toString("hex"));
  const number = FIRST_ADDRESS + n;
  const address = [24, 16, 8, 0].map((bits) => (number >>> bits) & 255).join(".");
  const name = `web-${String(n).padStart(4, "0")}-${containerId.slice(0, 5)}`;
  return {
    containerId,
    address,
    name,
    tag: attachmentTag({ network: NETWORK, containerId, ifname: "eth0" }),
  };
}

function ruleOf(pattern, rule, pod) {
  const { namespace, name } = pattern.record.pod;
  return replaceAddress(rule, pattern.address, pod.address)
    .replace(`${namespace}/${name} ${pattern.tag}`, `${namespace}/${pod.name} ${pod.tag}`)
    .replace(ownerOf(pattern.tag), ownerOf(pod.tag));
}

// As nft prints it, or as iptables does.
function replaceAddress(rule, from, to) {
  return rule.replace(`${from}/32`, `${to}/32`).replace(` ${from} `, ` ${to} `);
}

// The nftables backend's short form of a tag.
function ownerOf(tag) {
  return ` : 0x${tag.slice(-8)}`;
}

function recordOf({ record, address }, pod, sandbox) {
  const { result, ...rest } = record;
  return {
    ...rest,
    key: { ...record.key, containerId: pod.containerId },
    netns: sandbox,
    pod: { ...record.pod, name: pod.name },
    addresses: [pod.address],
    result: JSON.parse(JSON.stringify(result).replaceAll(`${address}/`, `${pod.address}/`)),
  };
}
