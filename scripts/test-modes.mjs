#!/usr/bin/env node
/**
 * The contract and node tests in each other mode and backend, one after the other: TEST_MODE and
 * TEST_BACKEND say to test/helpers/mode.ts what is run. Decision 0094 says which files and why.
 *
 * Arguments: parts of paths of test files, then options for jest from the first that begins with "-".
 */
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");

/** They start what they try by themselves, or do not run the plugin at all. */
const OF_THEIR_OWN = [
  ...["agent-", "launcher", "metrics", "validate"].map((name) => `contract/${name}`),
  ...["agent-", "demo", "explain", "faults/", "install-deps", "lab-", "marks/"].map(
    (name) => `node/${name}`,
  ),
  ...[
    "repair-",
    "report-",
    "router-config",
    "routes",
    "rules-",
    "selftest-",
    "setup-script",
    "top",
  ].map((name) => `node/${name}`),
];
/** About rules and programs of iptables, or with backends of their own. */
const ABOUT_IPTABLES = [
  ...["backend", "iptables-", "missing-programs"].map((name) => `contract/${name}`),
  ...["crash-lock", "foreign", "iptables-variant", "on-call"].map((name) => `node/${name}`),
];
/** Over before there is a mark, or about what no backend has a part in. */
const BEFORE_MARKS = [
  ...["api-failures", "cni-", "closed-stdout", "delegate-lookup", "delegate-request"],
  ...["kubeconfig", "log-file", "netns", "secrets", "stdin", "terminal-escapes", "version"],
].map((name) => `contract/${name}`);
/** Where marks, records and many requests meet. */
const MARKS_AND_RECORDS = [
  ...["check", "del-recorded", "gc", "journal-records", "killed", "on-error"],
  ...["overlapping-operations", "parallel", "rules", "runtime-dies", "tenants"],
].map((name) => `contract/${name}.`);
const ON_A_NODE = ["check-", "crash", "packets", "parallel", "plugins", "reboot", "reuse"].map(
  (name) => `node/${name}`,
);
/** What a process is to those around it: all that a launcher without an agent changes. */
const PROCESSES = [
  ...["chained", "closed-stdout", "cni-variables", "killed", "large-results", "log-file"],
  ...["open-files", "overlapping-operations", "runtime-", "secrets", "stdin", "version"],
].map((name) => `contract/${name}`);

/** `minutes`: what all of its files take as a rule on two quiet cores. */
const ROWS = [
  { mode: "agent", backend: "iptables", minutes: 7, without: OF_THEIR_OWN },
  {
    mode: "one-shot",
    backend: "nftables",
    minutes: 5,
    without: [...OF_THEIR_OWN, ...ABOUT_IPTABLES, ...BEFORE_MARKS],
  },
  {
    mode: "agent",
    backend: "nftables",
    minutes: 3,
    only: [...MARKS_AND_RECORDS, ...ON_A_NODE],
    without: ABOUT_IPTABLES,
  },
  {
    mode: "no-agent",
    backend: "iptables",
    minutes: 3,
    only: [...PROCESSES, "node/chroot", "node/crash", "node/plugins", "node/reboot"],
    without: OF_THEIR_OWN,
  },
];

const words = process.argv.slice(2);
const at = words.findIndex((word) => word.startsWith("-"));
const parts = at < 0 ? words : words.slice(0, at);
const options = at < 0 ? [] : words.slice(at);

const all = ["contract", "node"].flatMap((project) =>
  readdirSync(join(root, "test", project), { recursive: true })
    .filter((name) => name.endsWith(".test.ts"))
    .map((name) => `test/${project}/${name}`),
);

const has = (file, names) => names.some((name) => file.startsWith(`test/${name}`));

const stale = ROWS.flatMap(({ only = [], without }) => [...only, ...without]).filter(
  (name) => !all.some((file) => has(file, [name])),
);
if (stale.length > 0) {
  process.stderr.write(`test-modes: no test file begins with ${[...new Set(stale)].join(", ")}\n`);
  process.exit(2);
}

function filesOf({ only = [""], without }) {
  return all
    .filter((file) => has(file, only) && !has(file, without))
    .filter((file) => parts.length === 0 || parts.some((part) => file.includes(part)));
}

function run({ mode, backend, minutes }, files) {
  const all = `about ${minutes} minutes as a rule on two quiet cores, three times that beside other work`;
  process.stderr.write(
    `\n== ${mode}, ${backend}: ${files.length} files (${parts.length === 0 ? all : `of all its files, ${all}`})\n`,
  );
  const started = performance.now();
  const { status, stdout } = spawnSync(
    process.execPath,
    [join(root, "scripts/run-tests.mjs"), "--selectProjects", "contract", "node"].concat(
      "--runTestsByPath",
      files,
      options,
    ),
    {
      cwd: root,
      env: { ...process.env, TEST_MODE: mode, TEST_BACKEND: backend },
      stdio: ["ignore", "pipe", "inherit"],
      encoding: "utf8",
      maxBuffer: Infinity,
    },
  );
  const counts = /^tests: .*$/m.exec(stdout)?.[0] ?? "it ended without a result";
  const took = ((performance.now() - started) / 60_000).toFixed(1);
  return {
    good: status === 0,
    line: `${mode}, ${backend}: ${counts.replace("tests: ", "")}, ${took} min`,
  };
}

const results = ROWS.flatMap((row) => {
  const files = filesOf(row);
  return files.length === 0 ? [] : [run(row, files)];
});
process.stdout.write("\n");
for (const { good, line } of results) process.stdout.write(`${good ? "ok  " : "FAIL"} ${line}\n`);
if (results.length === 0)
  process.stderr.write(`no test file in any mode has ${parts.join(", ")}\n`);
process.exit(results.length > 0 && results.every(({ good }) => good) ? 0 : 1);
