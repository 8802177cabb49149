/** A kernel without vlan and dummy: what `npm test` says of it, and where scripts/test-vm.sh cannot help. */
import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const ROOT = resolve(__dirname, "../..");
const NOTICE =
  "*** NOT RUN: test/node/routes-vlan.test.ts. This machine's kernel has no links of the types vlan and dummy: sudo ./scripts/test-vm.sh runs it";
let dir = "";

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "kernel-links-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** Runs a script of the project where this program does that. */
function runWith(program: string, body: string, script: string, ...args: readonly string[]) {
  writeFileSync(join(dir, program), `#!/bin/sh\n${body}\n`);
  chmodSync(join(dir, program), 0o755);
  return spawnSync(join(ROOT, script), args, {
    cwd: ROOT,
    encoding: "utf8",
    env: { ...process.env, PATH: `${dir}:/usr/sbin:/usr/bin:/sbin:/bin` },
  });
}

test("npm test names them twice, counts them as skipped, and does not fail for it under CI either", () => {
  const words = ["scripts/run-tests.mjs", "--selectProjects", "node", "test/node/routes-vlan"];
  const { status, stdout, stderr } = runWith("unshare", "exit 1", "scripts/node.sh", ...words);
  expect(stderr).toContain(`\n${NOTICE}\n`);
  expect(stdout).toMatch(/^tests: 0 passed, 0 failed, 4 skipped$/m);
  expect(stdout).toContain(`${NOTICE}\n`);
  expect(status).toBe(0);
});

test("test-vm.sh says before it installs anything that it knows no other machine", () => {
  expect(runWith("uname", "echo aarch64", "scripts/test-vm.sh")).toMatchObject({
    status: 2,
    stdout: "",
    stderr: "test-vm: this machine is aarch64: only x86_64 is supported\n",
  });
});
