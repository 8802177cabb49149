/** With real ptp: many wrappers at once, in every place for marks. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import type { Conf } from "../helpers/conf";
import { rulesOf } from "../helpers/node-rules";
import { ASKS, annotated, createRuntime, ourList, type Runtime } from "../helpers/node-runtime";
import { useNode, type Pod } from "../helpers/node-world";
import { expectError, expectOk, type Outcome } from "../helpers/outcome";
import { together } from "../helpers/together";
import { PLACES, type Place, putIn } from "../helpers/firewall";

const world = useNode();
const ONE = { rangeStart: "10.88.0.9", rangeEnd: "10.88.0.9" };

function runtimeFor(place: Place, range: Conf = {}): Runtime {
  const ipam = {
    ...world.ipam(),
    ranges: [[{ subnet: "10.88.0.0/23", ...range }]],
    routes: [{ dst: "0.0.0.0/0" }],
  };
  return createRuntime(
    world,
    ourList(world, { ...ASKS, ...putIn(place), delegate: { type: "ptp", ipMasq: false, ipam } }),
    annotated("0x10/0xff"),
  );
}

describe.each(PLACES)("on %s", (place) => {
  test("of 20 ADDs of one attachment one succeeds and the others change nothing; 20 DELs of it all succeed", async () => {
    const runtime = runtimeFor(place);
    const pod = world.newPod();
    const outcomes = await together(20, () => runtime.add(pod));
    const failed = outcomes.filter(({ exit }) => exit !== 0);
    expect(failed).toHaveLength(19);
    for (const outcome of failed) expectError(outcome, "duplicateAttachment", pod.id);
    expect([rulesOf(world.firewall).length, world.veths().length, world.leases().length]).toEqual([
      2, 1, 1,
    ]);
    expectOk(await runtime.check(pod));
    await together(20, () => runtime.del(pod).then(expectOk));
    expect(world.everything()).toEqual([]);
  });

  test("a DEL of a pod while another is added on its address leaves the new pod's rules only", async () => {
    const runtime = runtimeFor(place, ONE);
    for (let round = 0; round < 5; round++) {
      const [a, b] = [world.newPod("team-a", "a"), world.newPod("team-b", "b")];
      expectOk(await runtime.add(a));
      // The lease is lost, so that B gets the address while A is still there.
      rmSync(join(world.dir, "ipam"), { recursive: true });
      await together(2, (n) =>
        (n === 0 ? runtime.add(b, annotated("0x20/0xff")) : runtime.del(a)).then(expectOk),
      );
      expect(rulesOf(world.firewall)).toEqual(["10.88.0.9 b 0x0/0xff", "10.88.0.9 b 0x20/0xff"]);
      expect(world.leases()).toEqual([`10.88.0.9 ${b.id}`]);
      expectOk(await runtime.del(b));
      expect([round, ...world.everything()]).toEqual([round]);
    }
  });

  test("an ADD that takes the address as soon as DEL has released it is not hit by that DEL", async () => {
    const runtime = runtimeFor(place, ONE);
    let a = world.newPod("team-a", "pod-0");
    expectOk(await runtime.add(a));
    for (let round = 1; round <= 6; round++) {
      const b = world.newPod("team-b", `pod-${round}`);
      const mark = round % 2 === 0 ? "0x10/0xff" : "0x20/0xff";
      await together(2, (n) =>
        n === 0 ? runtime.del(a).then(expectOk) : addPatiently(runtime, b, mark),
      );
      expect(rulesOf(world.firewall)).toEqual([
        `10.88.0.9 ${b.name} 0x0/0xff`,
        `10.88.0.9 ${b.name} ${mark}`,
      ]);
      expectOk(await runtime.check(b));
      a = b;
    }
    expectOk(await runtime.del(a));
    expect(world.everything()).toEqual([]);
  });
});

test("of two ADDs that an IPAM gives one address at one moment, one at most succeeds", async () => {
  const delegate = {
    ...{ type: "ptp", ipMasq: false },
    ipam: { type: "static", addresses: [{ address: "10.88.0.9/24", gateway: "10.88.0.1" }] },
  };
  const runtime = createRuntime(
    world,
    ourList(world, { ...ASKS, delegate }),
    annotated("0x10/0xff"),
  );
  for (let round = 0; round < 8; round++) {
    const pods = [world.newPod("team-a", "a"), world.newPod("team-b", "b")];
    const outcomes = await together(2, (n) => runtime.add(pods[n] as Pod));
    const added = pods.filter((_pod, n) => outcomes[n]?.exit === 0);
    expect(added.length).toBeLessThan(2);
    for (const { exit, stdout } of outcomes)
      if (exit !== 0) expect(stdout).toContain("gave 10.88.0.9, which pod team-");
    expect(rulesOf(world.firewall).length).toBe(2 * added.length);
    for (const pod of added) expectOk(await runtime.check(pod));
    for (const pod of pods) expectOk(await runtime.del(pod));
    expect([round, ...world.everything()]).toEqual([round]);
  }
});

/** As a kubelet does: again until there is a free address. */
async function addPatiently(runtime: Runtime, pod: Pod, mark: string): Promise<Outcome> {
  for (let n = 0; n < 100; n++) {
    const outcome = await runtime.add(pod, annotated(mark));
    if (outcome.exit === 0) return outcome;
    expect(outcome.stdout).toContain("no IP addresses available");
  }
  throw new Error(`no address for ${pod.name}`);
}
