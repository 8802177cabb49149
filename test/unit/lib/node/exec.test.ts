import {
  chmodSync,
  closeSync,
  copyFileSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
} from "node:fs";
import { spawn } from "node:child_process";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createExec, createTiedExec } from "../../../../lib/node/exec";
import type { ExecRequest } from "../../../../lib/ports";
import { FakeExec, fakeHost } from "../../../helpers/fakes";

const exec = createExec();
const LIMITS = {
  env: { PATH: "/usr/bin:/bin", A: "1" },
  stdin: "",
  timeoutMs: 5000,
  maxStdout: 1000,
  maxStderr: 1000,
};
const sh = (script: string, part: Partial<ExecRequest> = {}) =>
  exec.run({ path: "/bin/sh", args: ["-c", script], ...LIMITS, ...part });
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
// By /proc, not pgrep: a bare machine has no procps, and a check that cannot look must not pass.
const running = (commandLine: string): boolean =>
  readdirSync("/proc")
    .filter((name) => /^[0-9]+$/.test(name))
    .some((pid) => {
      try {
        return (
          readFileSync(`/proc/${pid}/cmdline`, "latin1").split("\0").join(" ").trim() ===
          commandLine
        );
      } catch {
        return false;
      }
    });

test("stdin, environment, both outputs and the status come through", async () => {
  const outcome = await sh('cat; echo "$A" >&2; env | sort | cut -d= -f1 | tr "\\n" " "; exit 3', {
    stdin: "hello ",
  });
  expect(outcome).toMatchObject({
    exitCode: 3,
    signal: null,
    stderr: "1\n",
    timedOut: false,
    overflow: false,
    spawnError: undefined,
  });
  expect(text(outcome.stdout)).toMatch(/^hello A (OLDPWD )?PATH PWD (SHLVL )?(_ )?$/);
});

test("a signal is named", async () => {
  expect(await sh("kill -SEGV $$")).toMatchObject({ exitCode: null, signal: "SIGSEGV" });
});

test("what cannot start says why", async () => {
  expect(await sh("", { path: "/nonexistent" })).toMatchObject({
    spawnError: "ENOENT",
    exitCode: null,
  });
  expect(await sh("", { path: "/etc/passwd" })).toMatchObject({ spawnError: "EACCES" });
});

test("at the deadline the whole group dies", async () => {
  const outcome = await sh("sleep 31.4159 & sleep 31.4159; true", { timeoutMs: 200 });
  expect(outcome).toMatchObject({ timedOut: true, signal: "SIGKILL" });
  expect(running("sleep 31.4159")).toBe(false);
});

test("too much stdout kills it, too much stderr is only cut", async () => {
  expect(await sh("yes")).toMatchObject({ overflow: true, signal: "SIGKILL" });
  const outcome = await sh("yes | head -c 100000 >&2; echo done");
  expect([outcome.stderr.length, text(outcome.stdout), outcome.exitCode]).toEqual([
    1000,
    "done\n",
    0,
  ]);
});

test("a program that does not read its stdin is no trouble", async () => {
  expect(await sh("exec true", { stdin: "x".repeat(1 << 20) })).toMatchObject({ exitCode: 0 });
});

test("a grandchild that keeps the pipes open does not hold us up", async () => {
  const outcome = await sh("sleep 2.71828 & echo out");
  expect([outcome.exitCode, text(outcome.stdout)]).toEqual([0, "out\n"]);
  expect(running("sleep 2.71828")).toBe(true);
});

test("a tied program gets the signal of our death, where the node has setpriv for that", async () => {
  const calls = async (programs: readonly string[]): Promise<readonly string[]> => {
    const recorded = new FakeExec("");
    const tied = createTiedExec(recorded, fakeHost({ programs }));
    await tied.run({ path: "/bin/x", args: ["-y"], ...LIMITS });
    return recorded.calls;
  };
  expect(await calls(["setpriv"])).toEqual(["/usr/sbin/setpriv --pdeathsig KILL /bin/x -y"]);
  expect(await calls([])).toEqual(["/bin/x -y"]);
});

test("our own files are not open in a child", async () => {
  const fd = openSync(__filename, "r");
  try {
    const listing = text((await sh("ls -l /proc/self/fd", { maxStdout: 10_000 })).stdout);
    expect(listing).toContain("/proc/");
    expect(listing).not.toContain("exec.test.ts");
  } finally {
    closeSync(fd);
  }
});

test("what the system refuses to start at once is told the same way, never thrown", async () => {
  const busy = join(mkdtempSync(join(tmpdir(), "exec-")), "busy");
  copyFileSync("/bin/true", busy);
  chmodSync(busy, 0o755);
  const fd = openSync(busy, "r+");
  try {
    expect(await sh("", { path: busy })).toMatchObject({ spawnError: "ETXTBSY", exitCode: null });
  } finally {
    closeSync(fd);
    rmSync(dirname(busy), { recursive: true });
  }
  expect(await sh("x".repeat(1 << 20))).toMatchObject({ spawnError: "E2BIG" });
  expect(await sh("a\0b")).toMatchObject({ spawnError: "ERR_INVALID_ARG_VALUE" });
});

test("a program that ended in time is not late because of what it left behind", async () => {
  const outcome = await sh("sleep 1.41421 & exit 5", { timeoutMs: 150 });
  expect(outcome).toMatchObject({ exitCode: 5, signal: null, timedOut: false });
});

test("what a program printed is not lost when this process is held up around its end", async () => {
  const hold = (ms: number): void => {
    const end = Date.now() + ms;
    while (Date.now() < end);
  };
  const outcome = sh("sleep 0.2; printf hello");
  // The ends of both programs are noticed together, before the output of ours has been looked at; and
  // then the time for that output passes.
  const other = spawn("/bin/echo", ["x"]);
  other.stdout.once("data", () => hold(500));
  other.once("exit", () => hold(300));
  hold(100);
  expect(text((await outcome).stdout)).toBe("hello");
});
