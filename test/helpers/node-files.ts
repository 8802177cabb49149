/** A node's own /etc, /run, /var/lib and /var/log, so that a conflist can be driven with the paths that it names. */
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { NodeWorld } from "./node-world";
import { shellQuote } from "./shell";

export interface NodeFiles {
  /** Shell text for `wrap`: the process then sees this directory's parts in place of the machine's. */
  readonly wrap: string;
  /** Writes a file of the node and makes its directories. */
  write(path: string, content: string): void;
  /** Names of the files in a directory of the node and below it; none when there is no such directory. */
  list(path: string): readonly string[];
}

const PLACES = ["/etc", "/var/lib", "/var/log", "/run"];
/** What the tools need of the machine's own /etc and /run. */
const KEPT = ["/etc/alternatives", "/run/netns"];

/** Makes the directories in the test's own; the machine's are not touched. */
export function nodeFiles(world: NodeWorld): NodeFiles {
  const root = join(world.dir, "fs");
  for (const path of [...PLACES, ...KEPT]) mkdirSync(join(root, path), { recursive: true });
  const over = (path: string): string =>
    `mount --rbind ${shellQuote(path)} ${shellQuote(join(root, path))}`;
  const instead = (path: string): string => `mount --rbind ${shellQuote(join(root, path))} ${path}`;
  return {
    // `ip netns exec` has made a mount namespace, so all of it ends with the process.
    wrap: [
      "kept=$PATH PATH=/usr/sbin:/usr/bin:/sbin:/bin",
      ...KEPT.map(over),
      ...PLACES.map(instead),
      "PATH=$kept",
    ].join("\n"),
    write: (path, content) => {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), content, { mode: 0o600 });
    },
    list: (path) => {
      mkdirSync(join(root, path), { recursive: true });
      return readdirSync(join(root, path), { recursive: true, encoding: "utf8" });
    },
  };
}

/**
 * A directory for PATH with iptables alone. portmap 1.1.1 looks for its IPv4 rules in ip6tables
 * too, so it fails every CHECK where it finds that.
 */
export function onlyIpv4(world: NodeWorld): string {
  const bin = join(world.dir, "bin");
  mkdirSync(bin, { recursive: true });
  if (!readdirSync(bin).includes("iptables"))
    symlinkSync("/usr/sbin/iptables", join(bin, "iptables"));
  return bin;
}
