/** The end of the lab `external-ipam`: every pod that is still there goes, and the node is as it was. */
import { leftBehind } from "../kit/runtime";
import type { Fixture } from "./fixture";

/** The node's own rules, as shown and as compared. */
export const RULES = "ip rule; ip -6 rule";

/** DEL of all pods, those too that were never attached; then nothing of a pod is left. */
export async function showRemoval(fixture: Fixture, rulesBefore: string): Promise<void> {
  const { setup, topology, conflist, runtime, pods } = fixture;
  const { transcript, wrapper } = setup;
  await transcript.heading("All pods are deleted, and the node routes are removed");
  for (const pod of pods) {
    const { ok } = await runtime.del(pod);
    transcript.statement(`DEL of ${pod.spec.pod} succeeds`, ok);
  }
  const rest = await leftBehind(setup, topology.node);
  transcript.statement(
    "no rule, interface, lease or record of a pod is left",
    !/tenant-routing|veth|\.json|^10\.|^2001:|^fd00:/m.test(rest),
  );
  await wrapper(topology.node, ["routes", "remove", "--conf", conflist], { silent: true });
  const left = await topology.node.show(["sh", "-c", RULES], { as: RULES });
  transcript.statement("the node's own rules are as before", left.stdout === rulesBefore);
}
