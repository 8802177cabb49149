#!/usr/bin/env node
/**
 * Runs every test that this machine allows and says loudly what it could not run. Under CI nothing
 * may be left out: a missing prerequisite is a failure there.
 *
 * Arguments go to jest (a path, -t "unknown tenant", ...); without any, coverage of the core is checked too.
 * `--selectProjects unit meta` runs those only, and needs only what those need.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join, relative } from "node:path";

const root = join(import.meta.dirname, "..");
const inCi = process.env.CI === "true";

const succeeds = (command, ...args) => spawnSync(command, args, { stdio: "ignore" }).status === 0;
const isRoot = process.geteuid() === 0;
const tool = (name) =>
  ["/usr/sbin", "/sbin", "/usr/bin", "/bin"].some((dir) => existsSync(join(dir, name)));
const canMakeNetns = () => {
  const name = `tr-probe-${process.pid}`;
  if (!succeeds("ip", "netns", "add", name)) return false;
  const works = succeeds("ip", "netns", "exec", name, "true");
  return succeeds("ip", "netns", "del", name) && works;
};

const kernel = [
  ["root privileges (run it with sudo)", () => isRoot],
  ["ip (package iproute2)", () => tool("ip")],
  ["network namespaces", canMakeNetns],
  [
    "iptables-nft and iptables-legacy (package iptables)",
    () => tool("iptables-nft") && tool("iptables-legacy"),
  ],
  ["openssl (package openssl)", () => tool("openssl")],
];
const plugins = [
  [
    "ptp, bridge, host-local, portmap (package containernetworking-plugins)",
    () => existsSync("/usr/lib/cni/ptp"),
  ],
  ["ping (package iputils-ping)", () => tool("ping")],
  ["nft (package nftables)", () => tool("nft")],
  ["jq (package jq)", () => tool("jq")],
  [
    "promtool (package prometheus)",
    () => tool("promtool") || existsSync(join(root, "dist/tools/promtool")),
  ],
];
const needs = {
  unit: [],
  meta: [],
  contract: kernel,
  node: [...kernel, ...plugins],
  load: [...kernel, ...plugins],
};

/** What as a rule the files of a project take on two quiet cores, beside each other (minutes). */
const MINUTES = { unit: 1, meta: 1, contract: 3, node: 8, load: 2 };
/** Tests that need the machine for themselves: they run alone, after the others. */
const ALONE = ["load"];

const { wanted, jestArguments } = readArguments(process.argv.slice(2));

/** Takes the projects out: jest would read a path after them as one more. */
function readArguments(words) {
  const at = words.indexOf("--selectProjects");
  if (at < 0) return { wanted: Object.keys(needs), jestArguments: words };
  const end = words.findIndex((word, index) => index > at && !Object.hasOwn(needs, word));
  const names = words.slice(at + 1, end < 0 ? undefined : end);
  if (names.length === 0) {
    process.stderr.write(`--selectProjects: name some of ${Object.keys(needs).join(", ")}\n`);
    process.exit(2);
  }
  return {
    wanted: names,
    jestArguments: [...words.slice(0, at), ...words.slice(at + 1 + names.length)],
  };
}

function tellDuration() {
  // scripts/test-modes.mjs has said it.
  if (jestArguments.includes("--runTestsByPath")) return;
  const minutes = projects.reduce((sum, project) => sum + MINUTES[project], 0);
  const all = `about ${minutes} minute${minutes === 1 ? "" : "s"} as a rule on two quiet cores, three times that beside other work`;
  const what =
    jestArguments.length === 0
      ? all
      : `what ${jestArguments.join(" ")} selects (of all of them, ${all})`;
  process.stderr.write(`tests: ${projects.join(", ")}: ${what}\n`);
}

const missing = Object.entries(needs)
  .filter(([project]) => wanted.includes(project))
  .flatMap(([project, list]) => {
    const reasons = list.filter(([, test]) => !test()).map(([name]) => name);
    return reasons.length === 0 ? [] : [{ project, reasons }];
  });
for (const { project, reasons } of missing) {
  process.stderr.write(
    `\n*** NOT RUN: the ${project} tests. Missing here: ${reasons.join("; ")}\n`,
  );
}
/**
 * What is left out where a program is missing: project, words, and the programs of which one is enough; the first is the
 * package's name. The tests skip themselves. test/helpers/browser.ts looks for the browsers, too.
 */
