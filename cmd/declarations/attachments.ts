/** The commands about the pods of this node. */
import { EXPLAIN_FORMATS } from "../command";
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

export const explain: CommandSpec = {
  name: "explain",
  usage: "NAMESPACE/POD | CONTAINER-ID [DEST[:PORT]] [options]",
  description: "show the way of a pod's new connection, and what is wrong with it first",
  argument: { name: "[POD...]" },
  options: [
    conf,
    { flags: "-o, --output <FORMAT>", description: "output format", choices: EXPLAIN_FORMATS },
    {
      flags: "--live",
      description: "send a real packet from the pod, and say where it got to",
    },
  ],
  examples: [
    { call: "wrapper explain team-a/web-0", about: "the way to the outside" },
    {
      call: "wrapper explain team-a/web-0 203.0.113.9:443 --live",
      about: "with a TCP SYN that is really sent",
    },
    { call: "wrapper explain team-a/web-0 -o svg >way.svg", about: "a picture" },
  ],
  statuses:
    "0 nothing is wrong on the way, 1 something is, 2 could not look, or no answer came back",
  load: async () => (await import("../commands/explain")).explainCommand,
  actions: [
    {
      // What --live runs in the pod's network namespace.
      name: "probe",
      usage: "[WORDS...]",
      description: "send one packet",
      hidden: true,
      argument: { name: "[WORDS...]" },
      load:
        async () =>
        async (io, [request]) =>
          import("../../lib/explain/probe/probe").then(({ probeCommand }) =>
            probeCommand(io, request),
          ),
    },
  ],
};
