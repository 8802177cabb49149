/** What the audience of a lab sees: headings, commands with their output, and statements about it. */
import { printable } from "../../text/printable";
import type { Io } from "../../../cmd/io";

/** Where long output lines are broken. */
const WIDTH = 96;
const COLOURS = {
  bold: "\u001b[1m",
  dim: "\u001b[2m",
  green: "\u001b[32m",
  red: "\u001b[31m",
  plain: "\u001b[0m",
};

export interface Score {
  readonly passed: number;
  readonly failed: number;
}

export interface Story {
  /** Starts the next step; steps are numbered. */
  heading(text: string): void;
  /** Plain sentences. */
  say(...lines: readonly string[]): void;
  /** Text as it is, indented: a picture, a file. */
  quote(text: string): void;
  /** A command that ran on the machine `where`, and what it said. */
  command(where: string, command: string, output?: string): void;
  /** A statement and whether it holds; each one counts. Returns `holds`, for steps that depend on it. */
  claim(text: string, holds: boolean): boolean;
  score(): Score;
}

/** `verify`: each statement is a line `   ok   text` or `   FAILED text`; else `=> text` or `NOT SO: text`. */
export function createStory(
  io: Pick<Io, "stdout" | "coloured">,
  options: { readonly verify: boolean; readonly colour: boolean },
): Story {
  const score = { passed: 0, failed: 0 };
  let step = 0;
  const line = (text: string): void => io.stdout(`${text}\n`);
  const painted = (colour: keyof typeof COLOURS, text: string): void => {
    if (options.colour) io.coloured(`${COLOURS[colour]}${printable(text)}${COLOURS.plain}\n`);
    else line(text);
  };
  const [yes, no] = options.verify ? ["ok  ", "FAILED"] : ["=>", "NOT SO:"];
  return {
    heading: (text) => painted("bold", `\n${++step}. ${text}`),
    say: (...lines) => lines.forEach((text) => line(text === "" ? "" : `   ${text}`)),
    quote: (text) =>
      text
        .replace(/^\n+|\s+$/g, "")
        .split("\n")
        .forEach((part) => line(part === "" ? "" : `     ${part}`)),
    command: (where, command, output = "") => {
      painted("dim", `   ${where}$ ${command}`);
      if (output.trim() !== "")
        output
          .trimEnd()
          .split("\n")
          .flatMap((text) => wrapped(text, WIDTH))
          .forEach((text) => line(`     ${text}`));
    },
    claim: (text, holds) => {
      score[holds ? "passed" : "failed"] += 1;
      painted(holds ? "green" : "red", `   ${holds ? yes : no} ${text}`);
      return holds;
    },
    score: () => ({ ...score }),
  };
}

/** The last line of a lab. */
export function scoreText({ passed, failed }: Score): string {
  return `${passed} passed, ${failed} failed`;
}

/** Breaks a line at spaces, like fold -s; words longer than the width stay whole. */
export function wrapped(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let rest = text;
  while (rest.length > width) {
    const space = rest.lastIndexOf(" ", width);
    const at = space > 0 ? space : rest.indexOf(" ", width);
    if (at < 0) break;
    lines.push(rest.slice(0, at));
    rest = rest.slice(at + 1);
  }
  return [...lines, rest];
}
