/** Which addresses the network namespaces of this node have, those of pods included. */
import { readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { canonicalAddress } from "../../net/address";
import type { Programs } from "../../node/programs";

/** Of the machine's first PID namespace (include/linux/proc_ns.h, PROC_PID_INIT_INO): from others not all can be seen. */
const FIRST_PID_NAMESPACE = "pid:[4026531836]";
const NAMED = "/run/netns";

/** All of them; undefined in a container, from which other pods' namespaces cannot be seen. */
export async function addressesInUse(
  programs: Pick<Programs, "try">,
): Promise<ReadonlySet<string> | undefined> {
  if (readlinkSync("/proc/self/ns/pid") !== FIRST_PID_NAMESPACE) return undefined;
  const seen = new Set<number>();
  const found: string[] = [];
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    if (!isNew(seen, `/proc/${pid}/ns/net`)) continue;
    found.push(...localAddresses(readOrNothing(`/proc/${pid}/net/fib_trie`)));
    found.push(...addressesOf6(readOrNothing(`/proc/${pid}/net/if_inet6`)));
  }
  const unused = namesIn(NAMED).filter((name) => isNew(seen, `${NAMED}/${name}`));
  const more = await Promise.all(unused.map((name) => addressesIn(programs, name)));
  return new Set([...found, ...more.flat()].map(canonicalAddress));
}

// The processes and namespaces of a busy node come and go meanwhile.
function isNew(seen: Set<number>, path: string): boolean {
  try {
    const { ino } = statSync(path);
    return seen.size < seen.add(ino).size;
  } catch {
    return false;
  }
}

function readOrNothing(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function namesIn(dir: string): readonly string[] {
  try {
    return readdirSync(dir);
  } catch {
    return [];
  }
}

/** A namespace in which no process runs. */
async function addressesIn(
  programs: Pick<Programs, "try">,
  name: string,
): Promise<readonly string[]> {
  const { stdout } = await programs.try("ip", ["-n", name, "-o", "addr", "show"]);
  return [...stdout.matchAll(/ inet6? ([0-9a-f.:]+)/g)].map(([, address = ""]) => address);
}

/** Pure: the node's own addresses in /proc/net/fib_trie, in which each is followed by its kind. */
export function localAddresses(trie: string): readonly string[] {
  return [...trie.matchAll(/\|-- ([0-9.]+)\n\s+\/32 host LOCAL/g)].map(
    ([, address = ""]) => address,
  );
}

/** Pure: the addresses in /proc/net/if_inet6. */
export function addressesOf6(table: string): readonly string[] {
  return [...table.matchAll(/^([0-9a-f]{32}) /gm)].map(
    ([, digits = ""]) => digits.match(/.{4}/g)?.join(":") ?? "",
  );
}
