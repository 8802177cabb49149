/** Small programs that tests run to look at the node, outside the product. */
import { execFileSync } from "node:child_process";

/** Runs a command and returns its stdout. Throws when it fails, with its stderr in the message. */
export function sh(command: string, ...args: string[]): string {
  return execFileSync(command, args, {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    maxBuffer: 64 * 1024 * 1024,
  });
}

/**
 * Adds a network namespace. IPv6 addresses are usable in it at once: a delegate would wait seconds for the
 * detection of duplicates, and nobody else is on these links.
 */
export function addNetns(name: string): void {
  sh("ip", "netns", "add", name);
  const off = "for c in all default; do echo 0 >/proc/sys/net/ipv6/conf/$c/accept_dad; done";
  sh("ip", "netns", "exec", name, "sh", "-c", off);
}

/** Quotes a word for /bin/sh. */
export function shellQuote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/**
 * Waits until `condition` gives something other than undefined or false; throws after `timeoutMs`. Looks
 * every 10 ms, but a look that takes long (a program of the node) is not taken more than half of the time:
 * the processor is for what is waited for.
 */
export async function until<T>(
  what: string,
  condition: () => T | undefined | false,
  timeoutMs = 120_000,
): Promise<T> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    const started = performance.now();
    const value = condition();
    if (value !== undefined && value !== false) return value;
    const now = performance.now();
    if (now > end) throw new Error(`waited ${timeoutMs} ms in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, Math.max(10, now - started)));
  }
}
