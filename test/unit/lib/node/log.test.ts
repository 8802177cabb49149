import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLog } from "../../../../cmd/log";
import { appendLine, formatRecord, isLogged } from "../../../../lib/node/log-file";

let dir: string;
let stderr: string[];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "log-"));
  stderr = [];
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));
const file = () => join(dir, "deep", "wrapper.log");
const log = (logFile: string | undefined = file(), logLevel: "info" | "debug" | "error" = "info") =>
  createLog({ logFile, logLevel }, (text) => stderr.push(text));
const lines = (): Record<string, unknown>[] =>
  readFileSync(file(), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);

test("one JSON line per record, in a file that only root reads", async () => {
  const l = log();
  l.write("info", "ADD", { pod: "a/b", mark: "0x10/0xff" });
  l.write("debug", "not wanted", {});
  await l.flush();
  expect(lines()).toEqual([
    {
      time: expect.stringMatching(/^\d{4}-.*Z$/),
      level: "info",
      msg: "ADD",
      pod: "a/b",
      mark: "0x10/0xff",
    },
  ]);
  expect(statSync(file()).mode & 0o777).toBe(0o600);
  expect(stderr).toEqual([]);
});

test("warnings go to stderr too, errors do not: the runtime gets those as JSON", async () => {
  const l = log();
  l.write("warn", "careful", { code: 11 });
  l.write("error", "ADD", { code: 7 });
  await l.flush();
  expect(lines().map(({ level, msg, code }) => [level, msg, code])).toEqual([
    ["warn", "careful", 11],
    ["error", "ADD", 7],
  ]);
  expect(stderr).toHaveLength(1);
  expect(JSON.parse(stderr[0] ?? "")).toMatchObject({ level: "warn", msg: "careful", code: 11 });
});

test("values are escaped to one line of ASCII", async () => {
  const l = log();
  l.write("warn", "x\n\u001b[31m\u202e", { pod: "\u0085\u2028" });
  await l.flush();
  expect(readFileSync(file(), "latin1")).toMatch(/^[\x20-\x7e]+\n$/);
  expect(lines()[0]).toMatchObject({ msg: "x\n\u001b[31m\u202e", pod: "\u0085\u2028" });
});

test("without a file, warnings still reach stderr", async () => {
  const l = createLog({ logFile: undefined, logLevel: "info" }, (text) => stderr.push(text));
  l.write("info", "ADD", {});
  l.write("warn", "careful", {});
  await l.flush();
  expect(stderr).toHaveLength(1);
});

test("a log that cannot be written is told on stderr and nothing more", async () => {
  symlinkSync("/etc/passwd", join(dir, "link"));
  const l = log(join(dir, "link"));
  l.write("info", "ADD", {});
  l.write("error", "DEL", {});
  await l.flush();
  expect(stderr).toEqual([expect.stringContaining("ELOOP"), expect.stringContaining("ELOOP")]);
  expect(appendLine(dir, "x")).toMatch(/EISDIR/);
  expect(appendLine("/dev/null", "x")).toMatch(/not a regular file/);
});

test("rotation needs no signal", () => {
  mkdirSync(join(dir, "deep"));
  expect(appendLine(file(), "one")).toBeUndefined();
  renameSync(file(), `${file()}.1`);
  expect(appendLine(file(), "two")).toBeUndefined();
  expect(readFileSync(file(), "utf8")).toBe("two\n");
});

test("levels", () => {
  expect(
    (["error", "warn", "info", "debug"] as const).map((level) => isLogged(level, "info")),
  ).toEqual([true, true, true, false]);
  expect(formatRecord(new Date(0), "info", "m", {})).toBe(
    '{"time":"1970-01-01T00:00:00.000Z","level":"info","msg":"m"}',
  );
});
