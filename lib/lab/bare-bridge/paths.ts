/** The ways that packets take in the lab `bare-bridge`. */
import { call, target, type Call } from "../kit/calls";
import { FAMILIES } from "../kit/families";
import type { Machine } from "../kit/machines";
import { countPackets, trace } from "../kit/packets";
import type { Attached } from "../kit/runtime";
import type { Fixture } from "./fixture";
import { OUTSIDE, SERVER } from "./topology";

function ask({ setup }: Fixture, from: Machine, address: string): Promise<Call> {
  return call(setup, from, target(address, 80));
}

/** What a pod network is without routes. */
export async function showBefore(fixture: Fixture): Promise<void> {
  const {
    setup: { transcript },
    pods: [one0, , , two],
  } = fixture;
  await transcript.heading("Without routes the pods are alone with their node");
  for (const { name, at } of FAMILIES) {
    transcript.statement(
      `${name}: two-0 on the other node does not answer`,
      !(await ask(fixture, one0.machine, two.addresses[at])).ok,
    );
    transcript.statement(
      `${name}: neither does the internet`,
      !(await ask(fixture, one0.machine, SERVER[at])).ok,
    );
  }
}

/** By the bridge, without the node's routing. */
export async function showOneNode(fixture: Fixture): Promise<void> {
  const {
    setup,
    topology: {
      nodes: [node],
    },
    pods: [one0, one1, web],
  } = fixture;
  const { transcript } = setup;
  await transcript.heading(
    "Pod to pod on one node: by the bridge, not by routing, so without marks",
  );
  const hops = await trace(transcript, one0.machine, one1.addresses[0]);
  transcript.statement("one-1 is one hop away", hops.length === 1 && hops[0] === one1.addresses[0]);
  for (const { name, at } of FAMILIES) {
    const plain = await ask(fixture, one0.machine, one1.addresses[at]);
    transcript.statement(
      `${name}: one-1 sees one-0's own address`,
      plain.by === "one-1" && plain.from === one0.addresses[at],
    );
    const tenant = await ask(fixture, one0.machine, web.addresses[at]);
    transcript.statement(
      `${name}: the tenant's pod answers too`,
      tenant.by === "web-0" && tenant.from === one0.addresses[at],
    );
    const probe = await ask(fixture, node.machine, web.addresses[at]);
    transcript.statement(
      `${name}: and so it does to its node, as to the kubelet's probes`,
      probe.by === "web-0",
    );
  }
}

/** By the nodes' routes, and nobody's address changes. */
export async function showTwoNodes(fixture: Fixture): Promise<void> {
  const {
    setup,
    topology: {
      nodes: [one, two],
    },
    pods: [one0, , web, two0],
  } = fixture;
  const { transcript } = setup;
  await transcript.heading("Pod to pod across the nodes: by their routes, not masqueraded");
  const hops = await trace(transcript, one0.machine, two0.addresses[0]);
  transcript.statement(
    "the way is node-1, node-2, the pod",
    hops.length === 3 && hops[1] === two.own[0] && hops[2] === two0.addresses[0],
  );
  for (const { name, at } of FAMILIES) {
    for (const from of [one0, web]) {
      const there = await ask(fixture, from.machine, two0.addresses[at]);
      transcript.statement(
        `${name}: two-0 sees ${from.machine.name}'s own address`,
        there.by === "two-0" && there.from === from.addresses[at],
      );
    }
    const back = await ask(fixture, two0.machine, web.addresses[at]);
    transcript.statement(
      `${name}: the tenant's pod sees two-0's own address`,
      back.by === "web-0" && back.from === two0.addresses[at],
    );
    const node = await ask(fixture, one.machine, two0.addresses[at]);
    transcript.statement(`${name}: node-1 reaches the pod on node-2`, node.by === "two-0");
  }
}

/** As the node, because nobody outside knows the pods' addresses. */
export async function showInternet(fixture: Fixture): Promise<void> {
  const {
    setup: { transcript },
    topology: {
      nodes: [one, two],
    },
    pods: [one0, , , two0],
  } = fixture;
  await transcript.heading("Pods without a tenant leave by the node's own way, with its address");
  for (const { name, at } of FAMILIES) {
    const fromOne = await ask(fixture, one0.machine, SERVER[at]);
    transcript.statement(
      `${name}: the server sees node-1, not one-0`,
      fromOne.by === "server" && fromOne.from === one.own[at],
    );
    const fromTwo = await ask(fixture, two0.machine, SERVER[at]);
    transcript.statement(
      `${name}: the server sees node-2, not two-0`,
      fromTwo.by === "server" && fromTwo.from === two.own[at],
    );
  }
}

/** Its own gateway, with the pod's address up to there. */
export async function showTenant(fixture: Fixture): Promise<void> {
  const {
    setup: { transcript },
    topology: { router, gateway },
    pods: [, , web],
  } = fixture;
  await transcript.heading("The tenant's pod leaves by the tenant's gateway");
  const strays = await countPackets(
    router,
    `iifname "br0" ip saddr { ${web.addresses[0]}, 192.168.1.11 } ip daddr ${SERVER[0]}`,
  );
  const own = await countPackets(
    gateway,
    `iifname "lan" ip saddr ${web.addresses[0]} ip daddr ${SERVER[0]}`,
  );
  for (const { name, at } of FAMILIES) await checkWay(fixture, web, name, at);
  const [leaked, seen] = [await strays.read(), await own.read()];
  transcript.statement(
    `its packets reach gw-a with its own address (${seen} counted), and none came by eth0 (${leaked} counted)`,
    seen > 0 && leaked === 0,
  );
}

async function checkWay(fixture: Fixture, web: Attached, name: string, at: 0 | 1): Promise<void> {
  const there = await ask(fixture, web.machine, SERVER[at]);
  fixture.setup.transcript.statement(
    `${name}: the server sees gw-a`,
    there.by === "server" && there.from === OUTSIDE[at],
  );
}

/** One JSON line for each operation. */
export async function showLog({
  setup: { transcript, dir },
  topology: {
    nodes: [node],
  },
  pods: [, , web],
}: Fixture): Promise<void> {
  await transcript.heading("The log file has a line for each operation");
  const path = `${dir}/node-1/wrapper.log`;
  const { output } = await node.machine.show(["grep", web.machine.spec.pod, path], {
    as: `grep ${web.machine.spec.pod} /var/log/tenant-routing/wrapper.log`,
  });
  const line = output.split("\n").find((text) => text.includes('"msg":"ADD"')) ?? "";
  const parts = [
    `"pod":"${web.machine.spec.pod}"`,
    '"tenant":"tenant-a"',
    '"mark":"0x10/0xff"',
    `"${web.addresses[0]}"`,
    '"outcome":"ok"',
  ];
  transcript.statement(
    "it names pod, tenant, mark, addresses and outcome",
    parts.every((part) => line.includes(part)),
  );
}
