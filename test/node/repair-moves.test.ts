/** `wrapper repair --apply` moves marks that stand in the other iptables variant, while the pods send. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { command } from "../helpers/command";
import { useFloods } from "../helpers/node-flood";
import { POD_NET, POD_NET6, useGateways } from "../helpers/node-gateways";
import { addressesOf } from "../helpers/node-rules";
import { ASKS, annotated, createRuntime, ourList } from "../helpers/node-runtime";
import { useNode } from "../helpers/node-world";
import { expectOk } from "../helpers/outcome";

const world = useNode();
useGateways(world);
const floods = useFloods(() => ({
  default: `${world.netns}-default`,
  "gw-a": `${world.netns}-gw-a`,
  "gw-b": `${world.netns}-gw-b`,
}));
const PODS: readonly (readonly [mark: string, way: "gw-a" | "gw-b"])[] = [
  ["0x10/0xff", "gw-a"],
  ["0x20/0xff", "gw-b"],
];

const places = () => ({
  nft: world.firewall.ours("nft").length,
  legacy: world.firewall.ours("legacy").length,
});

test("marks in the other variant: named, moved without a stray packet, and DEL finds them", async () => {
  const delegate = { type: "ptp", ipMasq: false, ipam: world.ipam(POD_NET, POD_NET6) };
  const list = ourList(world, { ...ASKS, iptables: "nft", guard: false, delegate });
  const conflist = join(world.dir, "10-tr.conflist");
  writeFileSync(conflist, JSON.stringify(list));
  const wrapper = (...words: string[]) => command(world, ...words, "--conf", conflist);
  const runtime = createRuntime(world, list);
  const pods = PODS.map((_, i) => world.newPod("team-a", `web-${i}`));
  for (const [i, [mark, way]] of PODS.entries()) {
    const pod = pods[i] as (typeof pods)[number];
    floods.start(pod.netns, addressesOf(expectOk(await runtime.add(pod, annotated(mark)))), way);
  }
  await floods.flow();
  const there = places();
  // As a node that was switched over by hand: first there, then gone here.
  world.inside(
    undefined,
    "sh",
    "-ec",
    `for family in iptables ip6tables; do
       $family-nft-save -t mangle | $family-legacy-restore
       $family-nft -w -t mangle -F
     done`,
  );
  expect(places()).toEqual({ nft: 0, legacy: there.nft });
  const found = await wrapper("drift");
  expect(found.exit).toBe(0);
  expect(found.stdout).toMatch(
    /TR0610 team-a\/web-0: its mark is in legacy, and its record says nft/,
  );
  expect((await wrapper("repair")).stdout).toMatch(/^ {2}move team-a\/web-0: /m);
  const done = await wrapper("repair", "--apply");
  expect([done.exit, done.stderr]).toEqual([0, ""]);
  expect(done.stdout).toMatch(/^the marks of 2 pods have moved to nft: /m);
  expect(places()).toEqual(there);
  await floods.flow();
  expect(await floods.strays()).toBe(0);
  expect((await wrapper("repair")).stdout).toContain("nothing to repair");
  for (const pod of pods) {
    floods.stop(pod.netns);
    expectOk(await runtime.del(pod));
  }
  expect([places(), world.everything()]).toEqual([{ nft: 0, legacy: 0 }, []]);
});
