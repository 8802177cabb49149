/** The commands that prove something with real packets. */
import { LABS } from "../../lib/lab/labs";
import { CNI_PATH_DEFAULT } from "../command";
import { cniPath, conf, output } from "./options";
import type { CommandSpec } from "./spec";

export const lab: CommandSpec = {
  name: "lab",
  usage: "[NAME | all] [options]",
  description: "prove a topology with real packets, in network namespaces of this machine",
  argument: { name: "[NAME...]", choices: [...Object.keys(LABS), "all"] },
  options: [
    {
      flags: "--verify",
      description: "say ok or FAILED for each statement; status 1 when one failed",
    },
    { flags: "--pause", description: "wait for Enter before each step" },
    {
      flags: "--page",
      description: "tenants: an agent's page shows each step; on a terminal it waits for Enter",
    },
    { flags: "--keep", description: "leave the machines standing, to look around" },
    { flags: "--remove", description: "remove what --keep, or a lab that was killed, left" },
    cniPath(`where the CNI plugins are (default: ${CNI_PATH_DEFAULT})`),
    {
      flags: "--api-server <PROGRAM>",
      description:
        "tenants, agent: serves the pods' annotations (the source's scripts bring one; default: the runtime passes them)",
    },
    {
      flags: "--launcher <FILE>",
      description: "agent: the launcher (default: the one beside this binary)",
    },
  ],
  examples: [
    { call: "wrapper lab", about: "the labs, a line each" },
    { call: "wrapper lab tenants --pause", about: "step by step, for an audience" },
    { call: "wrapper lab tenants --page", about: "the same in a browser" },
    { call: "wrapper lab all --verify", about: "ok or FAILED for every statement" },
  ],
  statuses: "0 all statements hold, 1 one failed, 2 could not run",
  load: async () => (await import("../commands/lab")).labCommand,
  actions: [
    {
      // What the labs run inside their machines.
      name: "probe",
      usage: "[WORDS...]",
      description: "send, answer or count packets",
      hidden: true,
      argument: { name: "[WORDS...]" },
      load: async () => async (io, words) =>
        import("../../lib/lab/kit/probe/command").then(({ probeCommand }) =>
          probeCommand(io, words),
        ),
    },
  ],
};

export const selftest: CommandSpec = {
  name: "selftest",
  usage: "[options]",
  description: "prove on this node, in network namespaces, that what the conflist promises holds",
  options: [
    conf,
    output,
    cniPath(`where the CNI plugins are (default: $CNI_PATH, else ${CNI_PATH_DEFAULT})`),
  ],
  examples: [
    {
      call: "wrapper selftest -c ./10-tenant-routing.conflist",
      about: "a conflist before it is installed",
    },
  ],
  statuses: "0 everything holds, 1 something does not, 2 could not run",
  load: async () => (await import("../commands/selftest")).selftestCommand,
};
