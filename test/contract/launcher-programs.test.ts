/** Programs that the launcher runs for the agent: what they get, and how each kind of end is reported. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { NO_STATUS, u32, type Peer, type Program, type Result } from "../helpers/fake-agent";
import { BUILDS, useLauncher } from "../helpers/launcher";
import { sh, until } from "../helpers/shell";

const ENDED: Omit<Result, "stdout" | "stderr"> = { status: 0, signal: 0, flags: 0, errno: 0 };
const KILLED = { ...ENDED, status: NO_STATUS, signal: 9 };
const TIMED_OUT = 1;
const OVERFLOW = 2;

const script = (text: string, more: Partial<Program> = {}): Program => ({
  path: "/bin/sh",
  args: ["-c", text],
  ...more,
});

describe.each(BUILDS)("%s", (build) => {
  const launcher = useLauncher(build);

  /** One launcher that runs these programs one after the other. */
  async function run(...programs: readonly Program[]): Promise<Result[]> {
    const results: Result[] = [];
    const ran = await launcher.against(async (peer: Peer) => {
      await peer.accept();
      for (const program of programs) results.push(await peer.run(program));
      expect(await peer.finish(0, "done")).toBe(0);
    });
    expect(ran).toEqual({ status: 0, signal: null, stdout: Buffer.from("done"), stderr: "" });
    return results;
  }

  const gone = (pidFile: string): Promise<boolean> =>
    until("the process has ended", () => {
      const pid = readFileSync(pidFile, "utf8").trim();
      const path = `/proc/${pid}/stat`;
      return !existsSync(path) || / Z /.test(readFileSync(path, "utf8"));
    });

  test("a program gets exactly its arguments, environment and stdin, and a fresh start", async () => {
    const text = `pwd; printf '<%s>' "$0" "$@"; cat; tr '\\0' '|' </proc/$$/environ; echo
      grep -E '^Sig(Blk|Ign)' /proc/self/status; cut -d' ' -f5 /proc/$$/stat; echo $$; ls /proc/$$/fd`;
    const [result] = await run({
      path: "/bin/sh",
      args: ["-c", text, "zero", "", "two words"],
      env: ["PATH=/usr/bin:/bin", "ODD=a=b", "EMPTY="],
      stdin: "its input\n",
    });
    const lines = String(result?.stdout).trim().split("\n");
    expect(lines.slice(0, 3)).toEqual([
      "/",
      "<zero><><two words>its input",
      "PATH=/usr/bin:/bin|ODD=a=b|EMPTY=|",
    ]);
    expect(lines[3]).toMatch(/^SigBlk:\t0+$/);
    // The C library's own signals, 32 and more, are not ours to reset.
    expect(lines[4]).toMatch(/^SigIgn:\t[0-9a-f]{8}[08]0{7}$/);
    expect(lines[5]).toBe(lines[6]);
    expect(lines.slice(7)).toEqual(sh("/bin/sh", "-c", "ls /proc/$$/fd").trim().split("\n"));
  });

  test("4 MB pass through stdin and stdout; of stderr the first bytes are kept", async () => {
    const stdin = Buffer.alloc(4 << 20, "0123456789abcde\n");
    const [result] = await run(script("tee /dev/stderr; exit 7", { stdin, maxStderr: 100 }));
    expect(result?.stdout.equals(stdin)).toBe(true);
    expect(result).toMatchObject({ ...ENDED, status: 7, stderr: stdin.subarray(0, 100) });
  });

  test("programs run one after the other, and need not read their stdin", async () => {
    const stdin = Buffer.alloc(1 << 20);
    const results = await run(
      { path: "/bin/true", stdin },
      script("echo out; echo err >&2; exit 3"),
      { path: "/bin/true" },
    );
    expect(results[0]).toMatchObject(ENDED);
    expect(results[1]).toMatchObject({ ...ENDED, status: 3, stdout: Buffer.from("out\n") });
    expect(String(results[1]?.stderr)).toBe("err\n");
    expect(results[2]).toMatchObject(ENDED);
  });

  test("stdout of exactly the limit is no overflow; one byte more ends the program and its children", async () => {
    const pid = join(launcher.dir, "pid");
    const results = await run(
      script("head -c 1000 /dev/zero", { maxStdout: 1000 }),
      script(`sleep 1000 & echo $! >${pid}; head -c 1001 /dev/zero; wait`, { maxStdout: 1000 }),
      script("exec cat /dev/zero", { maxStdout: 1000 }),
    );
    expect(results[0]).toMatchObject({ ...ENDED, stdout: Buffer.alloc(1000) });
    for (const result of results.slice(1))
      expect(result).toMatchObject({ ...KILLED, flags: OVERFLOW, stdout: Buffer.alloc(1000) });
    await gone(pid);
  });

  test("at its deadline a program is ended with its children, and what it said is kept", async () => {
    const pid = join(launcher.dir, "pid");
    const [result] = await run(
      script(`echo begun; sleep 1000 & echo $! >${pid}; wait`, { timeoutMs: 3000 }),
    );
    expect(result).toMatchObject({ ...KILLED, flags: TIMED_OUT, stdout: Buffer.from("begun\n") });
    await gone(pid);
  });

  test("a child that outlives the program and holds its pipes delays nothing and is left alone", async () => {
    const [result] = await run(script("sleep 1000 & echo $!"));
    expect(result).toMatchObject(ENDED);
    const pid = Number(String(result?.stdout));
    expect(existsSync(`/proc/${pid}`)).toBe(true);
    process.kill(pid, "SIGKILL");
  });

  test("a program that cannot be started is reported with the errno, and the next one runs", async () => {
    const text = join(launcher.dir, "text");
    writeFileSync(text, "no program", { mode: 0o644 });
    const noFormat = join(launcher.dir, "format");
    writeFileSync(noFormat, "\x7fELF nonsense", { mode: 0o755 });
    const results = await run(
      { path: join(launcher.dir, "missing") },
      { path: text },
      { path: noFormat },
      { path: "/bin/true", args: ["x".repeat(200_000)] },
      { path: "/bin/true", maxStdout: 0xffffffff },
      script("echo works"),
    );
    const errors = [2, 13, 8, 7, 12];
    expect(results.map(({ errno }) => errno)).toEqual([...errors, 0]);
    for (const result of results.slice(0, errors.length))
      expect(result).toMatchObject({ status: NO_STATUS, signal: 0, flags: 0 });
  });

  test("the end by a signal is reported as such", async () => {
    const [result] = await run(script("echo last words; kill -TERM $$"));
    expect(result).toMatchObject({ ...KILLED, signal: 15, stdout: Buffer.from("last words\n") });
  });

  test("while a program runs the agent may say things", async () => {
    const ran = await launcher.against(async (peer) => {
      await peer.accept();
      const result = peer.run(script("read -r line <&3; cat", { stdin: "x" }));
      for (let i = 0; i < 20; i += 1) peer.send("K");
      peer.send("E", "still waiting\n");
      expect(await result).toMatchObject({ errno: 0 });
      peer.send("Z", u32(4));
      await peer.gone();
    });
    expect(ran).toMatchObject({ status: 4, stderr: "still waiting\n" });
  });
});
