/** An address that a pod left behind without DEL has no tenant for its next owner. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { INTERNET, POD_NET, useGateways } from "../helpers/node-gateways";
import { ASKS, annotated, createRuntime, ourList, type Runtime } from "../helpers/node-runtime";
import { useNode, type Pod } from "../helpers/node-world";
import { expectOk } from "../helpers/outcome";
import { PLACES, putIn } from "../helpers/firewall";

const world = useNode();
const around = useGateways(world);
const IP = "10.88.0.9";

/** A pool of one address. */
function ipam() {
  return {
    ...world.ipam(),
    ranges: [[{ subnet: POD_NET, rangeStart: IP, rangeEnd: IP }]],
    routes: [{ dst: "0.0.0.0/0" }],
  };
}

/** Tenant A's pod is lost: its netns and its lease, and nobody calls DEL. */
async function loseA(runtime: Runtime): Promise<Pod> {
  const a = world.newPod("team-a", "lost");
  expectOk(await runtime.add(a, annotated("0x10/0xff")));
  await world.vanish(a);
  rmSync(join(world.dir, "ipam"), { recursive: true });
  expect(world.firewall.ours()).toHaveLength(2);
  return a;
}

const marks = (): readonly (string | undefined)[] =>
  world.firewall.ours().map((rule) => /--set-xmark (\S+)/.exec(rule)?.[1]);

describe.each(PLACES)("on %s", (place) => {
  describe.each(["ptp", "bridge"])("%s", (type) => {
    const runtimeFor = () =>
      createRuntime(
        world,
        ourList(world, {
          ...ASKS,
          ...putIn(place),
          delegate: { type, isGateway: true, ipMasq: false, ipam: ipam() },
        }),
      );

    test.each([
      ["without a tenant", undefined, "default", []],
      ["of tenant B", "0x20/0xff", "gw-b", ["0x20/0xff", "0x0/0xff"]],
    ])("the next owner is a pod %s", async (_, mark, gateway, expected) => {
      const runtime = runtimeFor();
      const a = await loseA(runtime);
      const next = world.newPod("team-b", "next");
      expectOk(await runtime.add(next, annotated(mark)));
      expect(marks()).toEqual(expected);
      expect(await around.ask(next, INTERNET)).toBe(`${gateway} ${IP}`);
      // The runtime finds the lost pod at last, when the address is no longer its own.
      expectOk(await runtime.del(a, { netns: "" }));
      expect([marks(), world.leases()]).toEqual([expected, [`${IP} ${next.id}`]]);
      expectOk(await runtime.check(next));
      expect(await around.ask(next, INTERNET)).toBe(`${gateway} ${IP}`);
      expectOk(await runtime.del(next));
      expect(world.everything()).toEqual([]);
    });
  });
});
