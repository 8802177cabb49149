/** The commands about the command line itself. */
import { conf } from "./options";
import { SHELLS } from "../commands/completion/tree";
import { aboutText, build } from "../version";
import type { CommandSpec } from "./spec";

export const completion: CommandSpec = {
  name: "completion",
  usage: `${SHELLS.join("|")} [options]`,
  description: "print a script that completes the command line in a shell",
  argument: { name: "<SHELL>", choices: SHELLS },
  examples: [{ call: "source <(wrapper completion bash)", about: "for this shell" }],
  statuses: "0 printed, 2 no such shell",
  load: async (root) => {
    const { completionCommand } = await import("../commands/completion");
    return async (io, [shell = ""]) => completionCommand(io, shell, root);
  },
};

export const man: CommandSpec = {
  name: "man",
  usage: "[options]",
  description: "print the manual page, for man",
  examples: [{ call: "wrapper man | man -l -", about: "read it" }],
  statuses: "0 printed",
  load: async (root) => {
    const { manPage } = await import("../commands/man");
    return async (io) => {
      io.stdout(manPage(root, build.date));
      return 0;
    };
  },
};

export const version: CommandSpec = {
  name: "version",
  usage: "[options]",
  description: "print version, commit and the supported CNI versions",
  statuses: "0 printed",
  load: async () => async (io) => {
    io.stdout(aboutText());
    return 0;
  },
};

export const report: CommandSpec = {
  name: "report",
  usage: "[FILE] [options]",
  description: "collect what a bug report needs in one archive, without secrets",
  argument: { name: "[FILE]" },
  options: [conf],
  examples: [{ call: "wrapper report", about: "an archive in the working directory" }],
  statuses: "0 written, 2 could not be written",
  load: async (root) => (await import("../report/report")).reportCommand(root),
};
