import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createLeftoverProcesses, isAlive, ownProcess } from "../../../../lib/node/processes";
import { systemClock } from "../../../../lib/node/clock";

const started: ChildProcess[] = [];
afterEach(() => started.splice(0).forEach((child) => child.kill("SIGKILL")));

async function worker(env: Record<string, string>): Promise<ChildProcess> {
  const child = spawn("/bin/sleep", ["30"], { env, stdio: "ignore" });
  started.push(child);
  await once(child, "spawn");
  return child;
}
const ADD = { CNI_COMMAND: "ADD", CNI_CONTAINERID: "leftover-test", CNI_IFNAME: "eth0" };

test("ends the processes of an ADD of that interface, and only those", async () => {
  const mine = await worker(ADD);
  const others = await Promise.all([
    worker({ ...ADD, CNI_COMMAND: "DEL" }),
    worker({ ...ADD, CNI_CONTAINERID: "leftover-test-2" }),
    worker({ ...ADD, CNI_IFNAME: "net1" }),
  ]);
  const gone = once(mine, "exit");
  expect(
    await createLeftoverProcesses(systemClock, { graceMs: 50, timeoutMs: 2000 }).end(
      "leftover-test",
      "eth0",
    ),
  ).toBe(1);
  expect((await gone)[1]).toBe("SIGKILL");
  expect(others.map((child) => child.exitCode ?? child.signalCode)).toEqual([null, null, null]);
});

test("what finishes in time is left to finish", async () => {
  const child = spawn("/bin/cat", [], {
    env: { ...ADD, CNI_CONTAINERID: "leftover-quick" },
    stdio: ["pipe", "ignore", "ignore"],
  });
  started.push(child);
  await once(child, "spawn");
  const gone = once(child, "exit");
  // The clock does not move during the grace period; the process ends as soon as it is waited for.
  const clock = {
    ...systemClock,
    elapsed: () => 0,
    sleep: async () => void (child.stdin.end(), await gone),
  };
  expect(
    await createLeftoverProcesses(clock, { graceMs: 1, timeoutMs: 1 }).end(
      "leftover-quick",
      "eth0",
    ),
  ).toBe(1);
  expect(await gone).toEqual([0, null]);
});

test("finding none is fine", async () => {
  expect(
    await createLeftoverProcesses(systemClock, { graceMs: 50, timeoutMs: 100 }).end(
      "nobody-has-this",
      "eth0",
    ),
  ).toBe(0);
});

test("isAlive tells this process from a later one with the same PID", () => {
  const self = ownProcess();
  expect(isAlive(self)).toBe(true);
  expect(isAlive({ ...self, startTime: "1" })).toBe(false);
  expect(isAlive({ pid: 2 ** 22 + 1, startTime: "" })).toBe(false);
});

test("ends also what a process starts while it is being ended", async () => {
  const env = { ...ADD, CNI_CONTAINERID: "leftover-fork" };
  await worker(env);
  // The clock is read between the look for processes and the kill: that is when the next process starts, a few times.
  let more = 3;
  const elapsed = (): number => {
    if (more-- > 0) started.push(spawn("/bin/sleep", ["30"], { env, stdio: "ignore" }));
    return 0;
  };
  const leftovers = createLeftoverProcesses(
    { ...systemClock, elapsed },
    { graceMs: 0, timeoutMs: 1 },
  );
  expect(await leftovers.end("leftover-fork", "eth0")).toBe(4);
  expect(await leftovers.end("leftover-fork", "eth0")).toBe(0);
});
