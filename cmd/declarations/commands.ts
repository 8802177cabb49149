/** All commands, in the order of the help. */
import { check, gc } from "./attachments";
import { rules } from "./marks";
import { agent, routes } from "./node";
import { lab, selftest } from "./proofs";
import { completion, man, version } from "./self";
import { status } from "./status";
import { validate } from "./validate";
import type { CommandSpec } from "./spec";

export const COMMANDS: readonly CommandSpec[] = [
  status,
  validate,
  check,
  gc,
  rules,
  agent,
  routes,
  lab,
  selftest,
  completion,
  man,
  version,
];
