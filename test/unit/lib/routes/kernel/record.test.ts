import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRecordFile } from "../../../../../lib/routes/kernel/record";
import { EMPTY_RECORD, type RoutesRecord } from "../../../../../lib/routes/model";
import { route, rule } from "../node-rig";

const RECORD: RoutesRecord = {
  ...EMPTY_RECORD,
  rules: [rule(5)],
  routes: [route("default")],
  sysctls: { x: { before: "0", written: "1" } },
  nat: { text: "t", listing: "l" },
  names: "/n",
};
let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "record-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const path = (): string => join(dir, `netns-${statSync("/proc/self/ns/net").ino}.json`);

test("what is written is read again, by root alone; removed it is empty", () => {
  const file = createRecordFile(join(dir, "routes"));
  expect(file.read()).toEqual(EMPTY_RECORD);
  file.write(RECORD);
  file.write(RECORD);
  expect(file.read()).toEqual(RECORD);
  const names = readdirSync(join(dir, "routes"));
  expect(names).toEqual([expect.stringMatching(/^netns-\d+\.json$/)]);
  expect(statSync(join(dir, "routes", names[0] ?? "")).mode & 0o777).toBe(0o600);
  file.remove();
  file.remove();
  expect(file.read()).toEqual(EMPTY_RECORD);
});

test("what a killed writer left is no hindrance, and goes with the record", () => {
  writeFileSync(`${path()}.tmp`, "{");
  const file = createRecordFile(dir);
  file.write(RECORD);
  expect(readdirSync(dir)).toHaveLength(1);
  writeFileSync(`${path()}.tmp`, "{");
  file.remove();
  expect(readdirSync(dir)).toEqual([]);
});

test("a record of an older version lacks fields", () => {
  writeFileSync(path(), JSON.stringify({ format: 1, rules: [rule(5)] }), { mode: 0o600 });
  expect(createRecordFile(dir).read()).toEqual({ ...EMPTY_RECORD, rules: [rule(5)] });
});

test.each([
  ["torn", () => writeFileSync(path(), '{"format":1,"rul'), "not JSON"],
  ["of another format", () => writeFileSync(path(), '{"format":2}'), "not of format 1"],
  ["not an object", () => writeFileSync(path(), "7"), "not of format 1"],
  ["a directory", () => mkdirSync(path()), "not a small file of ours"],
  ["a link", () => symlinkSync("/dev/null", path()), "ELOOP"],
])("%s: code 113, the file, the reason and the remedy", (_, make, why) => {
  make();
  const says = new RegExp(`netns-\\d+\\.json is unusable \\(${why}\\): move it away`);
  expect(() => createRecordFile(dir).read()).toThrow(
    expect.objectContaining({ code: 113, message: expect.stringMatching(says) }),
  );
});

test("a directory that cannot be written to", () => {
  writeFileSync(join(dir, "file"), "");
  expect(() => createRecordFile(join(dir, "file/routes")).write(RECORD)).toThrow(
    expect.objectContaining({
      code: 113,
      message: expect.stringContaining("cannot be written (ENOTDIR)"),
    }),
  );
});
