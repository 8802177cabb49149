/**
 * Leftover processes: those that a killed ADD left running. A runtime kills only its direct child, so a
 * delegate (and its IPAM), or an iptables-restore that waits for its lock, may go on creating what DEL is
 * about to remove. They are recognised by the CNI variables in their environment, and ended first.
 */
import { readFileSync, readdirSync } from "node:fs";
import type { Clock, LeftoverProcesses } from "../ports";

export interface ProcessId {
  readonly pid: number;
  /** Start time in clock ticks since boot (field 22 of /proc/pid/stat); "" when unknown. */
  readonly startTime: string;
}

/** This process, as distinct from a later one with the same PID. */
export function ownProcess(): ProcessId {
  return { pid: process.pid, startTime: startTimeOf(process.pid) };
}

/** True while that very process runs. */
export function isAlive(id: ProcessId): boolean {
  const startTime = startTimeOf(id.pid);
  return startTime !== "" && startTime === id.startTime;
}

export interface LeftoverTimes {
  /** How long they may finish by themselves: what a plugin has written half (host-local's lease) no DEL can undo. */
  readonly graceMs: number;
  /** How long to wait afterwards until the killed ones are gone. */
  readonly timeoutMs: number;
}

/**
 * Waits for every process whose environment says that it works on an ADD of this container
 * interface, ourselves and our ancestors excepted, and kills what has not finished in time
 * (decision 0005).
 */
export function createLeftoverProcesses(
  clock: Clock,
  { graceMs, timeoutMs }: LeftoverTimes,
): LeftoverProcesses {
  return {
    async end(containerId, ifname, spared = []) {
      const graceEnd = clock.elapsed() + graceMs;
      const seen = new Set<number>();
      // Until a look finds none: a process that was starting another when it was killed may have succeeded.
      for (
        let pids = addProcesses(containerId, ifname, spared);
        pids.length > 0;
        pids = addProcesses(containerId, ifname, spared)
      ) {
        for (const pid of pids) seen.add(pid);
        if (clock.elapsed() >= graceEnd) pids.forEach(kill);
        if (clock.elapsed() >= graceEnd + timeoutMs) break;
        await clock.sleep(5);
      }
      return seen.size;
    },
  };
}

function addProcesses(
  containerId: string,
  ifname: string,
  spared: readonly number[],
): readonly number[] {
  const wanted = ["CNI_COMMAND=ADD", `CNI_CONTAINERID=${containerId}`, `CNI_IFNAME=${ifname}`];
  const family = new Set([...ancestors(), ...spared]);
  return readdirSync("/proc")
    .filter((name) => /^[0-9]+$/.test(name) && !family.has(Number(name)))
    .filter((name) => {
      const environment = readProc(`/proc/${name}/environ`).split("\0");
      return wanted.every((pair) => environment.includes(pair));
    })
    .map(Number);
}

function ancestors(): ReadonlySet<number> {
  const family = new Set<number>();
  for (let pid = process.pid; pid > 0 && !family.has(pid);) {
    family.add(pid);
    pid = Number(statFields(pid)[1] ?? 0);
  }
  return family;
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // gone already
  }
}

function startTimeOf(pid: number): string {
  const fields = statFields(pid);
  // A zombie does nothing any more, though its entry stays until it is reaped.
  return fields[0] === "Z" ? "" : (fields[19] ?? "");
}

// The fields after the command name, which may itself contain spaces and parentheses.
function statFields(pid: number): readonly string[] {
  const stat = readProc(`/proc/${pid}/stat`);
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
}

function readProc(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}
