import { startStream } from "../../../lib/exec";

const env = { PATH: "/usr/bin:/bin" };
const sh = (script: string, onOutput: () => void = () => {}) =>
  startStream({ path: "/bin/sh", args: ["-c", script], env }, onOutput);

test("tells of output while the program runs on, and kills it when asked", async () => {
  const stream = await new Promise<ReturnType<typeof sh>>((resolve) => {
    const started = sh("echo one; exec sleep 100", () => resolve(started));
  });
  stream.stop();
  expect(await stream.ended).toBe("SIGKILL");
});

test("its end is explained by its last words, or by its status", async () => {
  expect(await sh("echo 'cannot open netlink socket' >&2; exit 1").ended).toBe(
    "cannot open netlink socket",
  );
  expect(await sh("exit 3").ended).toBe("exit status 3");
});

test("what cannot start says why", async () => {
  expect(await startStream({ path: "/nonexistent", args: [], env }, () => {}).ended).toBe("ENOENT");
  expect(await startStream({ path: "/bin/true", args: ["\0"], env }, () => {}).ended).toMatch(
    /INVALID_ARG/,
  );
});
