/** After DEL nothing of any pod is left on the node. */
import { inventory, newSince } from "../inventory";
import type { Fixture } from "../fixture";

/** Interfaces, chains and routes that are the delegates' own and stay on every node (the bridge, portmap's chains) do not name a pod. */
export async function checkDel(fixture: Fixture, before: readonly string[]): Promise<void> {
  const { results, topology, plain, runtime, setup, tested } = fixture;
  const all = [...tested.map(({ attached }) => attached), plain];
  const refused: string[] = [];
  for (const { pod } of all) {
    const { ok, output } = await runtime.del(pod);
    if (!ok) refused.push(`${pod.spec.pod}: ${output}`);
  }
  // A runtime may repeat it, with nothing left of the sandbox.
  for (const { pod } of all) {
    const { ok, output } = await runtime.del(pod);
    if (!ok) refused.push(`${pod.spec.pod}, a second time: ${output}`);
  }
  const addresses = all
    .flatMap(({ addresses: { 4: v4, 6: v6 } }) => [v4, v6])
    .filter((address) => address !== undefined);
  const left = newSince(before, await inventory(topology.node, setup.dir)).filter((line) =>
    isOfPod(line, addresses),
  );
  if (refused.length > 0)
    results.fail(
      "del",
      {},
      `DEL fails: ${refused.join("; ")}`,
      "correct what the message names; a runtime repeats DEL until it works, and the pod stays",
    );
  if (left.length > 0)
    results.fail(
      "del",
      {},
      `left on the node: ${left.join(", ")}`,
      "see which plugin made it: what is not removed meets the next pod with this address",
    );
  if (refused.length + left.length === 0) results.ok("del");
}

function isOfPod(line: string, addresses: readonly string[]): boolean {
  if (/^(record|lease) |^interface veth|"tenant-routing /.test(line)) return true;
  return line.split(/[\s/"]/).some((word) => addresses.includes(word));
}
