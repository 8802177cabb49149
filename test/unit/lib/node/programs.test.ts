import { createPrograms } from "../../../../lib/node/programs";
import { FakeExec } from "../../../helpers/fakes";

test("a program runs by its absolute path, with an environment of its own", async () => {
  const exec = new FakeExec("out");
  expect(await createPrograms(exec).run("sh", ["-c", "x"], "in")).toBe("out");
  expect(exec.requests[0]).toMatchObject({
    path: expect.stringMatching(/^\/.*\/sh$/),
    args: ["-c", "x"],
    stdin: "in",
    env: { LC_ALL: "C" },
  });
  expect(Object.keys(exec.requests[0]?.env ?? {})).toEqual(["PATH", "LC_ALL"]);
});

test("try tells how it went, on one line", async () => {
  const exec = new FakeExec(
    { exitCode: 2, stderr: "no\n  such thing\n" },
    { exitCode: null, spawnError: "EACCES" },
    "fine",
  );
  const programs = createPrograms(exec);
  expect(await programs.try("sh", [])).toEqual({ ok: false, stdout: "", said: "no | such thing" });
  expect(await programs.try("sh", [])).toEqual({ ok: false, stdout: "", said: "EACCES" });
  expect(await programs.try("sh", [])).toEqual({ ok: true, stdout: "fine", said: "" });
});

test("run fails with its words", async () => {
  const programs = createPrograms(new FakeExec({ exitCode: 1, stderr: "bad\n" }, { exitCode: 1 }));
  await expect(programs.run("sh", ["-x"])).rejects.toMatchObject({
    code: 5,
    message: "sh -x failed: bad",
  });
  await expect(programs.run("sh", [])).rejects.toMatchObject({
    message: "sh  failed: it said nothing",
  });
});

test("one that does not end is killed and told", async () => {
  await expect(
    createPrograms(new FakeExec({ exitCode: null, timedOut: true })).try("sh", ["-x"]),
  ).rejects.toMatchObject({
    code: 5,
    message: expect.stringMatching(/sh -x did not finish within \d+ ms and was killed$/),
  });
});

test("one that is missing: what to install", async () => {
  const programs = createPrograms(new FakeExec());
  expect([programs.has("sh"), programs.has("no-such-program")]).toEqual([true, false]);
  await expect(programs.run("no-such-program", [])).rejects.toMatchObject({
    code: 5,
    message: "the program no-such-program is missing: install the package no-such-program",
  });
});
