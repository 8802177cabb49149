/** What is said of disks: each kind with its own consequence, and a command that finds the culprit. */
import { findingOf } from "../../../../../lib/checks/finding";
import { NODE } from "../../../../../lib/checks/kinds/node";

const facts = (what: "journal" | "log", path: string) => ({ what, path, left: "0 of 9 are free" });

test("a full disk of the journal: no ADD, and a DEL leaves something behind", () => {
  expect(findingOf(NODE, "journal-disk-full", facts("journal", "/run/x/y"))).toMatchObject({
    ...{ code: "TR0701", severity: "failed" },
    fault: "the disk of the journal /run/x/y is full: 0 of 9 are free",
    consequence: "every ADD fails with code 113, and a DEL leaves its rules behind",
    remedy: "Free space there: du -xah /run/x | sort -h | tail",
  });
});

test("a full disk of the log: pods start all the same", () => {
  expect(findingOf(NODE, "log-disk-full", facts("log", "/my log/x"))).toMatchObject({
    ...{ code: "TR0702", severity: "warning" },
    fault: "the disk of the log /my log/x is full: 0 of 9 are free",
    consequence: "pods start all the same, but nothing is logged any more",
    remedy: "Free space there: du -xah '/my log' | sort -h | tail",
  });
});

test.each([
  ["journal", "/data", "soon no pod starts", "du -xah / |"],
  ["log", "/var/log/x", "soon nothing is logged any more", "du -xah /var/log |"],
] as const)("a nearly full disk of the %s", (what, path, consequence, command) => {
  const found = findingOf(NODE, "disk-nearly-full", facts(what, path));
  expect(found).toMatchObject({ code: "TR0703", severity: "warning", consequence });
  expect(found.fault).toBe(`the disk of the ${what} ${path} is nearly full: 0 of 9 are free`);
  expect(found.remedy).toContain(command);
});
