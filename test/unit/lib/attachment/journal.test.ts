import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { execFileSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createJournal, type Attachment } from "../../../../lib/attachment/journal";
import { attachmentTag } from "../../../../lib/marks/tag";

let base: string;
let dir: string;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "journal-"));
  dir = join(base, "data");
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

const ATTACHMENT: Attachment = {
  format: 1,
  state: "intent",
  key: { network: "n", containerId: "c", ifname: "eth0" },
  netns: "/run/netns/x",
  owner: { pid: 1, startTime: "2" },
  mark: { value: 16, mask: 255 },
  addresses: ["10.0.0.5"],
  delegate: { type: "ptp" },
  cniVersion: "1.0.0",
  since: "2026-01-01T00:00:00.000Z",
};
const TAG = attachmentTag(ATTACHMENT.key);
const prepared = () => {
  const journal = createJournal(dir);
  journal.prepare();
  return journal;
};

test("write, read, list, remove", () => {
  const journal = prepared();
  journal.write(TAG, ATTACHMENT);
  expect(journal.read(TAG)).toEqual({ attachment: ATTACHMENT });
  expect(journal.tags()).toEqual([TAG]);
  journal.remove(TAG);
  journal.remove(TAG);
  expect(journal.read(TAG)).toBeUndefined();
  expect(readdirSync(dir)).toEqual([]);
});

test("directory 0700, file 0600, whatever the umask", () => {
  const old = process.umask(0);
  try {
    prepared().write(TAG, ATTACHMENT);
  } finally {
    process.umask(old);
  }
  expect(statSync(dir).mode & 0o777).toBe(0o700);
  expect(statSync(join(dir, `${TAG}.json`)).mode & 0o777).toBe(0o600);
});

test("a directory that is not there has no records", () => {
  expect(createJournal(dir).tags()).toEqual([]);
  expect(createJournal(dir).read(TAG)).toBeUndefined();
});

test.each([
  "",
  "{",
  "null",
  "[]",
  '{"format":2}',
  '{"format":1,"state":"odd"}',
  "\u0000\u0000",
  '{"format":1,"state":"complete","key":{"network":"n"}}',
])("torn or foreign content %j is corrupt, not an error", (text) => {
  const journal = prepared();
  writeFileSync(join(dir, `${TAG}.json`), text, { mode: 0o600 });
  expect(journal.read(TAG)).toEqual({ corrupt: expect.any(String) });
});

test.each<[string, object]>([
  ["mark", { mark: null }],
  ["mark", { mark: { value: 16 } }],
  ["mark", { mark: { value: -1, mask: 255 } }],
  ["mark", { mark: { value: 16, mask: 2 ** 32 } }],
  ["mark", { mark: { value: "16", mask: 255 } }],
  ["markReplies", { markReplies: "no" }],
  ["addresses", { addresses: ["10.0.0.5", 7] }],
  ["addresses", { addresses: "10.0.0.5" }],
  ["netns", { netns: null }],
  ["cniVersion", { cniVersion: 1 }],
  ["cniPath", { cniPath: "/opt/cni/bin" }],
  ["annotation", { annotation: { key: "k", value: "v", source: "elsewhere" } }],
  ["cniPath", { cniPath: ["/opt/cni/bin", null] }],
  ["owner", { owner: {} }],
  ["owner", { owner: { pid: "1", startTime: "2" } }],
  ["owner", { owner: { pid: 1, startTime: 2 } }],
  ["owner", { owner: { pid: 1, startTime: "2", request: 3 } }],
  ["pod", { pod: { namespace: "team-a" } }],
  ["backend", { backend: 7 }],
  ["delegate", { delegate: {} }],
  ["delegate", { delegate: { type: "../x" } }],
  ["result", { result: [] }],
  ["key", { key: { ...ATTACHMENT.key, containerId: "other" } }],
])("a record with an odd %s is corrupt and says so: %j", (field, change) => {
  const journal = prepared();
  writeFileSync(join(dir, `${TAG}.json`), JSON.stringify({ ...ATTACHMENT, ...change }), {
    mode: 0o600,
  });
  expect(journal.read(TAG)).toEqual({ corrupt: expect.stringContaining(`"${field}"`) });
});

const sizeOf = (attachment: Attachment): number => Buffer.byteLength(JSON.stringify(attachment));
/** The attachment with a delegate so large that its record has `size` bytes. */
const ofSize = (attachment: Attachment, size: number): Attachment => {
  const padded = (length: number) => ({
    ...attachment,
    delegate: { type: "ptp", padding: "x".repeat(length) },
  });
  return padded(size - sizeOf(padded(0)));
};

