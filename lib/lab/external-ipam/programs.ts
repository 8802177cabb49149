/** Programs of this machine that the lab `external-ipam` runs in its own directory. */
import { copyFileSync, existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { CniError } from "../../cni/error";
import { localHost } from "../../node/host";
import type { Setup } from "../kit/lab";
import type { Background } from "../kit/machines";
import { isRunning } from "../kit/agent/resident";

/** How long a server may take to start, or to notice something (ms). */
export const STARTS_MS = 60_000;

/**
 * A copy of a program. AppArmor knows DHCP servers and clients by their paths, and lets them write to the
 * system's directories only.
 */
export function ownCopy({ dir }: Setup, program: string): string {
  const [programs, from] = [join(dir, "programs"), localHost.find(program)];
  if (from === undefined) throw new CniError("io", `the program ${program} is missing`);
  const copy = join(programs, program);
  mkdirSync(programs, { recursive: true });
  if (!existsSync(copy)) copyFileSync(from, copy);
  return copy;
}

/** Kills a server and waits until it is gone, so that another one can have its port. */
export async function end({ shell }: Setup, server: Background): Promise<void> {
  server.stop();
  await shell.until(() => !isRunning(server.pid), STARTS_MS);
}
