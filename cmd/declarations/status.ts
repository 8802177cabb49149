/** The command that looks at everything. */
import { cniPath, conf, output } from "./options";
import type { CommandSpec } from "./spec";

export const status: CommandSpec = {
  name: "status",
  usage: "[options]",
  description: "say what is wrong with this node, the worst first, and what ends it",
  options: [
    { flags: "--only <CATEGORIES>", description: "look at these alone, such as node,pods" },
    conf,
    cniPath("where the runtime looks for plugins (default: what containerd's configuration says)"),
    output,
    { flags: "--local", description: "ask nobody but this machine: no API server" },
    { flags: "--watch", description: "look again and again, until interrupted" },
  ],
  examples: [
    { call: "wrapper status", about: "the first command at night" },
    { call: "wrapper status --only runtime,pods", about: "two categories of it" },
  ],
  load: async () => (await import("../commands/status")).statusCommand,
};
