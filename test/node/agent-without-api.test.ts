/** An agent that can ask no API server follows a changed conflist by what the records say. */
import { useAgents } from "../helpers/node-agent";
import { INTERNET, POD_NET, useGateways } from "../helpers/node-gateways";
import { addressOf } from "../helpers/node-rules";
import { ASKS, annotated, createRuntime, ourList, type Conflist } from "../helpers/node-runtime";
import { useNode } from "../helpers/node-world";
import { expectOk } from "../helpers/outcome";

const world = useNode();
const around = useGateways(world);
const agents = useAgents(world);

function listWith(a: string, b: string): Conflist {
  const delegate = { type: "ptp", ipMasq: false, ipam: world.ipam(POD_NET) };
  const tenants = { "tenant-a": { fwmark: a }, "tenant-b": { fwmark: b } };
  return ourList(world, { ...ASKS, iptables: "nft", delegate, tenants });
}

test("tenants exchange their marks: running pods follow their tenant by name, and keep one that is refused", async () => {
  const runtime = createRuntime(world, listWith("0x10/0xff", "0x20/0xff"));
  const [byName, other, byMark] = [
    world.newPod("team-a", "by-name"),
    world.newPod("team-b", "other"),
    world.newPod("team-a", "by-mark"),
  ];
  const a = addressOf(expectOk(await runtime.add(byName, annotated("tenant-a"))));
  const b = addressOf(expectOk(await runtime.add(other, annotated("tenant-b"))));
  const literal = addressOf(expectOk(await runtime.add(byMark, annotated("0x10"))));
  expect(await around.ask(byName, INTERNET)).toBe(`gw-a ${a}`);
  const agent = await agents.start(listWith("0x10/0xff", "0x20/0xff"));
  agents.write(listWith("0x20/0xff", "0x10/0xff"));
  await agent.says("change", "pod team-a/by-name");
  await agent.says("change", "pod team-b/other");
  expect(await around.ask(byName, INTERNET)).toBe(`gw-b ${a}`);
  expect(await around.ask(other, INTERNET)).toBe(`gw-a ${b}`);
  // The mark that its author wrote is another tenant's now, as for a new pod.
  await agent.says("change", /by-mark .*mark 0x10\/0xff became 0x10\/0xff, tenant tenant-b/);
  expect(await around.ask(byMark, INTERNET)).toBe(`gw-a ${literal}`);
  for (const pod of [byName, other, byMark]) expectOk(await runtime.del(pod));
  expect(world.everything()).toEqual([]);
});
