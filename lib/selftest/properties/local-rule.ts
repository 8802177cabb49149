/** Where Cilium runs, the kernel's rule for local delivery is at 100 instead of 0. */
import { NODE } from "../addresses";
import { NODE_PORT, PORT } from "../topology";
import { ask, forEachFamily, pick, type Fixture, type Tested } from "../fixture";

/** Moves the rule, looks, and moves it back. */
export async function checkLocalRule(fixture: Fixture, working: readonly Tested[]): Promise<void> {
  const { results, topology, setup } = fixture;
  const move = (from: number, to: number): Promise<string> => {
    const families = topology.ipv6 ? ["-4", "-6"] : ["-4"];
    const commands = families.flatMap((family) => [
      `ip ${family} rule add pref ${to} lookup local`,
      `ip ${family} rule del pref ${from} lookup local`,
    ]);
    return topology.node.must(["sh", "-ec", commands.join("\n")]);
  };
  await move(0, 100);
  await forEachFamily(working, async (one, family) => {
    const { pod, addresses } = one.attached;
    const probe = await ask({ setup }, topology.node, addresses[family] ?? "", PORT);
    const back = await ask({ setup }, pod, pick(NODE, family), NODE_PORT);
    const wrong = [
      ...(probe.by === pod.name
        ? []
        : [`the node does not reach its pod, as the kubelet's probes must (${probe.error})`]),
      ...(back.by === "node"
        ? []
        : [
            `its pod does not reach the node (${back.by === "" ? back.error : `answered by ${back.by}`})`,
          ]),
    ];
    const about = { tenant: one.name, family };
    if (wrong.length === 0) results.ok("local", about);
    else
      results.fail(
        "local",
        about,
        wrong.join("; "),
        "leave routes.tenantPriority, routes.localPriority and routes.excludePriority where they are by default, just before 32766",
      );
  });
  await move(100, 0);
}
