/** The command about a conflist before it is switched on. */
import { cniPath, output } from "./options";
import type { CommandSpec } from "./spec";

export const validate: CommandSpec = {
  name: "validate",
  usage: "[FILE | -] [options]",
  description: "say everything that is wrong with a conflist before it is switched on",
  argument: { name: "[FILE]" },
  options: [
    cniPath("where the runtime looks for plugins (default: what its configuration says)"),
    {
      flags: "--net-dir <DIR>",
      description: "where the runtime looks for conflists (default: what its configuration says)",
    },
    { flags: "--api", description: "ask the API server too" },
    output,
  ],
  examples: [
    { call: "wrapper validate /etc/cni/net.d/.new", about: "before it is renamed" },
    { call: "wrapper validate", about: "the file that the runtime uses" },
    { call: "wrapper validate - < 10-tenants.conflist", about: "from stdin" },
  ],
  statuses: "0 it can be switched on, 1 it cannot, 2 something could not be looked at",
  load: async () => (await import("../commands/validate")).validateCommand,
};
