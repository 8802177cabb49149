/** The agent's own process, in figures. prom-client's collectors cost ten times as much (decision 0088). */
import { readdirSync, readFileSync } from "node:fs";

/** Every series without labels that tells of the process. */
export interface ProcessFigures {
  readonly process_cpu_user_seconds_total: number;
  readonly process_cpu_system_seconds_total: number;
  readonly process_cpu_seconds_total: number;
  readonly process_resident_memory_bytes: number;
  readonly process_start_time_seconds: number;
  readonly process_open_fds: number;
  readonly process_max_fds: number;
  readonly nodejs_heap_size_total_bytes: number;
  readonly nodejs_heap_size_used_bytes: number;
}

/** Looks at the process. What /proc does not say is NaN. */
export function processFigures(): ProcessFigures {
  const { user, system } = process.cpuUsage();
  const { rss, heapTotal, heapUsed } = process.memoryUsage();
  return {
    process_cpu_user_seconds_total: user / 1e6,
    process_cpu_system_seconds_total: system / 1e6,
    process_cpu_seconds_total: (user + system) / 1e6,
    process_resident_memory_bytes: rss,
    process_start_time_seconds: START_SECONDS,
    process_open_fds: orNaN(() => readdirSync("/proc/self/fd").length),
    process_max_fds: orNaN(maxDescriptors),
    nodejs_heap_size_total_bytes: heapTotal,
    nodejs_heap_size_used_bytes: heapUsed,
  };
}

const START_SECONDS = Math.round(Date.now() / 1000 - process.uptime());

// proc_pid_limits(5): soft limit, hard limit.
function maxDescriptors(): number {
  const limits = readFileSync("/proc/self/limits", "latin1");
  const soft = /^Max open files\s+(\S+)/m.exec(limits)?.[1];
  return soft === "unlimited" ? Number.POSITIVE_INFINITY : Number(soft);
}

function orNaN(read: () => number): number {
  try {
    return read();
  } catch {
    return Number.NaN;
  }
}

/** Between two looks at how late the event loop is (ms). */
const LAG_MS = 200;

/** Reports how late the event loop was (seconds), five times a second, until it is stopped. Keeps no process alive. */
export function watchLag(report: (seconds: number) => void): { stop(): void } {
  let due = performance.now() + LAG_MS;
  const timer = setInterval(() => {
    const now = performance.now();
    report(Math.max(0, now - due) / 1000);
    due = now + LAG_MS;
  }, LAG_MS);
  timer.unref();
  return { stop: () => clearInterval(timer) };
}
