import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { sh } from "../helpers/shell";

const WRAPPER = resolve(__dirname, "../../dist/wrapper");

interface Played { readonly status: number | null; readonly text: string; readonly prefix: string }

/** Plays the lab; `onLine` sees each line, and the lab waits until it has returned. */
function play(args: readonly string[], onLine: (line: string, pid: number) => void = () => {}): Promise<Played> {
  const child = spawn(WRAPPER, ["lab", "tenants", ...args], { stdio: ["ignore", "pipe", "pipe"] });
  const pid = child.pid ?? 0;
  let text = "";
  const take = (chunk: Buffer): void => {
    const lines = chunk.toString();
    text += lines;
    lines.split("\n").forEach((line) => onLine(line, pid));
  };
  child.stdout.on("data", take);
  child.stderr.on("data", take);
  return new Promise((done) => child.on("close", (status) => done({ status, text, prefix: `trl${pid}a` })));
}

function directoriesOf(prefix: string): readonly string[] {
  return readdirSync("/tmp").filter((name) => name.startsWith("tenant-routing-lab.") && prefixIn(name) === prefix);
}

function prefixIn(name: string): string {
  try {
    return readFileSync(join("/tmp", name, "prefix"), "utf8").trim();
  } catch {
    return "";
  }
}

function expectNothingLeft(prefix: string): void {
  expect(sh("ip", "netns", "list")).not.toContain(`${prefix}-`);
  expect(directoriesOf(prefix)).toEqual([]);
}

test("every statement of the lab holds, and nothing of it is left", async () => {
  const { status, text, prefix } = await play(["--verify"]);
  expect(text.split("\n").filter((line) => line.includes("FAILED"))).toEqual([]);
  const [, passed] = /\n(\d+) passed, 0 failed\n$/.exec(text) ?? [];
  // So that steps which were skipped do not count as shown.
  expect(Number(passed)).toBeGreaterThanOrEqual(58);
  expect(status).toBe(0);
  expectNothingLeft(prefix);
}, 120_000);

test("a node whose marks are gone makes the statements about it fail, the others not", async () => {
  const broken = /^3\. /;
  const { status, text, prefix } = await play(["--verify"], (line, pid) => {
    if (!broken.test(line)) return;
    process.kill(pid, "SIGSTOP");
    for (const tool of ["iptables", "ip6tables"]) sh("ip", "netns", "exec", `trl${pid}a-node`, tool, "-w", "-t", "mangle", "-F", "PREROUTING");
    process.kill(pid, "SIGCONT");
  });
  for (const statement of ["IPv4: web-0 leaves by gateway A", "IPv6: api-0 leaves by gateway B", "IPv4: web-0 is told \"unreachable\" at once"]) {
    expect(text).toContain(`   FAILED ${statement}\n`);
  }
  expect(text).toMatch(/ {3}FAILED nothing of web-0 came by another gateway \([1-9]\d* packets counted there\)\n/);
  expect(text).toContain("   ok   IPv4: client-0 leaves by the default gateway\n");
  expect(text).toMatch(/\n\d+ passed, [1-9]\d* failed\n$/);
  expect(status).toBe(1);
  expectNothingLeft(prefix);
}, 120_000);

test.each(["SIGINT", "SIGTERM"] as const)("%s in the middle removes everything", async (signal) => {
  const { status, text, prefix } = await play([], (line, pid) => {
    if (line.startsWith("4. ")) process.kill(pid, signal);
  });
  expect(text).toContain(`stopped by ${signal}; everything was removed`);
  expect(text).not.toContain("\n5. ");
  expect(status).toBe(signal === "SIGINT" ? 130 : 143);
  expectNothingLeft(prefix);
}, 60_000);

test("what --keep or a kill left is removed by --remove, what still runs is not", async () => {
  const running = play(["--keep"]);
  const killed = await play([], (line, pid) => {
    if (line.startsWith("3. ")) process.kill(pid, "SIGKILL");
  });
  expect(directoriesOf(killed.prefix)).toHaveLength(1);
  const said = sh(WRAPPER, "lab", "--remove");
  expect(said).toContain("Removed /tmp/tenant-routing-lab.");
  expectNothingLeft(killed.prefix);
  // Played to its end in spite of the removal, and still there.
  const { text, prefix } = await running;
  expect(text).toContain("Left standing");
  expect(sh("ip", "netns", "exec", `${prefix}-web-0`, "curl", "-sS", "--max-time", "5", "http://203.0.113.80/")).toContain("you came from 198.51.100.11");
  sh(WRAPPER, "lab", "--remove");
  expectNothingLeft(prefix);
}, 120_000);
