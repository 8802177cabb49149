import { diskFindings, diskSpace, sizeText } from "../../../../../lib/checks/node/disks";

const MIB = 1024 * 1024;
const SPACE = { freeBytes: 50 * MIB, bytes: 100 * MIB, freeInodes: 500, inodes: 1000 };

test.each([
  ["half of it is free", {}, []],
  ["no bytes", { freeBytes: 0 }, ["journal-disk-full: 0 bytes of 100 MiB are free"]],
  ["no inodes", { freeInodes: 1 }, ["journal-disk-full: 1 of 1000 inodes are free"]],
  ["few bytes", { freeBytes: 4 * MIB }, ["disk-nearly-full: 4 MiB of 100 MiB are free"]],
  ["few inodes", { freeInodes: 20 }, ["disk-nearly-full: 20 of 1000 inodes are free"]],
  ["inodes without a limit", { freeInodes: 0, inodes: 0 }, []],
  ["no size", { freeBytes: 0, bytes: 0, freeInodes: 0, inodes: 0 }, []],
] as const)("%s", (_, change, expected) => {
  const found = diskFindings("journal", "/run/x", { ...SPACE, ...change });
  expect(found.map(({ kind, fault }) => `${kind}: ${fault.split(": ").at(-1)}`)).toEqual(expected);
});

test("a full disk of the log stops no pod", () => {
  const [found] = diskFindings("log", "/var/log/x", { ...SPACE, freeBytes: 0 });
  expect([found?.kind, found?.severity]).toEqual(["log-disk-full", "warning"]);
});

test("the disk of a path that is not there yet is its parent's", () => {
  expect(diskSpace("/nowhere/at/all").bytes).toBe(diskSpace("/").bytes);
});

test.each([
  [0, "0 bytes"],
  [1023, "1023 bytes"],
  [1024, "1 KiB"],
  [3.5 * MIB, "3 MiB"],
  [2 ** 43, "8 TiB"],
])("%d is %s", (bytes, text) => {
  expect(sizeText(bytes)).toBe(text);
});
