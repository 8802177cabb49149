/** The commands that keep this node as the conflist says. */
import { ROUTER_FORMATS } from "../command";
import type { RoutesAction } from "../commands/routes";
import { conf, output, sysctl } from "./options";
import type { CommandSpec, Example, OptionSpec } from "./spec";

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
const yes: OptionSpec = {
  flags: "--yes",
  description: "take away every tenant, if it comes to that, without a question",
};
const format: OptionSpec = {
  flags: "--format <FORMAT>",
  description: "of the router's configuration",
  choices: ROUTER_FORMATS,
};

interface Action {
  readonly about: string;
  readonly options: readonly OptionSpec[];
  readonly otherwise?: NonNullable<CommandSpec["otherwise"]>;
  readonly examples: readonly Example[];
  readonly statuses: string;
}

const ACTIONS: Readonly<Record<RoutesAction, Action>> = {
  plan: {
    about: "print what apply would change, and first what it collides with",
    options: [conf, output, sysctl, yes],
    otherwise: { "--dry-run": "plan changes nothing" },
    examples: [
      { call: "wrapper routes plan -c ./new.conflist", about: "a conflist before it is installed" },
    ],
    statuses:
      "0 nothing to do, or a plan without problems, 1 something is wrong or every tenant would go, 2 could not look, 3 it collides",
  },
  apply: {
    about: "change what differs from the conflist",
    options: [conf, output, sysctl, force, yes],
    otherwise: { "--dry-run": "wrapper routes plan prints what it would change" },
    examples: [{ call: "wrapper routes apply --sysctl", about: "kernel settings too" }],
    statuses:
      "0 done, 1 something is wrong or failed, 2 could not look, or every tenant would go and nobody could be asked, 3 it collides and nothing was changed",
  },
  show: {
    about: "compare the node with the conflist",
    options: [conf, output],
    examples: [{ call: "wrapper routes show -o json", about: "for a program" }],
    statuses: "0 it is as the conflist says, 1 it is not, 2 could not look",
  },
  remove: {
    about: "put everything back as it was",
    options: [conf, output],
    examples: [
      { call: "wrapper routes remove", about: "before the wrapper is taken off the node" },
    ],
    statuses: "0 done, 1 something failed, 2 could not look",
  },
  watch: {
    about: "apply, and keep it so until SIGTERM",
    options: [conf, output, sysctl, force],
    examples: [{ call: "wrapper routes watch --sysctl", about: "as the systemd unit runs it" }],
    statuses: "0 told to stop, 1 or 2 could not start, 3 it collides",
  },
  "router-config": {
    about: "print what the router behind the node needs",
    options: [conf, format],
    examples: [{ call: "wrapper routes router-config --format frr", about: "for FRR" }],
    statuses: "0 printed, 2 could not look",
  },
};

export const routes: CommandSpec = {
  name: "routes",
  usage: `${Object.keys(ACTIONS).join("|")} [options]`,
  description: "make the node's rules and routes match the tenants of the conflist",
  examples: [
    { call: "wrapper routes plan", about: "what would change" },
    { call: "wrapper routes apply --sysctl", about: "change it, kernel settings too" },
    { call: "wrapper routes show", about: "what differs now" },
  ],
  statuses: "0 all good, 1 something is wrong, 2 could not look, 3 it collides with others' rules",
  actions: (Object.keys(ACTIONS) as RoutesAction[]).map((name) => {
    const { about, ...rest } = ACTIONS[name];
    const load = async () => (await import("../commands/routes")).routesCommand(name);
    return { name, usage: "[options]", description: about, ...rest, load };
  }),
};
