/** Runs a lab with the packed binary, breaks things in it while it is paused, and looks for what it left. */
import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { sh } from "./shell";
import { withTableNames } from "./table-names";

/** The packed binary. */
export const WRAPPER = resolve(__dirname, "../../dist/wrapper");
const DEMO = resolve(__dirname, "../../scripts/demo.sh");

export interface LabRun {
  readonly status: number | null;
  readonly text: string;
  /** What the names of its network namespaces began with. */
  readonly prefix: string;
}

/** Runs it to its end; `onLine` sees each line as soon as it is printed. */
export function runLab(
  lab: string,
  args: readonly string[],
  onLine: (line: string, pid: number) => void = () => {},
): Promise<LabRun> {
  return runWith([WRAPPER, "lab", lab, ...args], onLine);
}

/** The same on a machine whose routing tables have names. The lab's machines cannot be reached from outside. */
export function runLabAmongNames(lab: string, args: readonly string[]): Promise<LabRun> {
  return runWith(withTableNames([WRAPPER, "lab", lab, ...args]));
}

/** scripts/demo.sh, which becomes the lab `tenants`. */
export function runDemo(args: readonly string[]): Promise<LabRun> {
  return runWith([DEMO, ...args]);
}

/** The same on a machine whose routing tables have names. */
export function runDemoAmongNames(args: readonly string[]): Promise<LabRun> {
  return runWith(withTableNames([DEMO, ...args]));
}

function runWith(
  [program = "", ...args]: readonly string[],
  onLine: (line: string, pid: number) => void = () => {},
): Promise<LabRun> {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
  const pid = child.pid ?? 0;
  let text = "";
  const take = (chunk: Buffer): void => {
    const lines = chunk.toString();
    text += lines;
    lines.split("\n").forEach((line) => onLine(line, pid));
  };
  child.stdout.on("data", take);
  child.stderr.on("data", take);
  return new Promise((done) =>
    child.on("close", (status) => done({ status, text, prefix: prefixOf(pid) })),
  );
}

/** Does something while the lab is stopped. */
export function paused(pid: number, change: () => void): void {
  process.kill(pid, "SIGSTOP");
  try {
    change();
  } finally {
    process.kill(pid, "SIGCONT");
  }
}

/** Runs a script on a machine of the lab; throws when it fails. */
export function onMachine(pid: number, machine: string, script: string): string {
  return sh("ip", "netns", "exec", `${prefixOf(pid)}-${machine}`, "sh", "-ec", script);
}

/** No network namespace, hence no process in one, and no directory. */
export function expectNothingLeft(prefix: string): void {
  expect(sh("ip", "netns", "list")).not.toContain(`${prefix}-`);
  expect(directoriesOf(prefix)).toEqual([]);
}

/** The lab's directories in /tmp. */
export function directoriesOf(prefix: string): readonly string[] {
  return readdirSync("/tmp").filter(
    (name) => name.startsWith("tenant-routing-lab.") && prefixIn(name) === prefix,
  );
}

function prefixOf(pid: number): string {
  return `trl${pid}a`;
}

function prefixIn(name: string): string {
  try {
    return readFileSync(join("/tmp", name, "prefix"), "utf8").trim();
  } catch {
    return "";
  }
}
