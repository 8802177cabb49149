/** The commands about the marks of all pods of this node. */
import { conf, output } from "./options";
import type { CommandSpec } from "./spec";

export const rules: CommandSpec = {
  name: "rules",
  usage: "[options]",
  description: "show the marks in force by tenant, with packets and bytes",
  options: [conf, output],
  examples: [{ call: "wrapper rules", about: "whose packets get which mark, and how many" }],
  statuses: "0 shown, 1 a foreign rule is on a pod's address, 2 could not look",
  load: async () => (await import("../marks/rules")).rulesCommand,
};
