/** All commands, in the order of the help. */
import { check, explain, gc } from "./attachments";
import { drift, repair, rules, top } from "./marks";
import { agent, routes } from "./node";
import { lab, selftest } from "./proofs";
import { completion, man, report, version } from "./self";
import { status } from "./status";
import { validate } from "./validate";
import type { CommandSpec } from "./spec";

export const COMMANDS: readonly CommandSpec[] = [
  status,
  validate,
  check,
  explain,
  gc,
  rules,
  drift,
  repair,
  top,
  agent,
  routes,
  lab,
  selftest,
  report,
  completion,
  man,
  version,
];
