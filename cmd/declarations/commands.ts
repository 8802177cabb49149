/** All commands, in the order of the help. */
import { check, explain, gc } from "./attachments";
import { agent, routes } from "./node";
import { lab, selftest } from "./proofs";
import { completion, man, version } from "./self";
import type { CommandSpec } from "./spec";

export const COMMANDS: readonly CommandSpec[] = [
  check,
  explain,
  gc,
  agent,
  routes,
  lab,
  selftest,
  completion,
  man,
  version,
];
