/** The commands about the marks of all pods of this node. */
import { conf, output, recordedCniPath } from "./options";
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

export const drift: CommandSpec = {
  name: "drift",
  usage: "[options]",
  description: "show what differs from the records, the annotations and the journal",
  options: [conf, output],
  examples: [{ call: "wrapper drift", about: "what is wrong, with the command that fixes it" }],
  statuses: "0 nothing differs, 1 something does, 2 something could not be looked at",
  load: async () => (await import("../marks/drift")).driftCommand,
};

export const repair: CommandSpec = {
  name: "repair",
  usage: "[--apply] [options]",
  description: "put the marks of running pods right, and carry out DELs that are owed",
  options: [
    conf,
    { flags: "--apply", description: "do it; without it, only say what would be done" },
    { flags: "--yes", description: "do not ask first, on a terminal" },
    {
      flags: "--unclaimed",
      description: "remove marks without a record too, where nobody has the address",
    },
    recordedCniPath,
  ],
  examples: [
    { call: "wrapper repair", about: "what would be done" },
    { call: "wrapper repair --apply", about: "do it; no pod is restarted" },
  ],
  statuses: "0 nothing is left to do, 1 something is, 2 something could not be looked at",
  load: async () => (await import("../marks/repair")).repairCommand,
};

export const top: CommandSpec = {
  name: "top",
  usage: "[options]",
  description: "show what each tenant sends now, its gateways and leaks",
  options: [conf, output, { flags: "--once", description: "one table, over one second" }],
  examples: [
    { call: "wrapper top", about: "again every second, on a terminal" },
    { call: "wrapper top --once", about: "one table" },
  ],
  statuses: "0 shown, 2 could not look",
  load: async () => (await import("../marks/top")).topCommand,
};
