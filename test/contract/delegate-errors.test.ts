/** Delegates that fail, and what of it reaches the operator. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { conf, scripted } from "../helpers/conf";
import { useWorld } from "../helpers/harness";
import { expectError, expectNotSwallowed, expectOk, verbs } from "../helpers/outcome";
import { until } from "../helpers/shell";

const world = useWorld();
const delegate = (type: string) => conf({ delegate: { type } });

test.each(["7", "11", "123", "999"])(
  "a delegate's error code %s comes out as it is, with its text",
  async (code) => {
    const outcome = await world.run("ADD", { conf: delegate("fail-json"), env: { TR_CODE: code } });
    const body = expectError(
      outcome,
      Number(code),
      "the pool is exhausted",
      "fail-json",
      "team-a/web-0",
    );
    expect(body.details).toContain("range 10.77.0.0/24");
    expect(body.cniVersion).toBe("1.0.0");
  },
);

test("a delegate's text on stderr is in the message, escaped, and on our stderr", async () => {
  const outcome = await world.run("ADD", { conf: delegate("fail-stderr") });
  const body = expectError(outcome, "delegateFailed", "nil map", "exit status 2", "fail-stderr");
  expect(body.msg).not.toMatch(/[\u0000-\u001f]/);
  expect(outcome.stderr).toContain("panic:");
});

test("endless stderr is bounded in the message", async () => {
  world.script({ ADD: { stderr: "x".repeat(100_000), exit: 1 } });
  const body = expectError(await world.run("ADD", { conf: scripted() }), "delegateFailed");
  expect(body.msg.length).toBeLessThan(4096);
});

test("text instead of JSON on stdout is quoted too", async () => {
  world.script({ ADD: { stdout: "Segmentation fault", exit: 139 } });
  expectError(await world.run("ADD", { conf: scripted() }), "delegateFailed", "Segmentation fault");
});

test.each([
  ["no message", `{"code":7}`, 7],
  ["an empty message", `{"code":7,"msg":""}`, 7],
])("a delegate's error with %s still gets one", async (_, stdout, code) => {
  world.script({ ADD: { stdout, exit: 1 } });
  expectError(await world.run("ADD", { conf: scripted() }), code, "scripted");
});

test.each(["{}", `{"code":0,"msg":"x"}`, `{"code":"7","msg":"x"}`, "null", "[]"])(
  "exit 1 with %s, which is no CNI error, becomes our own error with the exit status",
  async (stdout) => {
    world.script({ ADD: { stdout, exit: 1 } });
    expectError(await world.run("ADD", { conf: scripted() }), "delegateFailed", "exit status 1");
  },
);

test("a silent failure has the exit status in the message", async () => {
  expectError(await world.run("ADD", { conf: delegate("fail-silent") }), "delegateFailed", "37");
});

test("a delegate that a signal ended has the signal in the message", async () => {
  const outcome = await world.run("ADD", { conf: delegate("killed") });
  expectError(outcome, "delegateFailed", "SIGKILL");
  expect(verbs(outcome)).toEqual(["ADD", "DEL"]);
  expect(world.leftovers()).toEqual([]);
});

test.each(["fail-json", "fail-stderr", "fail-silent"])(
  "an ADD of %s that fails causes exactly one delegate DEL, and nothing is left",
  async (type) => {
    const outcome = await world.run("ADD", { conf: delegate(type) });
    expect(outcome.exit).toBe(1);
    expect(verbs(outcome)).toEqual(["ADD", "DEL"]);
    expect(outcome.calls[1]?.netconf).not.toHaveProperty("prevResult");
    expect(world.leftovers()).toEqual([]);
  },
);

const ownError = (code: number, msg: string) =>
  JSON.stringify({ cniVersion: "1.0.0", code, msg, details: "some details" });

test("when the rollback DEL fails too, the original error stays and the other goes into the details", async () => {
  world.script({
    ADD: { stdout: ownError(123, "first"), exit: 1 },
    DEL: { stdout: ownError(50, "second"), exit: 1 },
  });
  const outcome = await world.run("ADD", { conf: scripted() });
  const body = expectError(outcome, 123, "first");
  expect(body.details).toContain("second");
  expect(verbs(outcome)).toEqual(["ADD", "DEL"]);
});

test("what a failed rollback left is removed by the runtime's DEL", async () => {
  world.script({
    ADD: { exit: 1 },
    DEL: { exit: 1, run: `: >"$TR_STATE/$CNI_CONTAINERID.$CNI_IFNAME"` },
  });
  const failed = await world.run("ADD", { conf: scripted() });
  world.script({ DEL: { exit: 0 } });
  const deleted = expectOk(await world.run("DEL", { conf: scripted(), id: failed.id }));
  expect(verbs(deleted)).toContain("DEL");
  expect(world.leftovers().filter((line) => !line.startsWith("state:"))).toEqual([]);
});

function isRunning(pid: string): boolean {
  // A zombie has ended; it only waits for its parent.
  return (
    existsSync(`/proc/${pid}/stat`) && !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"))
  );
}

test("a delegate that hangs is killed with its children at the deadline, then DEL runs, code 11", async () => {
  const outcome = await world.run("ADD", {
    conf: conf({ delegate: { type: "slow" }, delegateTimeout: "1s" }),
  });
  expectError(outcome, "tryAgainLater", "slow", "delegateTimeout");
  expect(outcome.ms).toBeLessThan(60_000);
  expect(verbs(outcome)).toEqual(["ADD", "DEL"]);
  const pids = readFileSync(join(world.dir, "script/pids"), "utf8").trim().split(" ");
  expect(pids).toHaveLength(2);
  await until("the delegate and its child are gone", () => pids.every((pid) => !isRunning(pid)));
  expect(world.leftovers()).toEqual([]);
});

const RESULT = `{"cniVersion":"1.0.0","ips":[{"address":"10.77.0.5/24"}]}`;

test("a delegate's child that keeps our pipes open does not hold us after the answer", async () => {
  const file = join(world.dir, "script/child");
  world.script({ ADD: { run: `sleep 300 & echo $! >'${file}'`, stdout: RESULT } });
  await world.run("ADD", { conf: scripted({ delegateTimeout: "3s" }) });
  const child = readFileSync(file, "utf8").trim();
  expect(isRunning(child)).toBe(true);
  process.kill(Number(child));
});

test("10 MiB on stderr are an error that is rolled back, in bounded memory", async () => {
  const outcome = await world.run("ADD", { conf: delegate("huge-stderr"), measure: true });
  expectError(outcome, "delegateFailed", "exit status 1");
  expect(outcome.stdout.length).toBeLessThan(8192);
  expect(outcome.maxRssMiB).toBeLessThan(120);
  expect(world.leftovers()).toEqual([]);
});

test("64 MiB on stdout are an error that is rolled back, in bounded memory", async () => {
  const outcome = await world.run("ADD", { conf: delegate("huge-stdout"), measure: true });
  expectError(outcome, "delegateFailed", "huge-stdout", "printed more than");
  expect(outcome.maxRssMiB).toBeLessThan(120);
  expect(verbs(outcome)).toEqual(["ADD", "DEL"]);
  expect(world.leftovers()).toEqual([]);
});

test("noise on stderr beside a success reaches our stderr, and the result stays clean", async () => {
  world.script({ ADD: { stderr: "warning: deprecated\n", stdout: RESULT } });
  const outcome = expectOk(await world.run("ADD", { conf: scripted() }));
  expect(outcome.stderr).toContain("warning: deprecated");
  expect(outcome.stdout).not.toContain("deprecated");
});

const UNKNOWN = JSON.stringify({ code: 4, msg: "unknown CNI_COMMAND" });

test("a delegate too old for GC is reported", async () => {
  world.script({ GC: { stdout: UNKNOWN, exit: 1 } });
  expectError(
    await world.run("GC", { conf: scripted({ cniVersion: "1.1.0" }) }),
    4,
    "unknown CNI_COMMAND",
    "scripted",
  );
});

test("a delegate too old for STATUS is code 50 with the remedy", async () => {
  world.script({ STATUS: { stdout: UNKNOWN, exit: 1 } });
  expectError(
    await world.run("STATUS", { conf: scripted({ cniVersion: "1.1.0" }) }),
    "notAvailable",
    "scripted",
    /1\.6\.0|upgrade/,
  );
});

test("a delegate's DEL error says nothing that a runtime would swallow", async () => {
  const msg = "open /x: no such file or directory: link Not Found";
  world.script({ ADD: { stdout: RESULT }, DEL: { stdout: ownError(5, msg), exit: 1 } });
  const added = expectOk(await world.run("ADD", { conf: scripted() }));
  const outcome = await world.run("DEL", { conf: scripted(), after: added });
  expectError(outcome, 5, "open /x");
  expectNotSwallowed(outcome);
});
