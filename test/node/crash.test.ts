/** With real ptp: kill -9 at many moments, then DEL leaves nothing and ADD works again. */
import { BINARY } from "../helpers/harness";
import { KILLERS, killAfter } from "../helpers/node-kill";
import {
  ASKS,
  annotated,
  createRuntime,
  environment,
  firstNetconf,
  ourList,
  type Conflist,
  type Runtime,
} from "../helpers/node-runtime";
import { durations, sweep, TORN_LEASE } from "../helpers/node-sweep";
import { useNode, type Pod } from "../helpers/node-world";
import { expectOk } from "../helpers/outcome";
import { until } from "../helpers/shell";

const world = useNode();
const KILLS = ["alone", "tree"] as const;
type Kill = (typeof KILLS)[number];
const OFFERS = annotated("0x10/0xff");
/** Kills per test, spread evenly over the verb's duration. Runs that end before their kill do not count. */
const KILLS_OF_ADD = 20;
const KILLS_OF_DEL = 12;

function list(): Conflist {
  return ourList(world, {
    ...ASKS,
    delegate: { type: "ptp", ipMasq: false, ipam: world.ipam("10.88.0.0/24") },
  });
}

/** Starts the verb as the runtime would and kills it; true when it had not ended by itself. */
async function killed(verb: "ADD" | "DEL", pod: Pod, ms: number, kill: Kill): Promise<boolean> {
  const { exit } = await killAfter(ms, KILLERS[kill], {
    netns: world.netns,
    command: BINARY,
    env: environment(verb, pod, pod.path),
    stdin: firstNetconf(list(), verb === "ADD" ? OFFERS : {}),
  });
  return exit === null;
}

/** DEL as after a crash: no prevResult, and every other time the netns is gone. */
async function clear(runtime: Runtime, pod: Pod, n: number, kill: Kill): Promise<void> {
  const gone = n % 2 === 0;
  if (gone) await world.vanish(pod);
  expectOk(await runtime.del(pod, { forgetful: true, netns: gone ? "" : pod.path }));
  // A leftover process may have kept the netns open until DEL ended it; the kernel removes the veth a moment later.
  if (gone) await until("the veth is gone", () => world.veths().length === 0);
  const left = world.everything().filter((what) => kill === "alone" || !TORN_LEASE.test(what));
  expect([n, ...left]).toEqual([n]);
}

describe.each(KILLS)("killed %s", (kill) => {
  test(`${KILLS_OF_ADD} times in an ADD, DEL leaves nothing and ADD works again`, async () => {
    const runtime = createRuntime(world, list(), OFFERS);
    await sweep(KILLS_OF_ADD, (await durations(world, runtime)).ADD, async (n, moment) => {
      const pod = world.newPod("team-a", `pod-${n}`);
      const dead = await killed("ADD", pod, moment, kill);
      await clear(runtime, pod, n, kill);
      if (n % 4 !== 3) return dead;
      expectOk(await runtime.add(pod));
      expectOk(await runtime.check(pod));
      await clear(runtime, pod, n, kill);
      return dead;
    });
  });

  test(`${KILLS_OF_DEL} times in a DEL, the next DEL leaves nothing`, async () => {
    const runtime = createRuntime(world, list(), OFFERS);
    await sweep(KILLS_OF_DEL, (await durations(world, runtime)).DEL, async (n, moment) => {
      const pod = world.newPod("team-a", `pod-${n}`);
      expectOk(await runtime.add(pod));
      const dead = await killed("DEL", pod, moment, kill);
      await clear(runtime, pod, n, kill);
      return dead;
    });
  });
});
