/** kill -9 while iptables-restore waits for the xtables lock, and the address goes to another pod. */
import { spawn } from "node:child_process";
import { existsSync, readFileSync, readdirSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BINARY } from "../helpers/harness";
import { launch } from "../helpers/launch";
import {
  ASKS,
  annotated,
  createRuntime,
  environment,
  firstNetconf,
  ourList,
} from "../helpers/node-runtime";
import { useNode, type Pod } from "../helpers/node-world";
import { expectOk } from "../helpers/outcome";
import { until } from "../helpers/shell";

const world = useNode();
const IP = "10.88.0.9";
const MARKED = annotated("0x10/0xff");

function list() {
  const ipam = {
    ...world.ipam(),
    ranges: [[{ subnet: "10.88.0.0/24", rangeStart: IP, rangeEnd: IP }]],
  };
  return ourList(world, {
    ...ASKS,
    iptables: "legacy",
    delegate: { type: "ptp", ipMasq: false, ipam },
  });
}

/** Holds a file of this test in the place of the machine's xtables lock. */
async function holdLock(): Promise<{ wrap: string; release: () => void }> {
  const lock = join(world.dir, "xtables.lock");
  const held = join(world.dir, "held");
  writeFileSync(lock, "");
  const holder = spawn("flock", [lock, "sh", "-c", `touch '${held}'; exec sleep 60`], {
    stdio: "ignore",
    detached: true,
  });
  await until("the lock is held", () => existsSync(held));
  const release = (): void => void process.kill(-(holder.pid as number), "SIGKILL");
  return { wrap: `touch /run/xtables.lock; mount --bind '${lock}' /run/xtables.lock`, release };
}

/** The PID of the restore that the wrapper of this container has started and that waits for the lock. */
function waitingRestore({ id }: Pod): string | undefined {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .find((pid) => {
      try {
        if (!readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("iptables-legacy-restore"))
          return false;
        const parent =
          /^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? "";
        const ours = readFileSync(`/proc/${parent}/environ`, "utf8")
          .split("\0")
          .includes(`CNI_CONTAINERID=${id}`);
        return (
          ours &&
          readdirSync(`/proc/${pid}/fd`).some((fd) =>
            readlinkSync(`/proc/${pid}/fd/${fd}`).endsWith("xtables.lock"),
          )
        );
      } catch {
        return false; // it ended meanwhile
      }
    });
}

/** Starts an ADD as the runtime would and kills it as soon as its restore waits; returns the restore's PID. */
async function killedAdd(pod: Pod, wrap: string): Promise<string> {
  let restore: string | undefined;
  // Once found it stays found: after the kill it has another parent, and may be looked for once more.
  const killWhen = (): boolean => (restore ??= waitingRestore(pod)) !== undefined;
  const outcome = await launch({
    netns: world.netns,
    command: [BINARY],
    env: environment("ADD", pod, pod.path),
    stdin: firstNetconf(list(), MARKED),
    options: { wrap, killWhen },
  });
  expect(outcome.signal).toBe("SIGKILL");
  return restore as string;
}

test("the leftover restore adds no rule after the DEL, on an address that another pod has by now", async () => {
  const { wrap, release } = await holdLock();
  try {
    const runtime = createRuntime(world, list());
    const killed = world.newPod("team-a", "killed");
    const restore = await killedAdd(killed, wrap);
    expect(existsSync(`/proc/${restore}`)).toBe(true);
    expectOk(await runtime.del(killed, { forgetful: true }));
    const next = world.newPod("team-b", "next");
    expectOk(await runtime.add(next, annotated(undefined)));
    expect(world.leases()).toEqual([`${IP} ${next.id}`]);
    release();
    await until("the restore is gone", () => !existsSync(`/proc/${restore}`));
    expect(world.firewall.ours()).toEqual([]);
    expectOk(await runtime.del(next));
    expect(world.everything()).toEqual([]);
  } finally {
    try {
      release();
    } catch {
      // released already
    }
  }
});