test.each(["nft", "legacy", "nftables", undefined])(
  "the place %s of its marks is taken as it is",
  (backend) => {
    const journal = prepared();
    const attachment = { ...ATTACHMENT, ...(backend === undefined ? {} : { backend }) };
    journal.write(TAG, attachment);
    expect(journal.read(TAG)).toEqual({ attachment });
  },
);

test("a record that could not be read again is not written: the one before it stays", () => {
  const journal = prepared();
  const complete = { ...ATTACHMENT, state: "complete" as const };
  journal.write(TAG, complete);
  expect(() => journal.write(TAG, ofSize(complete, 1024 * 1024 + 1))).toThrow(
    expect.objectContaining({
      code: 113,
      message: expect.stringContaining("container c would have"),
    }),
  );
  expect(journal.read(TAG)).toEqual({ attachment: complete });
  const largest = ofSize(complete, 1024 * 1024);
  journal.write(TAG, largest);
  expect(journal.read(TAG)).toEqual({ attachment: largest });
});

test("what can be claimed can be completed: an intent leaves room for addresses and variant", () => {
  const journal = prepared();
  const addresses = Array.from(
    { length: 64 },
    (_, n) => `2001:db8:1111:2222:3333:4444:5555:${(0x1000 + n).toString(16)}`,
  );
  const largest = ofSize(ATTACHMENT, 1024 * 1024 - 4096);
  journal.write(TAG, largest);
  journal.write(TAG, {
    ...largest,
    state: "complete",
    addresses,
    backend: "legacy",
    result: { x: "x".repeat(4096) },
  });
  expect(journal.read(TAG)).toMatchObject({ attachment: { state: "complete", addresses } });
  expect(() => journal.write(TAG, ofSize(ATTACHMENT, 1024 * 1024 - 4095))).toThrow(
    expect.objectContaining({ code: 113 }),
  );
});

test("a result that makes the record too large is left out of it", () => {
  const journal = prepared();
  const complete = { ...ATTACHMENT, state: "complete" as const };
  journal.write(TAG, { ...complete, result: { padding: "x".repeat(4 * 1024 * 1024) } });
  expect(journal.read(TAG)).toEqual({ attachment: complete });
  const room = 1024 * 1024 - sizeOf({ ...complete, result: { padding: "" } });
  const largest = { ...complete, result: { padding: "x".repeat(room) } };
  journal.write(TAG, largest);
  expect(journal.read(TAG)).toEqual({ attachment: largest });
});

test("a record of more than 1 MiB is corrupt", () => {
  const journal = prepared();
  writeFileSync(join(dir, `${TAG}.json`), `"${"x".repeat(1024 * 1024)}"`, { mode: 0o600 });
  expect(journal.read(TAG)).toEqual({ corrupt: "larger than 1 MiB" });
});

describe("what cannot be trusted is refused with code 113", () => {
  const code113 = expect.objectContaining({ code: 113 });
  test("symlinked directory", () => {
    mkdirSync(join(base, "elsewhere"), { mode: 0o700 });
    symlinkSync(join(base, "elsewhere"), dir);
    expect(() => createJournal(dir).prepare()).toThrow(code113);
  });
  test("file in the directory's place", () => {
    writeFileSync(dir, "");
    expect(() => createJournal(dir).prepare()).toThrow(code113);
  });
  test("group-writable directory", () => {
    mkdirSync(dir);
    chmodSync(dir, 0o770);
    expect(() => createJournal(dir).prepare()).toThrow(/mode is 0770/);
  });
  test.each([
    ["symlink", (p: string) => symlinkSync("/etc/passwd", p)],
    [
      "hard link",
      (p: string) => {
        writeFileSync(join(dir, "other"), "{}", { mode: 0o600 });
        linkSync(join(dir, "other"), p);
      },
    ],
    ["directory", (p: string) => mkdirSync(p)],
    ["FIFO", (p: string) => execFileSync("mkfifo", ["-m", "600", p])],
    ["world-readable file", (p: string) => writeFileSync(p, "{}", { mode: 0o644 })],
  ])("%s as a record", (_name, make) => {
    const journal = prepared();
    make(join(dir, `${TAG}.json`));
    expect(() => journal.read(TAG)).toThrow(code113);
  });
  test("the message never says that something was not found", () => {
    writeFileSync(join(base, "file"), "");
    const journal = createJournal(join(base, "file", "x"));
    expect(() => journal.write(TAG, ATTACHMENT)).toThrow(
      expect.objectContaining({ message: expect.not.stringMatching(/no such file|not found/i) }),
    );
  });
});

test("a failed write leaves no temporary file", () => {
  const journal = prepared();
  mkdirSync(join(dir, `${TAG}.json`));
  expect(() => journal.write(TAG, ATTACHMENT)).toThrow(expect.objectContaining({ code: 113 }));
  expect(readdirSync(dir)).toEqual([`${TAG}.json`]);
  expect(existsSync(dir)).toBe(true);
});
