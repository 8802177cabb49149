import { chmodSync, existsSync, lstatSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { GREETING } from "../../../../lib/agent/frames";
import {
  connectLauncher,
  frame,
  goFrame,
  requestFrame,
  serve,
} from "../../../helpers/fake-launcher";
import { eventually, useRig } from "./harness";

const rig = useRig();

test("a request is served after its go, not before", async () => {
  await rig.start();
  const launcher = await rig.requesting("stdin");
  expect((await launcher.next("H")).payload.toString()).toBe("1 2 1");
  expect(rig.served).toEqual([]);
  rig.serve = async (conversation) => {
    await conversation.answer(3, "the answer");
    return 3;
  };
  launcher.send(goFrame(4711));
  expect(await serve(launcher, {})).toMatchObject({ status: 3, stdout: "the answer" });
  expect(rig.served).toHaveLength(1);
  expect(rig.served[0]).toMatchObject({ pid: 4711, env: { CNI_COMMAND: "ADD", A: "=b" } });
  expect(Buffer.from(rig.served[0]?.stdin ?? []).toString()).toBe("stdin");
  expect(await launcher.nextOrEnd()).toBeUndefined();
});

test("everything at once, and byte by byte", async () => {
  rig.serve = async (launcher) => {
    await launcher.answer(0, "ok");
    return 0;
  };
  await rig.start();
  const bytes = Buffer.concat([GREETING, requestFrame({}, "{}"), goFrame()]);
  for (const step of [bytes.byteLength, 1]) {
    const launcher = await connectLauncher(rig.path);
    for (let at = 0; at < bytes.byteLength; at += step) {
      launcher.send(bytes.subarray(at, at + step));
      await new Promise(setImmediate);
    }
    await launcher.next("H");
    expect(await serve(launcher, {})).toMatchObject({ status: 0, stdout: "ok" });
  }
});

test.each(["before its request", "after the greeting", "after its request", "after the hello"])(
  "for a launcher that leaves %s nothing is done",
  async (moment) => {
    const server = await rig.start();
    const launcher = await connectLauncher(rig.path);
    if (moment !== "before its request") launcher.send(GREETING);
    if (/after its request|hello/.test(moment)) launcher.send(requestFrame({}, "{}"));
    if (moment === "after the hello") await launcher.next("H");
    launcher.leave();
    server.close();
    await server.drained();
    expect([rig.served, rig.garbage]).toEqual([[], []]);
  },
);

test.each<[string, Uint8Array]>([
  ["says another protocol", Buffer.from("SSH-2.0-OpenSSH")],
  ["says go first", Buffer.concat([GREETING, goFrame()])],
  ["sends a frame of no type", Buffer.concat([GREETING, frame("!")])],
])("one that %s is sent away, and the next is served", async (_, bytes) => {
  await rig.start();
  const launcher = await connectLauncher(rig.path);
  launcher.send(bytes);
  expect(await launcher.nextOrEnd()).toBeUndefined();
  await eventually(() => rig.garbage.length === 1);
  expect(rig.garbage[0]?.code).toBe(6);
  await rig.going();
  await eventually(() => rig.served.length === 1);
});

test("while it stops: what was taken is finished, a new request hears 'not now'", async () => {
  let finish = (): void => {};
  rig.serve = (launcher) =>
    new Promise((resolve) => (finish = () => void launcher.answer(0, "ok").then(() => resolve(0))));
  const server = await rig.start();
  const taken = await rig.going();
  await eventually(() => rig.served.length === 1);
  const silent = await connectLauncher(rig.path);
  await new Promise(setImmediate);
  server.close();
  expect(existsSync(rig.path)).toBe(false);
  await expect(connectLauncher(rig.path)).rejects.toThrow("ENOENT");
  silent.send(GREETING, requestFrame({}, "{}"));
  expect((await silent.next("N")).payload.byteLength).toBe(0);
  expect(await silent.nextOrEnd()).toBeUndefined();
  let drained = false;
  void server.drained().then(() => (drained = true));
  await new Promise(setImmediate);
  expect(drained).toBe(false);
  finish();
  expect(await serve(taken, {})).toMatchObject({ stdout: "ok" });
  await server.drained();
  expect(rig.served).toHaveLength(1);
});

test("the socket is root's alone, and nothing else stays in the directory", async () => {
  await rig.start();
  expect(lstatSync(rig.path).mode & 0o777).toBe(0o600);
  expect(readdirSync(rig.dir)).toEqual(["agent.sock"]);
});

test("a new agent takes the path over; the end of the old one leaves it alone", async () => {
  const first = await rig.start();
  const second = await rig.start();
  first.close();
  expect(existsSync(rig.path)).toBe(true);
  await (await rig.requesting()).next("H");
  second.close();
  expect(existsSync(rig.path)).toBe(false);
});

test("a dead agent's socket, or what was in its way, is replaced", async () => {
  writeFileSync(rig.path, "");
  writeFileSync(`${rig.path}.${process.pid}`, "");
  await rig.start();
  await (await rig.requesting()).next("H");
});

describe("refused is", () => {
  const refused = (path: string, message: RegExp): Promise<void> =>
    expect(rig.start({ path })).rejects.toMatchObject({
      code: 5,
      message: expect.stringMatching(message),
    });

  test("a directory that does not exist", () =>
    refused(join(rig.dir, "none/agent.sock"), /none.*does not exist.*agent\.socket/));

  test("a directory that is a file", async () => {
    writeFileSync(join(rig.dir, "file"), "");
    await refused(join(rig.dir, "file/agent.sock"), /is not a directory/);
  });

  test("a directory that others may change", async () => {
    chmodSync(rig.dir, 0o777);
    await refused(rig.path, /can be changed by others \(mode 0777\).*0700/);
    expect(readdirSync(rig.dir)).toEqual([]);
  });

  test("a path that is too long for a socket", () =>
    refused(join(rig.dir, "x".repeat(100)), /more than 95 bytes.*shorter/));

  test("a path that is a directory", async () => {
    mkdirSync(rig.path);
    await refused(rig.path, /cannot listen on .*agent\.sock/);
    expect(readdirSync(rig.dir)).toEqual(["agent.sock"]);
  });
});
