// Two tenants with a gateway each, and slots for their pods. Each tenant has a subnet of its own, so that a
// gateway tells by the source address whose packet came to it.
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { startAgent } from "../agent.mjs";
import { agentConf, invocation, KEY } from "../cni.mjs";
import { INTERNET } from "../namespaces.mjs";
import { POD_ANNOTATIONS } from "../runtime.mjs";
import { call } from "./call.mjs";

export const TENANTS = [
  { name: "tenant-a", mark: "0x10/0xff", subnet: "10.77.1.0/24", link: "gwa", net: "10.10.1" },
  { name: "tenant-b", mark: "0x20/0xff", subnet: "10.77.2.0/24", link: "gwb", net: "10.10.2" },
];
/** Where pods send: beyond all gateways, each of which answers for it. Not in a network of the node's own. */
export const FAR = "203.0.113.9";
const TABLES = { "tenant-a": 101, "tenant-b": 102 };
const DEL_TRIES = 60;
const DEL_PAUSE_MS = 300;

export function buildWorld(stage) {
  const { names, plugins, paths, dir } = stage;
  TENANTS.forEach((tenant, n) => connect(names, tenant, names.gateways[n]));
  // Where packets without a mark go: nobody's gateway.
  ip("route", "add", "default", "via", INTERNET);
  answerAt(names.internet);
  count(names.internet);
  const netconfs = Object.fromEntries(
    TENANTS.map((tenant) => [tenant.name, netconfFor(tenant, plugins.agent.netconf, dir)]),
  );
  const slots = names.pods.map((netns, n) => createSlot(netns, n));
  const request = (slot, verb, id) =>
    invocation(
      {
        ...plugins.agent,
        pod: {
          name: slot.name,
          uid: `6b0d3c1e-0003-4000-8000-${slot.name.slice(5).padStart(12, "0")}`,
        },
        netns: `/run/netns/${slot.netns}`,
      },
      verb,
      id,
      netconfs[slot.tenant.name],
    );
  const conf = agentConf({ netconf: netconfs["tenant-a"] }, paths.socket);
  return {
    ...stage,
    slots,
    newId: () => randomBytes(32).toString("hex"),
    startAgent: () => startAgent({ ...paths, conf }),
    request,
    delUntilDone: (slot, id, run, trouble) =>
      delUntilDone(request(slot, "DEL", id), id, { run, trouble }),
  };
}

/** One pod after the other, each in a new network namespace: a call for the one before cannot touch it. */
function createSlot(first, n) {
  let count = 0;
  return {
    name: `slot-${n}`,
    tenant: TENANTS[n % TENANTS.length],
    netns: first,
    renew() {
      ip("netns", "del", this.netns);
      this.netns = `${first}-${++count}`;
      ip("netns", "add", this.netns);
      ip("-n", this.netns, "link", "set", "lo", "up");
    },
  };
}

/** As a runtime does: again and again. A DEL that never succeeds is a finding. */
async function delUntilDone(invoked, id, { run, trouble }) {
  let said = "";
  for (let n = 0; n < DEL_TRIES; n++) {
    const outcome = await call(invoked, run, n < 2 ? trouble : undefined);
    if (outcome.status === 0) return;
    run.note(outcome.hurt ? "DEL hurt" : "DEL failed by itself");
    said = outcome.said;
    if (!outcome.hurt) run.refuse("DEL", said);
    await sleep(DEL_PAUSE_MS);
  }
  run.findings.push(`DEL of ${id} did not succeed in ${DEL_TRIES} tries: ${said}`);
}

function netconfFor(tenant, netconf, dir) {
  const tenants = Object.fromEntries(
    TENANTS.map(({ name, mark, net }) => [
      name,
      { fwmark: mark, table: TABLES[name], gateways: [{ via: `${net}.2` }] },
    ]),
  );
  const ipam = {
    ...netconf.delegate.ipam,
    dataDir: join(dir, `ipam-${tenant.name}`),
    subnet: tenant.subnet,
  };
  return {
    ...netconf,
    tenants,
    // Nothing of the machine's own is written.
    routes: { namesDir: "", watch: { statusFile: "" } },
    delegate: { ...netconf.delegate, ipam },
    runtimeConfig: { [POD_ANNOTATIONS]: { [KEY]: tenant.name } },
  };
}

function connect(names, { link, net }, gateway) {
  ip("link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", gateway);
  ip("addr", "add", `${net}.1/24`, "dev", link);
  ip("link", "set", link, "up");
  ip("-n", gateway, "addr", "add", `${net}.2/24`, "dev", "eth0");
  answerAt(gateway);
  ip("-n", gateway, "link", "set", "eth0", "up");
  ip("-n", gateway, "route", "add", "10.77.0.0/16", "via", `${net}.1`);
  count(gateway);
}

function answerAt(netns) {
  ip("-n", netns, "addr", "add", `${FAR}/32`, "dev", "lo");
}

/** A counter for each tenant's packets, by source. */
function count(netns) {
  const rules = TENANTS.map(
    ({ name, subnet }) => `ip saddr ${subnet} counter comment "from ${name}"`,
  );
  const table = `table ip bench { chain in { type filter hook prerouting priority -300; ${rules.join("; ")}; }; }`;
  execFileSync("ip", ["netns", "exec", netns, "nft", "-f", "-"], { input: table });
}

function ip(...args) {
  execFileSync("ip", args, { stdio: ["ignore", "ignore", "inherit"] });
}
