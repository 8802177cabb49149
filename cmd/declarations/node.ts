/** The commands that keep this node as the conflist says. */
import { ROUTER_FORMATS } from "../command";
import type { RoutesAction } from "../commands/routes";
import { conf, output, sysctl } from "./options";
import type { CommandSpec, OptionSpec } from "./spec";

export const agent: CommandSpec = {
  name: "agent",
  usage: "[options]",
  description: "answer the runtime's requests in one resident process until SIGTERM",
  options: [
    conf,
    output,
    {
      flags: "--sysctl",
      description: "change kernel settings too, where the node's routes need them",
    },
  ],
  examples: [{ call: "wrapper agent --sysctl", about: "as the systemd unit runs it" }],
  statuses: "0 told to stop, 2 could not start",
  load: async () => (await import("../commands/agent")).agentCommand,
};

const force: OptionSpec = { flags: "--force", description: "go ahead in spite of collisions" };
const format: OptionSpec = {
  flags: "--format <FORMAT>",
  description: "of the router's configuration",
  choices: ROUTER_FORMATS,
};

/** An action's name, what it does, its options and what its exit status means. */
const ACTIONS: readonly (readonly [RoutesAction, string, readonly OptionSpec[], string])[] = [
  [
    "plan",
    "print what apply would change",
    [conf, output, sysctl],
    "0 nothing to do, or a plan without problems, 1 something is wrong, 2 could not look, 3 it collides",
  ],
  [
    "apply",
    "change what differs from the conflist",
    [conf, output, sysctl, force],
    "0 done, 1 something is wrong or failed, 2 could not look, 3 it collides and nothing was changed",
  ],
  [
    "show",
    "compare the node with the conflist",
    [conf, output],
    "0 it is as the conflist says, 1 it is not, 2 could not look",
  ],
  [
    "remove",
    "put everything back as it was",
    [conf, output],
    "0 done, 1 something failed, 2 could not look",
  ],
  [
    "watch",
    "apply, and keep it so until SIGTERM",
    [conf, output, sysctl, force],
    "0 told to stop, 1 or 2 could not start, 3 it collides",
  ],
  [
    "router-config",
    "print what the router behind the node needs",
    [conf, format],
    "0 printed, 2 could not look",
  ],
];

export const routes: CommandSpec = {
  name: "routes",
  usage: `${ACTIONS.map(([name]) => name).join("|")} [options]`,
  description: "make the node's rules and routes match the tenants of the conflist",
  examples: [
    { call: "wrapper routes plan", about: "what would change" },
    { call: "wrapper routes apply --sysctl", about: "change it, kernel settings too" },
    { call: "wrapper routes show", about: "what differs now" },
  ],
  statuses: "0 all good, 1 something is wrong, 2 could not look, 3 it collides with others' rules",
  actions: ACTIONS.map(([name, description, options, statuses]) => ({
    name,
    usage: "[options]",
    description,
    options,
    statuses,
    load: async () => (await import("../commands/routes")).routesCommand(name),
  })),
};
