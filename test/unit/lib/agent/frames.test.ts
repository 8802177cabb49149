import {
  end,
  execOutcome,
  finalAnswer,
  FrameReader,
  GREETING,
  hello,
  keepalive,
  notNow,
  runProgram,
  stderrText,
  type FromLauncher,
} from "../../../../lib/agent/frames";
import { OUTCOME } from "../../../helpers/fakes";
import {
  decodeProgram,
  deliveredFrame,
  frame,
  goFrame,
  requestFrame,
  resultFrame,
  u32,
} from "../../../helpers/fake-launcher";

const ENV = { CNI_COMMAND: "ADD", EMPTY: "", TWO: "a=b", UMLAUT: "ü" };

/** What is read when everything comes in pieces of that many bytes. */
function read(bytes: Uint8Array, piece = bytes.byteLength): readonly FromLauncher[] {
  const reader = new FrameReader();
  const frames: FromLauncher[] = [];
  for (let at = 0; at < bytes.byteLength; at += piece)
    frames.push(...reader.read(bytes.subarray(at, at + piece)));
  return frames;
}

const ALL = Buffer.concat([
  GREETING,
  requestFrame(ENV, "some stdin"),
  goFrame(4711),
  resultFrame({ ...OUTCOME, stdout: Buffer.from("out"), stderr: "err" }),
  deliveredFrame(32),
]);

describe("what a launcher says", () => {
  test.each([1, 2, 3, 7, 64, ALL.byteLength])("in pieces of %i bytes", (piece) => {
    expect(read(ALL, piece)).toEqual([
      { type: "request", env: ENV, stdin: Buffer.from("some stdin") },
      { type: "go", pid: 4711 },
      {
        type: "result",
        outcome: {
          status: 0,
          signal: 0,
          timedOut: false,
          overflow: false,
          errno: 0,
          stdout: Buffer.from("out"),
          stderr: "err",
        },
      },
      { type: "delivered", errno: 32 },
    ]);
  });

  test("a go without a PID", () => {
    expect(read(Buffer.concat([GREETING, frame("G")]))).toEqual([{ type: "go", pid: undefined }]);
  });

  test("of a variable that is there twice, the first counts, and what is no pair is left out", () => {
    const block = Buffer.from("A=1\0A=2\0=x\0nothing\0__proto__=p\0");
    const bytes = Buffer.concat([GREETING, frame("Q", u32(block.byteLength), block)]);
    const [request] = read(bytes);
    expect(Object.entries((request as { env: object }).env)).toEqual([
      ["A", "1"],
      ["__proto__", "p"],
    ]);
  });

  test("a request of 3 MiB in pieces of 64 KiB", () => {
    const stdin = Buffer.alloc(3 * 1024 * 1024, "x");
    const [request] = read(Buffer.concat([GREETING, requestFrame({}, stdin)]), 65536);
    expect(request?.type === "request" && stdin.equals(request.stdin)).toBe(true);
  });

  test.each<[string, Uint8Array, RegExp]>([
    ["another protocol", Buffer.from("TRAGENT\u0002........"), /protocol version 1.*one version/],
    ["another type", Buffer.concat([GREETING, frame("?")]), /unknown type/],
    [
      "a length beyond all limits",
      Buffer.concat([GREETING, Buffer.from("Q"), u32(0xfffffff0)]),
      /a frame of 4294967280 bytes/,
    ],
    ["a request without a length", Buffer.concat([GREETING, frame("Q")]), /too short/],
    [
      "an environment that ends behind its frame",
      Buffer.concat([GREETING, frame("Q", u32(9), Buffer.from("A=1\0"))]),
      /environment that is longer/,
    ],
    ["a result that is cut", Buffer.concat([GREETING, frame("R", u32(0))]), /too short/],
    [
      "an output that ends behind its frame",
      Buffer.concat([GREETING, frame("R", u32(0), u32(0), u32(0), u32(0), u32(5))]),
      /output that is longer/,
    ],
    ["a delivery without errno", Buffer.concat([GREETING, frame("D")]), /too short/],
  ])("%s is refused", (_, bytes, message) => {
    expect(() => read(bytes)).toThrow(expect.objectContaining({ code: 6 }));
    expect(() => read(bytes)).toThrow(message);
    expect(() => read(bytes, 1)).toThrow(message);
  });
});

describe("what the agent says", () => {
  const text = (bytes: Buffer): string => bytes.toString("latin1");

  test("frames without and with text", () => {
    expect(text(hello("1 2 3"))).toBe("H\x05\0\0\u00001 2 3");
    expect(text(notNow())).toBe("N\0\0\0\0");
    expect(text(keepalive())).toBe("K\0\0\0\0");
    expect(stderrText("ü")).toEqual(frame("E", Buffer.from("ü")));
    expect(finalAnswer(1, "{}")).toEqual(frame("F", u32(1), Buffer.from("{}")));
    expect(end(2)).toEqual(frame("Z", u32(2)));
  });

  test.each(["text", Buffer.from("bytes")])("a program with stdin of %p", (stdin) => {
    const request = {
      path: "/opt/cni/bin/ptp",
      args: ["-x", "", "ü"],
      env: ENV,
      timeoutMs: 1500.7,
      maxStdout: 2 ** 40,
      maxStderr: 10,
    };
    const bytes = runProgram({ ...request, stdin });
    expect(text(bytes.subarray(0, 1))).toBe("X");
    expect(decodeProgram(bytes.subarray(5))).toEqual({
      ...request,
      timeoutMs: 1500,
      maxStdout: 0xffffffff,
      stdin: Buffer.from(stdin),
    });
  });
});

describe("an outcome", () => {
  const raw = {
    status: undefined,
    signal: 0,
    timedOut: true,
    overflow: true,
    errno: 0,
    stdout: new Uint8Array(),
    stderr: "",
  };
  const nameOf = { signal: (n: number) => `S${n}`, errno: (n: number) => `E${n}` };

  test("without a status", () => {
    expect(execOutcome(raw, nameOf)).toEqual({
      ...OUTCOME,
      exitCode: null,
      timedOut: true,
      overflow: true,
    });
  });

  test("with a signal, or a reason why it was not started", () => {
    expect(execOutcome({ ...raw, signal: 9 }, nameOf).signal).toBe("S9");
    expect(execOutcome({ ...raw, errno: 2 }, nameOf).spawnError).toBe("E2");
  });

  test("comes back from the launcher as it was", () => {
    const outcome = {
      ...OUTCOME,
      exitCode: null,
      signal: "SIGKILL",
      timedOut: true,
      overflow: true,
      spawnError: "ENOENT",
      stdout: Buffer.from("o"),
      stderr: "e",
    };
    const [result] = read(Buffer.concat([GREETING, resultFrame(outcome)]));
    expect(result).toMatchObject({
      outcome: { signal: 9, errno: 2, timedOut: true, overflow: true },
    });
  });
});
