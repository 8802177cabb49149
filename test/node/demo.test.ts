/** scripts/demo.sh: the lab `tenants` with an API server, to its end, and kept. */
import {
  directoriesOf,
  expectNothingLeft,
  runDemo,
  runDemoAmongNames,
  runLab,
  WRAPPER,
  type LabRun,
} from "../helpers/lab";
import { sh } from "../helpers/shell";

// They wait more than they work, so they run beside each other.
let whole: Promise<LabRun>;
let kept: Promise<LabRun>;
beforeAll(() => {
  whole = runDemoAmongNames(["--verify", "--no-install"]);
  kept = runDemo(["--keep", "--no-install"]);
});

test("what a kill left is removed by --remove, what still runs is not", async () => {
  const killed = await runLab("tenants", [], (line, pid) => {
    if (line.startsWith("2. ")) process.kill(pid, "SIGKILL");
  });
  expect(directoriesOf(killed.prefix)).toHaveLength(1);
  expect(sh(WRAPPER, "lab", "--remove")).toContain("Removed /tmp/tenant-routing-lab.");
  expectNothingLeft(killed.prefix);
});

test("every statement holds, also where tables have names, and nothing is left", async () => {
  const { status, text, prefix } = await whole;
  expect(text.split("\n").filter((line) => line.includes("FAILED"))).toEqual([]);
  const [, passed] = /\n(\d+) passed, 0 failed\n$/.exec(text) ?? [];
  // So that steps which were skipped do not count as shown.
  expect(Number(passed)).toBeGreaterThanOrEqual(72);
  expect(status).toBe(0);
  expectNothingLeft(prefix);
});

test("with --keep everything stays and works, as the text to look around says, until --remove", async () => {
  const { text, prefix, status } = await kept;
  expect(text).not.toContain("NOT SO");
  expect(status).toBe(0);
  expect(text).toContain("Left standing");
  const [rules, mangle, curl, check, log, ...more] = [
    ...text.matchAll(/\n +sudo (ip netns exec .*)(?=\n)/g),
  ].map(([, command = ""]) => sh("sh", "-c", command));
  expect(rules).toContain("fwmark");
  expect(mangle).toContain("team-a/web-0");
  expect(curl).toContain("you came from 198.51.100.11");
  expect(check).toContain("team-b/api-0");
  expect(log).toContain('"outcome":"ok"');
  expect(more).toEqual([]);
  sh(WRAPPER, "lab", "--remove");
  expectNothingLeft(prefix);
});
