#!/usr/bin/env node
/**
 * Runs every test that this machine allows and says loudly what it could not run. Under CI nothing
 * may be left out: a missing prerequisite is a failure there.
 *
 * Arguments go to jest (a path, -t "D6", ...); without any, coverage of the core is checked too.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
const inCi = process.env.CI === "true";
const jestArguments = process.argv.slice(2);

const succeeds = (command, ...args) => spawnSync(command, args, { stdio: "ignore" }).status === 0;
const isRoot = process.geteuid() === 0;
const tool = (name) => ["/usr/sbin", "/sbin", "/usr/bin", "/bin"].some((dir) => existsSync(join(dir, name)));
const canMakeNetns = () => {
  const name = `tr-probe-${process.pid}`;
  return succeeds("ip", "netns", "add", name) && succeeds("ip", "netns", "del", name);
};

const kernel = [
  ["root privileges (run it with sudo)", () => isRoot],
  ["ip (package iproute2)", () => tool("ip")],
  ["network namespaces", canMakeNetns],
  ["iptables-nft and iptables-legacy (package iptables)", () => tool("iptables-nft") && tool("iptables-legacy")],
  ["openssl (package openssl)", () => tool("openssl")],
];
const plugins = [
  ["ptp, bridge, host-local, portmap (package containernetworking-plugins)", () => existsSync("/usr/lib/cni/ptp")],
  ["ping (package iputils-ping)", () => tool("ping")],
  ["nft (package nftables)", () => tool("nft")],
];
const needs = { unit: [], meta: [], contract: kernel, node: [...kernel, ...plugins] };

const missing = Object.entries(needs).flatMap(([project, list]) => {
  const reasons = list.filter(([, test]) => !test()).map(([name]) => name);
  return reasons.length === 0 ? [] : [{ project, reasons }];
});
for (const { project, reasons } of missing) {
  process.stderr.write(`\n*** NOT RUN: the ${project} tests. Missing here: ${reasons.join("; ")}\n`);
}
if (missing.length > 0 && inCi) {
  process.stderr.write("*** Under CI nothing may be left out.\n");
  process.exit(1);
}

execFileSync(process.execPath, [join(root, "scripts/build.mjs")], { stdio: "inherit" });

const projects = Object.keys(needs).filter((project) => !missing.some((m) => m.project === project));
const report = mkdtempSync(join(tmpdir(), "jest-report-"));
const outputFile = join(report, "report.json");
const coverage = jestArguments.length === 0 ? ["--coverage"] : [];
const jest = spawnSync(
  process.execPath,
  [
    join(root, "node_modules/jest/bin/jest.js"),
    "--selectProjects", ...projects,
    ...coverage, "--json", `--outputFile=${outputFile}`, "--passWithNoTests=false", ...jestArguments,
  ],
  { cwd: root, stdio: ["ignore", "inherit", "inherit"] },
);

const result = existsSync(outputFile) ? JSON.parse(readFileSync(outputFile, "utf8")) : undefined;
rmSync(report, { recursive: true, force: true });
if (result === undefined) process.exit(jest.status || 1);
const skipped = result.numPendingTests + result.numTodoTests;
for (const { project, reasons } of missing) process.stdout.write(`*** NOT RUN: ${project}: ${reasons.join("; ")}\n`);
process.stdout.write(`tests: ${result.numPassedTests} passed, ${result.numFailedTests} failed, ${skipped} skipped\n`);
if (inCi && skipped > 0) {
  process.stderr.write("*** Under CI no test may be skipped.\n");
  process.exit(1);
}
process.exit(jest.status ?? 1);
