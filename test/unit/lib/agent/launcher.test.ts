import { constants } from "node:os";
import { GREETING } from "../../../../lib/agent/frames";
import type { Launcher } from "../../../../lib/agent/launcher";
import type { ExecRequest } from "../../../../lib/ports";
import { FakeExec, OUTCOME } from "../../../helpers/fakes";
import {
  connectLauncher,
  deliveredFrame,
  resultFrame,
  serve,
} from "../../../helpers/fake-launcher";
import { eventually, useRig } from "./harness";

const rig = useRig();

const PROGRAM: ExecRequest = {
  path: "/opt/cni/bin/ptp",
  args: ["a"],
  env: { CNI_COMMAND: "ADD" },
  stdin: "{}",
  timeoutMs: 1000,
  maxStdout: 100,
  maxStderr: 10,
};

/** Serves with this, and says what it threw or returned. */
function serving(body: (launcher: Launcher) => Promise<unknown>): { outcome: Promise<unknown> } {
  const seen = {} as { outcome: Promise<unknown> };
  seen.outcome = new Promise((resolve) => {
    rig.serve = async (launcher) => {
      const outcome = await body(launcher).catch((error: unknown) => error);
      resolve(outcome);
      return 5;
    };
  });
  return seen;
}

test("programs run in the launcher, one after the other, and their outcomes come back", async () => {
  const { outcome } = serving(async ({ exec }) => [
    await exec.run(PROGRAM),
    await exec.run({ ...PROGRAM, args: [] }),
  ]);
  await rig.start();
  const launcher = await rig.going();
  const exec = new FakeExec("first", { exitCode: null, signal: "SIGKILL", timedOut: true });
  const end = serve(launcher, { exec });
  expect(await outcome).toMatchObject([
    { ...OUTCOME, stdout: Buffer.from("first") },
    { ...OUTCOME, exitCode: null, signal: "SIGKILL", timedOut: true, stdout: Buffer.alloc(0) },
  ]);
  expect(exec.calls).toEqual(["/opt/cni/bin/ptp a", "/opt/cni/bin/ptp"]);
  expect(exec.requests[0]).toEqual({ ...PROGRAM, stdin: Buffer.from("{}") });
  expect(await end).toMatchObject({ status: 5, stdout: "" });
  expect(rig.local.left).toBe(1);
});

test("a signal or an errno without a name has its number", async () => {
  const { outcome } = serving(async ({ exec }) => [await exec.run(PROGRAM)]);
  await rig.start();
  const launcher = await rig.going();
  await launcher.next("X");
  const result = resultFrame(OUTCOME);
  result.writeUInt32LE(64, 9);
  result.writeUInt32LE(4000, 17);
  launcher.send(result);
  expect(await outcome).toMatchObject([{ signal: "signal 64", spawnError: "error 4000" }]);
});

test("text for stderr comes in its order, before the answer", async () => {
  serving(async (launcher) => {
    launcher.stderr("one\n");
    launcher.stderr("two\n");
    await launcher.answer(1, "no");
  });
  await rig.start();
  expect(await serve(await rig.going(), {})).toMatchObject({
    status: 1,
    stdout: "no",
    stderr: "one\ntwo\n",
  });
});

test("a launcher that ends while a program runs counts as a program that was killed", async () => {
  const { outcome } = serving(async ({ exec }) => [await exec.run(PROGRAM)]);
  await rig.start();
  const launcher = await rig.going();
  await launcher.next("X");
  launcher.leave();
  expect(await outcome).toMatchObject([
    { exitCode: null, signal: "SIGKILL", stderr: "the launcher that ran it has ended" },
  ]);
  expect(rig.local.left).toBe(1);
});

test("once the launcher is gone, programs run in the agent, and nobody is written to", async () => {
  const { outcome } = serving(async (launcher) => {
    await eventually(() => launcher.isGone());
    launcher.stderr("nobody reads this");
    return [await launcher.exec.run(PROGRAM), await launcher.answer(0, "x").catch(toText)];
  });
  const server = await rig.start();
  (await rig.going()).leave();
  expect(await outcome).toMatchObject([
    { exitCode: 7 },
    expect.stringMatching(/ended before it had the answer/),
  ]);
  expect(rig.local.calls).toEqual(["/opt/cni/bin/ptp a"]);
  server.close();
  await server.drained();
});

