/** The lab `tenants` while nothing is broken: every way that a packet can take. */
import { call, target } from "../kit/calls";
import { FAMILIES } from "../kit/families";
import { trace } from "../kit/packets";
import type { Attached } from "../kit/runtime";
import type { Fixture } from "./fixture";
import { CLIENT, NODE, NODE_PORT, SERVER, type Way } from "./topology";

/** One node, one destination, three ways, both families. */
export async function showHealthy({
  setup,
  topology: { a, b, byDefault },
  web,
  api0,
  plain,
}: Fixture): Promise<void> {
  const { transcript } = setup;
  await transcript.heading("One node, one destination: each tenant takes its own way");
  const ways: readonly (readonly [Attached, Way, string])[] = [
    [web, a, "gateway A"],
    [api0, b, "gateway B"],
    [plain, byDefault, "the default gateway"],
  ];
  for (const { name, at } of FAMILIES) {
    for (const [pod, way, words] of ways) {
      const hops = await trace(transcript, pod.machine, SERVER[at]);
      transcript.statement(
        `${name}: ${pod.machine.name}'s second hop is ${words}`,
        hops[1] === way.inside[at] && hops.at(-1) === SERVER[at],
      );
    }
  }
  for (const { name, at } of FAMILIES) {
    for (const [pod, way, words] of ways) {
      const { from } = await call(setup, pod.machine, target(SERVER[at], 80));
      transcript.statement(
        `${name}: ${pod.machine.name} leaves by ${words}`,
        from === way.outside[at],
      );
    }
  }
}

/** Nothing in the cluster goes by a gateway, and no address is changed. */
export async function showLocalTraffic({
  setup,
  topology: { node },
  web,
  api0,
  plain,
}: Fixture): Promise<void> {
  const { transcript } = setup;
  await transcript.heading("What is in the cluster stays in the cluster");
  for (const { name, at } of FAMILIES) {
    const between = await call(setup, web.machine, target(api0.addresses[at], 80));
    transcript.statement(
      `${name}: pod to pod, tenant A to tenant B`,
      between.by === "api-0" && between.from === web.addresses[at],
    );
    const plainCall = await call(setup, plain.machine, target(web.addresses[at], 80));
    transcript.statement(
      `${name}: pod to pod, no tenant to tenant A`,
      plainCall.by === "web-0" && plainCall.from === plain.addresses[at],
    );
    const toNode = await call(setup, web.machine, target(NODE[at], 8080));
    transcript.statement(
      `${name}: pod to node`,
      toNode.by === "node" && toNode.from === web.addresses[at],
    );
    const probe = await call(setup, node, target(web.addresses[at], 80));
    transcript.statement(`${name}: node to pod, as the kubelet's probes do`, probe.by === "web-0");
  }
}

/** A connection from outside, forwarded to the node's port and by portmap to the pod. */
export async function showBothWays({
  setup,
  topology: { client, byDefault },
}: Fixture): Promise<void> {
  const { transcript } = setup;
  await transcript.heading(
    "A client outside calls a pod of tenant A: the reply goes back by the way the call came",
  );
  transcript.say(
    `gw-default forwards its port ${NODE_PORT} to the node, portmap forwards it to web-0:80.`,
  );
  for (const { name, at } of FAMILIES) {
    const answer = await call(setup, client, target(byDefault.outside[at], NODE_PORT));
    transcript.statement(
      `${name}: the client gets web-0's answer, not by gateway A`,
      answer.by === "web-0" && answer.from === CLIENT[at],
    );
  }
}

/** Others mark packets too, and read their bits later. */
export async function showOtherBits({ setup, topology: { node, a }, web }: Fixture): Promise<void> {
  const { transcript } = setup;
  await transcript.heading(
    "Only the mask's bits of the mark change: kube-proxy and others keep theirs",
  );
  transcript.say(
    "Somebody sets 0x4000 on web-0's packets before us; a counter behind us looks for 0x4010.",
  );
  for (const { name, at } of FAMILIES) {
    const tool = at === 0 ? "iptables" : "ip6tables";
    const mangle = (words: string): Promise<string> =>
      node.must([tool, "-w", "-t", "mangle", ...words.split(" ")]);
    const source = `-s ${web.addresses[at]}`;
    await mangle(`-I PREROUTING 1 ${source} -j MARK --set-xmark 0x4000/0x4000`);
    await mangle(`-A FORWARD ${source} -m mark --mark 0x4010`);
    const { from } = await call(setup, web.machine, target(SERVER[at], 80));
    transcript.statement(`${name}: web-0 still leaves by gateway A`, from === a.outside[at]);
    const list = `${tool} -w -t mangle -nvxL FORWARD | tail -n 1`;
    const counter = await node.show(["sh", "-c", `${list} | tr -s ' '`], { as: list });
    transcript.statement(
      `${name}: its packets carry both marks`,
      /^ ?[1-9]\d* /.test(counter.stdout),
    );
    await mangle(`-D FORWARD ${source} -m mark --mark 0x4010`);
    await mangle(`-D PREROUTING ${source} -j MARK --set-xmark 0x4000/0x4000`);
  }
}

/** Where Cilium runs, the kernel's rule for local delivery is at 100 instead of 0. */
export async function showMovedLocalRule({
  setup,
  topology: { node, a },
  web,
}: Fixture): Promise<void> {
  const { transcript } = setup;
  await transcript.heading(
    "The kernel's rule for local delivery is moved to priority 100, as Cilium does",
  );
  const move = (family: string): string =>
    `ip ${family} rule add pref 100 lookup local && ip ${family} rule del pref 0`;
  await node.show(["sh", "-ec", `${move("-4")} && ${move("-6")}`], {
    as: `${move("-4")}   (and -6)`,
  });
  await node.show(["ip", "rule"]);
  for (const { name, at } of FAMILIES) {
    const probe = await call(setup, node, target(web.addresses[at], 80));
    transcript.statement(`${name}: the kubelet's probes still reach the pod`, probe.by === "web-0");
    const toNode = await call(setup, web.machine, target(NODE[at], 8080));
    transcript.statement(
      `${name}: the pod still reaches the node`,
      toNode.by === "node" && toNode.from === web.addresses[at],
    );
    const out = await call(setup, web.machine, target(SERVER[at], 80));
    transcript.statement(`${name}: the pod still leaves by gateway A`, out.from === a.outside[at]);
  }
}
