/** What the plugin refuses, checks and removes, in the lab `vpn`. */
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Machine } from "../kit/machines";
import { NAME, type Fixture } from "./fixture";

function leases(dir: string): number {
  return readdirSync(join(dir, "ipam", "cbr0")).filter((name) => /^[0-9]+\./.test(name)).length;
}

async function markRules(node: Machine): Promise<readonly string[]> {
  const listing = await node.must(["iptables", "-w", "-t", "mangle", "-S", "PREROUTING"]);
  return listing.split("\n").filter((rule) => rule.includes("tenant-routing "));
}

/** The plugins before this one have already attached the pod; the runtime's DEL undoes that. */
export async function showUnknownName({
  setup,
  topology: { node },
  runtime,
}: Fixture): Promise<void> {
  const { transcript, dir } = setup;
  await transcript.heading("A name that nobody configured refuses the pod");
  const [before, rules] = [leases(dir), (await markRules(node)).length];
  const pod = await runtime.sandbox({ pod: "media/typo-0", annotations: { [NAME]: "vpm" } });
  const refused = await runtime.add(pod);
  transcript.statement(
    "ADD fails with code 7 and names what it knows",
    refused.code === 7 && refused.output.includes("vpm") && refused.output.includes("vpn"),
  );
  const { ok } = await runtime.del(pod);
  const links = await node.run(["ip", "-o", "link", "show", "type", "veth"]);
  const ports = links.output.split("\n").filter((line) => line.includes("master cni0")).length;
  transcript.statement(
    "after the runtime's DEL no address, interface or rule of it is left",
    ok && leases(dir) === before && ports === 3 && (await markRules(node)).length === rules,
  );
}

/** `wrapper check`, with a rule missing and with it back. */
export async function showChecks({
  setup,
  topology: { node },
  conflist,
  pods: [player],
}: Fixture): Promise<void> {
  const { transcript, wrapper } = setup;
  await transcript.heading("wrapper check notices a rule that somebody removed");
  const args = ["check", "--conf", conflist, player.machine.spec.pod];
  const good = await wrapper(node, args);
  transcript.statement("all is well", good.status === 0);
  const rule = (await markRules(node)).find(
    (text) => text.includes(`-s ${player.address}/32`) && text.includes("0x10/0x10"),
  );
  if (rule === undefined)
    return transcript.say("The rule is gone already, so there is nothing to take away.");
  const words = rule.replace(/^-A /, "").replace(/"/g, "'");
  await node.show(["sh", "-c", `iptables -w -t mangle -D ${words}`], {
    as: `iptables -t mangle -D PREROUTING -s ${player.address}/32 ...`,
  });
  const bad = await wrapper(node, args);
  transcript.statement(
    "without the rule it exits 1 and says which is missing",
    bad.status === 1 && bad.output.includes(`mark rule for ${player.address} is missing`),
  );
  await node.must(["sh", "-c", `iptables -w -t mangle -I ${words}`]);
  const again = await wrapper(node, args, { silent: true });
  transcript.statement("with it back all is well again", again.status === 0);
}

/** The tag in the rules' comments is enough: DEL needs only the container's ID. */
export async function showDeletion({
  setup,
  topology: { node },
  runtime,
  conflist,
  pods,
}: Fixture): Promise<void> {
  const { transcript, dir, wrapper } = setup;
  await transcript.heading("DEL needs neither the annotation nor the result of ADD");
  rmSync(join(dir, "results-node-eth0"), { recursive: true });
  for (const { machine } of pods) {
    const { ok } = await runtime.del({ ...machine, spec: { pod: machine.spec.pod } });
    transcript.statement(`DEL of ${machine.spec.pod} succeeds without both`, ok);
  }
  const rules = await markRules(node);
  transcript.statement(
    `no rule and no address is left (${rules.length} rules, ${leases(dir)} addresses)`,
    rules.length === 0 && leases(dir) === 0,
  );
  const { status } = await wrapper(node, ["routes", "remove", "--conf", conflist], {
    silent: true,
  });
  const left = await node.show(["ip", "rule"]);
  transcript.statement(
    "wrapper routes remove leaves the kernel's own rules",
    status === 0 && !/fwmark|suppress/.test(left.output),
  );
  const link = await node.run(["ip", "link", "show", "dev", "vpn0"]);
  transcript.statement("and no vpn0", link.status !== 0);
}
