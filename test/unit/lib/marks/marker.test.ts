import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { recallFact, rememberFact } from "../../../../lib/marks/marker";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "facts-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));
const old = () => new Promise((resolve) => setTimeout(resolve, 150));
const remember = (fact: string) =>
  expect(rememberFact(dir, "fact", { fact, what: "it" })).toBeUndefined();

test("a fact is recalled until another takes its place or the directory is emptied, however often it is asked for", async () => {
  expect(recallFact(dir, "fact")).toBeUndefined();
  remember("one");
  expect(recallFact(dir, "fact")).toBe("one");
  await old();
  for (const _ of [1, 2]) expect(recallFact(dir, "fact")).toBe("one");
  remember("two");
  expect(recallFact(dir, "fact")).toBe("two");
  rmSync(join(dir, "fact"));
  expect(recallFact(dir, "fact")).toBeUndefined();
});

test("nothing is known from another boot, a link, or what is too long", () => {
  remember("one");
  const text = readFileSync(join(dir, "fact"), "utf8");
  writeFileSync(join(dir, "before"), text.replace(/^\S+/, "another-boot"), { mode: 0o600 });
  symlinkSync(join(dir, "fact"), join(dir, "link"));
  writeFileSync(join(dir, "long"), `${text.trim()}${"x".repeat(300)}`, { mode: 0o600 });
  for (const name of ["before", "link", "long"]) expect(recallFact(dir, name)).toBeUndefined();
});

test("what cannot be noted is said", () => {
  rmSync(dir, { recursive: true });
  expect(rememberFact(dir, "fact", { fact: "one", what: "it" })).toContain("cannot remember it");
  expect(recallFact(dir, "fact")).toBeUndefined();
});