test("an answer that the runtime did not take is thrown; the rollback's programs still run there", async () => {
  const { outcome } = serving(async (launcher) => [
    await launcher.answer(0, "result").catch(toText),
    launcher.isGone(),
    await launcher.exec.run(PROGRAM),
  ]);
  await rig.start();
  const launcher = await rig.going();
  const exec = new FakeExec("undone");
  const answered = await serve(launcher, { exec, deliveryErrno: 32 });
  expect(await outcome).toMatchObject([
    expect.stringMatching(/answer could not be written: EPIPE/),
    false,
    { stdout: Buffer.from("undone") },
  ]);
  expect(exec.calls).toHaveLength(1);
  expect(answered).toMatchObject({ status: 5, stdout: "" });
  expect(await launcher.nextOrEnd()).toBeUndefined();
});

test("an answer whose launcher leaves without a word is not delivered", async () => {
  const { outcome } = serving(async (launcher) => [await launcher.answer(0, "r").catch(toText)]);
  await rig.start();
  const launcher = await rig.going();
  await launcher.next("F");
  launcher.leave();
  expect(await outcome).toEqual([expect.stringMatching(/ended before/)]);
});

test("a frame that is not due ends the conversation", async () => {
  const { outcome } = serving(async ({ exec }) => [await exec.run(PROGRAM).catch(toText)]);
  await rig.start();
  const launcher = await rig.going();
  await launcher.next("X");
  launcher.send(deliveredFrame(0));
  expect(await outcome).toEqual([expect.stringMatching(/sent "delivered" where "result" is due/)]);
});

test("keepalives come while it is worked on", async () => {
  let finish = (): void => {};
  serving(() => new Promise<void>((resolve) => (finish = resolve)));
  await rig.start();
  const launcher = await rig.going();
  await launcher.until(() => launcher.keepalives >= 2);
  finish();
  expect((await launcher.next("Z")).payload.readUInt32LE(0)).toBe(5);
});

test("no keepalive follows the answer, where it would make the launcher's last words be lost", async () => {
  let answer = (): void => {};
  const { outcome } = serving(async (launcher) => {
    await new Promise<void>((resolve) => (answer = resolve));
    const problem = await launcher.answer(0, "result").catch(toText);
    return [problem, await launcher.exec.run(PROGRAM)];
  });
  await rig.start();
  const launcher = await rig.going();
  await launcher.until(() => launcher.keepalives > 0);
  answer();
  await launcher.next("F");
  const before = launcher.keepalives;
  // Longer than from one to the next.
  await new Promise((resolve) => setTimeout(resolve, 1500));
  expect(launcher.keepalives).toBe(before);
  launcher.send(deliveredFrame(constants.errno.EPIPE));
  // The rollback may take its time.
  await launcher.next("X");
  await launcher.until(() => launcher.keepalives > before);
  launcher.send(resultFrame(OUTCOME));
  expect(await outcome).toEqual([expect.stringMatching(/EPIPE/), expect.objectContaining(OUTCOME)]);
});

test("whoever connects and says nothing is sent away", async () => {
  jest.useFakeTimers({ doNotFake: ["setImmediate", "nextTick", "Date"] });
  try {
    await rig.start();
    const launcher = await connectLauncher(rig.path);
    launcher.send(GREETING);
    for (let i = 0; i < 20; i++) await new Promise(setImmediate);
    jest.advanceTimersByTime(10_000);
    for (let i = 0; i < 20; i++) await new Promise(setImmediate);
    expect(launcher.socket.readableEnded || launcher.socket.destroyed).toBe(true);
    expect(rig.served).toEqual([]);
  } finally {
    jest.useRealTimers();
  }
});

function toText(error: unknown): string {
  return String(error);
}
