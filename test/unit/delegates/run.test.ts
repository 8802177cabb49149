import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runDelegate, type DelegateContext } from "../../../delegates/run";
import type { ExecOutcome, ExecRequest } from "../../../lib/ports";

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "run-"));
  writeFileSync(join(dir, "noop"), "#!/bin/sh\n");
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const OK: ExecOutcome = {
  exitCode: 0,
  signal: null,
  stdout: bytes("{}"),
  stderr: "",
  timedOut: false,
  overflow: false,
  spawnError: undefined,
};

function scripted(...outcomes: Partial<ExecOutcome>[]) {
  const requests: ExecRequest[] = [];
  const slept: number[] = [];
  const stderr: string[] = [];
  const context: DelegateContext = {
    exec: {
      run: async (request) => {
        requests.push(request);
        const outcome = outcomes[requests.length - 1] ?? outcomes.at(-1);
        return { ...OK, ...outcome };
      },
    },
    clock: { now: () => new Date(0), elapsed: () => 0, sleep: async (ms) => void slept.push(ms) },
    env: { CNI_COMMAND: "ADD", TRACEPARENT: "x", HOME: "/" },
    path: [dir],
    timeoutMs: 1234,
    stderr: (text) => stderr.push(text),
  };
  return { context, requests, slept, stderr };
}
const run = (context: DelegateContext, verb: "ADD" | "DEL" = "DEL") =>
  runDelegate(context, verb, { type: "noop", name: "n" });

test("execs the plugin with the verb, our environment and the netconf", async () => {
  const { context, requests } = scripted({});
  await run(context);
  expect(requests).toEqual([
    {
      path: join(dir, "noop"),
      args: [],
      env: { CNI_COMMAND: "DEL", TRACEPARENT: "x", HOME: "/" },
      stdin: '{"type":"noop","name":"n"}',
      timeoutMs: 1234,
      maxStdout: 4194304,
      maxStderr: 65536,
    },
  ]);
});

test("passes the delegate's stderr on, also when it succeeds", async () => {
  const { context, stderr } = scripted({ stderr: "hello\n" });
  await run(context);
  expect(stderr).toEqual(["hello\n"]);
});

test("keeps the delegate's own error code, message and details", async () => {
  const { context } = scripted({
    exitCode: 1,
    stdout: bytes('{"code":123,"msg":"no","details":"why"}'),
  });
  await expect(run(context, "ADD")).rejects.toMatchObject({
    code: 123,
    message: 'delegate "noop" (ADD): no',
    details: "why",
  });
});

test.each([
  ["no message", '{"code":9}', 9, "error 9"],
  ["no code", '{"msg":"x"}', 101, 'exit status 1: {\\"msg\\":\\"x\\"}'.replaceAll("\\", "")],
  ["zero code", '{"code":0,"msg":"x"}', 101, "exit status 1"],
  ["a list", "[1]", 101, "exit status 1: [1]"],
])("an error document with %s", async (_name, stdout, code, text) => {
  const { context } = scripted({ exitCode: 1, stdout: bytes(stdout) });
  await expect(run(context)).rejects.toMatchObject({
    code,
    message: expect.stringContaining(text),
  });
});

test.each<[string, Partial<ExecOutcome>, number, RegExp]>([
  [
    "only stderr",
    { exitCode: 3, stdout: bytes(""), stderr: "bad\nthing\u001b[31m" },
    101,
    /exit status 3: bad \| thing\\u001b\[31m/,
  ],
  ["nothing at all", { exitCode: 1, stdout: bytes("") }, 101, /exit status 1, and said nothing/],
  ["a signal", { exitCode: null, signal: "SIGSEGV", stdout: bytes("") }, 101, /killed by SIGSEGV/],
  [
    "the deadline",
    { exitCode: null, signal: "SIGKILL", timedOut: true },
    11,
    /did not finish within 1234 ms/,
  ],
  [
    "an overflow",
    { exitCode: null, signal: "SIGKILL", overflow: true },
    101,
    /printed more than 4194304 bytes/,
  ],
  ["no start", { exitCode: null, spawnError: "EACCES" }, 101, /could not be started: EACCES/],
])("failure by %s", async (_name, outcome, code, message) => {
  const { context } = scripted(outcome);
  await expect(run(context)).rejects.toMatchObject({
    code,
    message: expect.stringMatching(message),
  });
});

test("long last words are cut to their end", async () => {
  const { context } = scripted({
    exitCode: 1,
    stdout: bytes(""),
    stderr: `${"x".repeat(60_000)} the cause`,
  });
  await expect(run(context)).rejects.toMatchObject({
    message: expect.stringMatching(/^.{1,1200}the cause$/),
  });
});

describe("a binary that is being replaced", () => {
  test("is tried again, a second apart", async () => {
    const { context, requests, slept } = scripted(
      { spawnError: "ETXTBSY", exitCode: null },
      { spawnError: "ETXTBSY", exitCode: null },
      {},
    );
    await run(context);
    expect([requests.length, slept]).toEqual([3, [1000, 1000]]);
  });
  test("is an error, never a silent success, after six tries", async () => {
    const { context, requests } = scripted({ spawnError: "ETXTBSY", exitCode: null });
    await expect(run(context)).rejects.toMatchObject({
      code: 101,
      message: expect.stringContaining("ETXTBSY"),
    });
    expect(requests).toHaveLength(6);
  });
});

describe("with something to wait for", () => {
  test("it is started at once, and gets the netconf afterwards", async () => {
    const { context, requests } = scripted({});
    const log: string[] = [];
    const exec = {
      ...context.exec,
      start: () => {
        log.push("started");
        return {
          finish: async (stdin: string | Uint8Array) => {
            log.push(String(stdin));
            return OK;
          },
          abandon: () => {},
        };
      },
    };
    const ready = new Promise<void>((resolve) => setImmediate(resolve)).then(
      () => void log.push("ready"),
    );
    await runDelegate({ ...context, exec }, "DEL", { type: "noop", name: "n" }, ready);
    expect(log).toEqual(["started", "ready", '{"type":"noop","name":"n"}']);
    expect(requests).toEqual([]);
  });

  test("an Exec that cannot start early runs it afterwards; a busy file is tried again", async () => {
    const { context, requests, slept } = scripted({ spawnError: "ETXTBSY" }, {});
    let ready = false;
    const waiting = new Promise<void>((resolve) => setImmediate(resolve)).then(
      () => void (ready = true),
    );
    const running = runDelegate(context, "DEL", { type: "noop", name: "n" }, waiting);
    expect([requests.length, ready]).toEqual([0, false]);
    await running;
    expect([requests.length, slept]).toEqual([2, [1000]]);
  });
});
