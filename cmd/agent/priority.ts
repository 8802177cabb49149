import { setPriority } from "node:os";

/** Some nine times the share of a process that has the usual 0. */
const NICE = -10;

/**
 * Gives the agent's process more of the processor than others have. On a busy node its silence would count as its
 * end: each launcher then starts a Node.js process of its own, and the node has still more to do (decision 0098).
 */
export function keepAnswering(): void {
  try {
    setPriority(NICE);
  } catch {
    // Not allowed in a container without CAP_SYS_NICE: as good as before.
  }
}
