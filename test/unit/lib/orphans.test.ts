import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createOrphans, isAlive, ownProcess } from "../../../lib/orphans";
import { systemClock } from "../../../lib/clock";

const started: ChildProcess[] = [];
afterEach(() => started.splice(0).forEach((child) => child.kill("SIGKILL")));

async function worker(env: Record<string, string>): Promise<ChildProcess> {
  const child = spawn("/bin/sleep", ["30"], { env, stdio: "ignore" });
  started.push(child);
  await once(child, "spawn");
  return child;
}
const ADD = { CNI_COMMAND: "ADD", CNI_CONTAINERID: "orphan-test", CNI_IFNAME: "eth0" };

test("ends the processes of an ADD of that interface, and only those", async () => {
  const mine = await worker(ADD);
  const others = await Promise.all([
    worker({ ...ADD, CNI_COMMAND: "DEL" }),
    worker({ ...ADD, CNI_CONTAINERID: "orphan-test-2" }),
    worker({ ...ADD, CNI_IFNAME: "net1" }),
  ]);
  const gone = once(mine, "exit");
  expect(await createOrphans(systemClock, { graceMs: 50, timeoutMs: 2000 }).end("orphan-test", "eth0")).toBe(1);
  expect((await gone)[1]).toBe("SIGKILL");
  expect(others.map((child) => child.exitCode ?? child.signalCode)).toEqual([null, null, null]);
});

test("what finishes in time is left to finish", async () => {
  const child = spawn("/bin/sleep", ["0.2"], { env: { ...ADD, CNI_CONTAINERID: "orphan-quick" }, stdio: "ignore" });
  started.push(child);
  const gone = once(child, "exit");
  expect(await createOrphans(systemClock, { graceMs: 5000, timeoutMs: 100 }).end("orphan-quick", "eth0")).toBe(1);
  expect(await gone).toEqual([0, null]);
});

test("finding none is fine", async () => {
  expect(await createOrphans(systemClock, { graceMs: 50, timeoutMs: 100 }).end("nobody-has-this", "eth0")).toBe(0);
});

test("isAlive tells this process from a later one with the same PID", () => {
  const self = ownProcess();
  expect(isAlive(self)).toBe(true);
  expect(isAlive({ ...self, startTime: "1" })).toBe(false);
  expect(isAlive({ pid: 2 ** 22 + 1, startTime: "" })).toBe(false);
});

test("ends also what a process starts while it is being ended", async () => {
  const script = `i=0; while [ $i -lt 400 ]; do sleep 30 & i=$((i+1)); done; wait`;
  started.push(spawn("/bin/sh", ["-c", script], { env: { ...ADD, CNI_CONTAINERID: "orphan-fork", PATH: "/bin:/usr/bin" }, stdio: "ignore" }));
  await systemClock.sleep(30);
  const orphans = createOrphans(systemClock, { graceMs: 0, timeoutMs: 5000 });
  expect(await orphans.end("orphan-fork", "eth0")).toBeGreaterThan(1);
  expect(await orphans.end("orphan-fork", "eth0")).toBe(0);
});
