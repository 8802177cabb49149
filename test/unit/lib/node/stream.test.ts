import { startStream } from "../../../../lib/node/stream";

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

test("its end is explained by its status or signal, and by what it said, each line once", async () => {
  expect(await sh("echo 'cannot open netlink socket' >&2; exit 1").ended).toBe(
    "exit status 1; cannot open netlink socket",
  );
  expect(await sh("exit 3").ended).toBe("exit status 3");
  const complaint = "echo 'Error: Peer netns reference is invalid.' >&2;";
  expect(await sh(`${complaint} ${complaint} kill -9 $$`).ended).toBe(
    "SIGKILL; Error: Peer netns reference is invalid.",
  );
});

test("what cannot start says why", async () => {
  expect(await startStream({ path: "/nonexistent", args: [], env }, () => {}).ended).toBe("ENOENT");
  expect(await startStream({ path: "/bin/true", args: ["\0"], env }, () => {}).ended).toMatch(
    /INVALID_ARG/,
  );
});
