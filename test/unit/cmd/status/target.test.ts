/** The conflist that `wrapper status` judges a node by. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findConflist } from "../../../../cmd/status/target";

let dir: string;
beforeEach(() => (dir = mkdtempSync(join(tmpdir(), "target-"))));
afterEach(() => rmSync(dir, { recursive: true }));

const OURS = {
  type: "tenant-routing-wrapper",
  capabilities: { "io.kubernetes.cri.pod-annotations": true },
};

function refusal(...plugins: readonly object[]): string | undefined {
  const list = { cniVersion: "1.0.0", name: "cbr0", plugins };
  writeFileSync(join(dir, "10-flannel.conflist"), JSON.stringify(list));
  return findConflist(undefined, dir).refused;
}

test("behind a main plugin ADD needs no delegate, and refuses nothing", () => {
  expect(refusal({ type: "flannel" }, { type: "portmap" }, OURS)).toBeUndefined();
});

test("first and without a delegate it refuses", () => {
  expect(refusal(OURS, { type: "portmap" })).toContain("/delegate is missing");
});

test("what ADD refuses behind a main plugin is still refused", () => {
  expect(refusal({ type: "flannel" }, { ...OURS, onEror: "deny" })).toContain("onEror");
});
