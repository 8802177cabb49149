/** The commands about the pods of this node. */
import { conf, output, recordedCniPath } from "./options";
import type { CommandSpec } from "./spec";

export const check: CommandSpec = {
  name: "check",
  usage: "[NAMESPACE/POD | CONTAINER-ID] [options]",
  description: "compare the pods' firewall rules with the journal, and run the delegate's CHECK",
  argument: { name: "[POD]" },
  options: [
    conf,
    output,
    recordedCniPath,
    { flags: "--no-delegate", description: "do not run the delegate's CHECK" },
  ],
  examples: [
    { call: "wrapper check", about: "all pods of this node" },
    { call: "wrapper check team-a/web-0", about: "one pod" },
  ],
  load: async () => (await import("../commands/check")).checkCommand,
};

export const gc: CommandSpec = {
  name: "gc",
  usage: "[options]",
  description: "take down attachments whose sandbox is gone and whose DEL never came",
  options: [
    conf,
    { flags: "--dry-run", description: "only say what would be removed" },
    recordedCniPath,
  ],
  examples: [{ call: "wrapper gc --dry-run", about: "what is left over" }],
  statuses: "0 done, 1 something could not be taken down, 2 could not look",
  load: async () => (await import("../commands/gc")).gcCommand,
};
