import type { EventKind } from "../../lib/agent/page/events";
import { printable } from "../../lib/text/printable";
import type { Io } from "../io";

/** One line of the agent's log. What happened, as a word for programs and as a sentence for people. */
export interface AgentLine {
  readonly event: EventKind;
  readonly message: string;
  /** `namespace/name`. */
  readonly pod?: string;
}

export type Say = (line: AgentLine) => void;

/**
 * Writes the agent's lines to stderr: sentences, or JSON objects with the time and all that is known. `onLine` hears
 * each, too.
 */
export function createSay(
  io: Pick<Io, "stderr">,
  json: boolean,
  onLine: (line: AgentLine) => void = () => {},
): Say {
  return ({ event, message, ...rest }) => {
    onLine({ event, message, ...rest });
    const line = { time: new Date().toISOString(), event, message, ...rest };
    io.stderr(json ? `${JSON.stringify(line)}\n` : printable(`${message}\n`));
  };
}
