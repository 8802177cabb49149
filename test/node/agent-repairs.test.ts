/** The agent puts back what others take from the rules of running pods, and touches nothing else. */
import { existsSync } from "node:fs";
import { makeOld } from "../helpers/command";
import { VARIANTS, type Variant } from "../helpers/firewall";
import { useAgents } from "../helpers/node-agent";
import { rulesOf } from "../helpers/node-rules";
import { ASKS, annotated, createRuntime, ourList, type Runtime } from "../helpers/node-runtime";
import { useNode, type Pod } from "../helpers/node-world";
import { expectOk } from "../helpers/outcome";

const world = useNode();
const agents = useAgents(world);

function listFor(iptables: Variant, more: object = {}) {
  return ourList(world, {
    ...ASKS,
    iptables,
    delegate: { type: "ptp", ipMasq: false, ipam: world.ipam("10.88.0.0/24", "fd00:88::/64") },
    // Legacy iptables sends no events.
    agent: { reconcileInterval: iptables === "nft" ? "10m" : "1s" },
    ...more,
  });
}

async function addPods(runtime: Runtime, count: number): Promise<readonly Pod[]> {
  const pods = Array.from({ length: count }, (_, i) => world.newPod("team-a", `web-${i}`));
  for (const [i, pod] of pods.entries())
    expectOk(await runtime.add(pod, annotated(i % 2 === 0 ? "0x10/0xff" : "0x20/0xff")));
  return pods;
}

const rules = (): readonly string[] => rulesOf(world.firewall);
const own = (): readonly string[] => [...world.firewall.ours()].sort();
const same = (one: readonly string[], other: readonly string[]): boolean =>
  JSON.stringify(one) === JSON.stringify(other);

describe.each(VARIANTS)("on %s", (variant) => {
  test("a flushed mangle table has the rules of all pods again, both families, and foreign rules stay", async () => {
    const runtime = createRuntime(world, listFor(variant));
    await addPods(runtime, 4);
    const before = own();
    expect(before).toHaveLength(16);
    const agent = await agents.start(listFor(variant));
    world.firewall.flush();
    world.firewall.tables(variant, "iptables", "-A PREROUTING -s 192.0.2.1 -j ACCEPT");
    await agent.sees("all rules are back", () => same(own(), before));
    await agent.says("repair", /^repaired the marks of 4 pods \(16 missing\)/);
    expect(world.firewall.prerouting(variant).filter((line) => line.includes("192.0.2.1"))).toEqual(
      ["-A PREROUTING -s 192.0.2.1/32 -j ACCEPT"],
    );
  });

  test("one rule that is deleted, doubled or changed is put right, and the others are not touched", async () => {
    const runtime = createRuntime(world, listFor(variant, { agent: { reconcileInterval: "1s" } }));
    await addPods(runtime, 2);
    const before = own();
    const [rule = ""] = world.firewall.prerouting(variant);
    const spec = rule.replace("-A ", "");
    const agent = await agents.start(listFor(variant, { agent: { reconcileInterval: "1s" } }));
    for (const [what, command] of [
      ["missing", `-D ${spec}`],
      ["double", `-A ${spec}`],
      [
        "wrong-mark",
        `-R PREROUTING 1 ${spec.replace(/^PREROUTING /, "").replace("0x10/0xff", "0x30/0xff")}`,
      ],
    ] as const) {
      world.firewall.tables(variant, "iptables", command);
      await agent.says("repair", `1 ${what}`);
      await agent.sees(`${what} is put right`, () => same(own(), before));
    }
    // The rule for replies comes after the one that sets the mark.
    const order = world.firewall
      .prerouting(variant)
      .filter((line) => line.includes("web-0") && line.includes("10.88."))
      .map((line) => line.includes("REPLY"));
    expect(order).toEqual([false, true]);
  });

  test("ADD and DEL while the table is flushed again and again: at the end the rules are those of the pods that are left", async () => {
    const list = listFor(variant, { agent: { reconcileInterval: "1s" } });
    const runtime = createRuntime(world, list);
    const pods = await addPods(runtime, 4);
    const agent = await agents.start(list);
    let done = false;
    const flushing = (async () => {
      while (!done) {
        world.firewall.flush();
        await new Promise((resolve) => setTimeout(resolve, 30));
      }
    })();
    const left = pods.slice(2);
    for (let round = 0; round < 6; round++) {
      const more = world.newPod("team-b", `churn-${round}`);
      await Promise.all([
        runtime.add(more, annotated("0x30/0xff")).then(expectOk),
        ...(round < 2 ? [runtime.del(pods[round] as Pod).then(expectOk)] : []),
      ]);
      if (round < 5) expectOk(await runtime.del(more));
    }
    done = true;
    await flushing;
    const names = [...left.map(({ name }) => name), "churn-5"].sort();
    const ready = (): boolean => {
      const now = rules().filter((line) => !line.includes(":"));
      return (
        now.length === 2 * names.length &&
        same([...new Set(now.map((line) => line.split(" ")[1] ?? ""))].sort(), names)
      );
    };
    await agent.sees("journal = rules", ready);
    // Nothing of a deleted pod comes later, either.
    world.firewall.flush();
    await agent.sees("journal = rules, after one more flush", ready);
  });
});

test("an attachment whose sandbox is gone is taken down in the background", async () => {
  const runtime = createRuntime(world, listFor("nft"));
  const [pod] = (await addPods(runtime, 1)) as [Pod];
  await world.vanish(pod);
  const agent = await agents.start(listFor("nft"));
  // Older than a minute, as if the time had passed.
  makeOld(world);
  await agent.says("collect", "no longer exists and no DEL came");
  await agent.sees("nothing is left", () => own().length === 0 && world.leases().length === 0);
});

test("the monitor is started again when it ends, and ends with an agent that is killed", async () => {
  const runtime = createRuntime(world, listFor("nft"));
  await addPods(runtime, 1);
  const agent = await agents.start(listFor("nft"));
  const monitors = () => agent.children().filter((line) => line.includes("monitor"));
  await agent.sees("the monitor runs", () =>
    monitors().some((line) => line.includes("nft monitor")),
  );
  world.inside(
    undefined,
    "sh",
    "-c",
    `kill -9 $(cat /proc/${agent.pid}/task/${agent.pid}/children)`,
  );
  world.firewall.flush();
  // Whatever happened while there was none is found when the next one has started.
  await agent.sees("the rules are back", () => own().length === 4);
  await agent.sees("another monitor runs", () => monitors().length === 1);
  const [pid] = world
    .inside(undefined, "cat", `/proc/${agent.pid}/task/${agent.pid}/children`)
    .trim()
    .split(" ");
  agent.signal("SIGKILL");
  await agent.ended();
  await agent.sees("the monitor has ended", () => !existsSync(`/proc/${pid}/status`));
});