const OPTIONAL = [
  ["unit", "completion in zsh", ["zsh"]],
  ["unit", "completion in fish", ["fish"]],
  ["contract", "the manual page's language", ["mandoc"]],
  ["node", "the agent's page in a browser", ["chromium", "chromium-browser", "google-chrome"]],
];
const leftOut = OPTIONAL.filter(
  ([project, , programs]) => wanted.includes(project) && !programs.some((name) => tool(name)),
);
for (const [, what, [name]] of leftOut)
  process.stderr.write(`\n*** NOT RUN: ${what}. Missing here: package ${name}\n`);
/**
 * What no package brings: under CI these alone may be skipped (decision 0122), by file. The tests skip themselves
 * (test/helpers/kernel-links.ts asks the same script).
 */
const KERNEL = {
  file: "test/node/routes-vlan.test.ts",
  links: "links of the types vlan and dummy",
};
const named = jestArguments.filter((word) => !word.startsWith("-"));
const isKernelTooSmall =
  wanted.includes("node") &&
  (named.length === 0 ||
    named.some((part) => KERNEL.file.includes(part) || part.includes(KERNEL.file))) &&
  !missing.some(({ project }) => project === "node") &&
  !succeeds(join(root, "scripts/kernel-makes-links.sh"));
const kernelNotice = `*** NOT RUN: ${KERNEL.file}. This machine's kernel has no ${KERNEL.links}: sudo ./scripts/test-vm.sh runs it\n`;
if (isKernelTooSmall) process.stderr.write(`\n${kernelNotice}`);
if (missing.length + leftOut.length > 0 && inCi) {
  process.stderr.write("*** Under CI nothing may be left out.\n");
  process.exit(1);
}

execFileSync(process.execPath, [join(root, "scripts/build.mjs")], { stdio: "inherit" });

const projects = wanted.filter((project) => !missing.some((m) => m.project === project));
if (projects.length === 0) process.exit(1);
tellDuration();
const coverage = process.argv.length === 2 ? ["--coverage"] : [];
const reporters = jestArguments.some((word) => /^--(reporters|verbose)/.test(word))
  ? []
  : ["--reporters", join(root, "scripts/jest-reporter.mjs"), "--reporters", "summary"];

/** Runs jest on these projects; its exit status and its counts. */
function runJest(names, ...words) {
  const report = mkdtempSync(join(tmpdir(), "jest-report-"));
  const outputFile = join(report, "report.json");
  const jest = spawnSync(
    process.execPath,
    [
      join(root, "node_modules/jest/bin/jest.js"),
      "--selectProjects",
      ...names,
      ...words,
      ...reporters,
      "--json",
      `--outputFile=${outputFile}`,
      "--passWithNoTests",
      ...jestArguments,
    ],
    { cwd: root, stdio: ["ignore", "inherit", "inherit"] },
  );
  const result = existsSync(outputFile) ? JSON.parse(readFileSync(outputFile, "utf8")) : undefined;
  rmSync(report, { recursive: true, force: true });
  if (result === undefined) process.exit(jest.status || 1);
  return { status: jest.status ?? 1, ...result };
}

const [beside, alone] = [false, true].map((isAlone) =>
  projects.filter((project) => ALONE.includes(project) === isAlone),
);
const runs = [
  ...(beside.length === 0
    ? []
    : [runJest(beside, `--maxWorkers=${availableParallelism() + 2}`, ...coverage)]),
  ...(alone.length === 0 ? [] : [runJest(alone, "--runInBand")]),
];
const count = (field) => runs.reduce((sum, run) => sum + run[field], 0);
const skipped = count("numPendingTests") + count("numTodoTests");
for (const { project, reasons } of missing)
  process.stdout.write(`*** NOT RUN: ${project}: ${reasons.join("; ")}\n`);
if (isKernelTooSmall) process.stdout.write(kernelNotice);
process.stdout.write(
  `tests: ${count("numPassedTests")} passed, ${count("numFailedTests")} failed, ${skipped} skipped\n`,
);
const excused = runs
  .flatMap(({ testResults }) => testResults)
  .filter(({ name }) => isKernelTooSmall && relative(root, name) === KERNEL.file)
  .flatMap(({ assertionResults }) => assertionResults)
  .filter(({ status }) => status === "pending").length;
if (inCi && skipped > excused) {
  process.stderr.write("*** Under CI no test may be skipped.\n");
  process.exit(1);
}
if (count("numTotalTests") === 0) {
  process.stderr.write("*** No test was run: nothing matches.\n");
  process.exit(1);
}
process.exit(Math.max(...runs.map(({ status }) => status)));
