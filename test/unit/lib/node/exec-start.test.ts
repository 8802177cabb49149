/** Programs that are started before their stdin is known. */
import { spawnSync } from "node:child_process";
import { createExec } from "../../../../lib/node/exec";
import type { Started } from "../../../../lib/ports";

const exec = createExec();
const REQUEST = {
  path: "/bin/sh",
  env: { PATH: "/usr/bin:/bin" },
  timeoutMs: 5000,
  maxStdout: 1000,
  maxStderr: 1000,
};
const start = (script: string, part: Partial<typeof REQUEST> = {}): Started => {
  const started = exec.start?.({ ...REQUEST, args: ["-c", script], ...part });
  if (started === undefined) throw new Error("the real thing can start early");
  return started;
};
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const isAlive = (pid: number): boolean => spawnSync("kill", ["-0", String(pid)]).status === 0;

/** The next piece of stderr that the started script prints. */
function saying(script: string): { started: Started; said: Promise<string> } {
  let hear = (_text: string): void => {};
  const said = new Promise<string>((resolve) => (hear = resolve));
  const started = exec.start?.({ ...REQUEST, args: ["-c", script], onStderr: hear });
  if (started === undefined) throw new Error("the real thing can start early");
  return { started, said };
}

test("it runs at once, and goes on when it gets its stdin", async () => {
  const { started, said } = saying("echo here >&2; cat");
  expect(await said).toBe("here\n");
  const outcome = await started.finish("hello");
  expect(outcome).toMatchObject({ exitCode: 0, stderr: "here\n", timedOut: false });
  expect(text(outcome.stdout)).toBe("hello");
});

test("its time counts from its stdin", async () => {
  const { started, said } = saying("sleep 0.5; echo awake >&2; cat");
  await said;
  const outcome = await started.finish("x");
  expect(outcome).toMatchObject({ exitCode: 0, timedOut: false });
  expect(await start("cat >/dev/null; sleep 9", { timeoutMs: 100 }).finish("")).toMatchObject({
    signal: "SIGKILL",
    timedOut: true,
  });
});

test("the outcome of one that did not wait for its stdin, or could not be started, is kept", async () => {
  const { started, said } = saying("echo over >&2; exit 3");
  await said;
  expect(await started.finish("unread")).toMatchObject({ exitCode: 3 });
  expect(await start("", { path: "/nowhere" }).finish("")).toMatchObject({ spawnError: "ENOENT" });
});

test("one that is abandoned is killed; to abandon one that has got its stdin changes nothing", async () => {
  const { started, said } = saying("echo $$ >&2; exec sleep 60");
  const pid = Number(await said);
  started.abandon();
  started.abandon();
  while (isAlive(pid)) await new Promise(setImmediate);
  const fed = start("cat");
  const outcome = fed.finish("whole");
  fed.abandon();
  expect(text((await outcome).stdout)).toBe("whole");
});

test("onStderr hears everything so far", async () => {
  const heard: string[] = [];
  await exec.run({
    ...REQUEST,
    args: ["-c", "printf a >&2; sleep 0.2; printf b >&2"],
    stdin: "",
    onStderr: (soFar) => heard.push(soFar),
  });
  expect(heard.at(-1)).toBe("ab");
});

test("where descriptors are too few, one that waits gives way, and is started anew in its turn", async () => {
  const early = start("cat");
  // As a DEL: the one that waits is fed when the other has ended.
  const { closeSync, openSync } = await import("node:fs");
  const taken: number[] = [];
  try {
    for (;;) taken.push(openSync("/dev/null", "r"));
  } catch {
    // There are none left; the few that a program needs besides those of the waiting one are given back.
  }
  for (const fd of taken.splice(0, 6)) closeSync(fd);
  try {
    const other = await exec.run({ ...REQUEST, args: ["-c", "echo other"], stdin: "" });
    expect(text(other.stdout)).toBe("other\n");
    expect(text((await early.finish("late")).stdout)).toBe("late");
  } finally {
    for (const fd of taken) closeSync(fd);
  }
});
