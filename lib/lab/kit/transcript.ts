/** What the audience of a lab sees: headings, commands with their output, and statements about it. */
import { styleText } from "node:util";
import { printable } from "../../text/printable";

/** Where long output lines are broken. */
const WIDTH = 96;

export interface Score {
  readonly passed: number;
  readonly failed: number;
}

/** Where a transcript is printed. Both throw when the reader is gone. */
export interface Printer {
  readonly stdout: (text: string) => void;
  /** Passes escapes on, even where `stdout` escapes them. */
  readonly coloured: (text: string) => void;
}

export interface TranscriptOptions {
  /** Each statement is a line `   ok   text` or `   FAILED text`; else `   => text` or `   NOT SO: text`. */
  readonly verify: boolean;
  readonly colour: boolean;
  /** Waits before each step but the first. */
  readonly pause?: () => Promise<void>;
}

export interface Transcript {
  /** Starts the next step; steps are numbered. */
  heading(text: string): Promise<void>;
  /** Plain sentences. */
  say(...lines: readonly string[]): void;
  /** Text as it is, indented: a picture, a file. */
  quote(text: string): void;
  /** A command that ran on the machine `where`, and what it said. */
  command(where: string, command: string, output?: string): void;
  /** A statement and whether it holds; each one counts. Returns `holds`, for steps that depend on it. */
  statement(text: string, holds: boolean): boolean;
  score(): Score;
}

/** A transcript that has printed nothing yet. */
export function createTranscript(printer: Printer, options: TranscriptOptions): Transcript {
  const score = { passed: 0, failed: 0 };
  let step = 0;
  const line = (text: string): void => printer.stdout(`${text}\n`);
  const painted = (style: "bold" | "dim" | "green" | "red", text: string): void => {
    if (!options.colour) return line(text);
    // Whether stdout shows colours has been judged by the caller.
    printer.coloured(`${styleText(style, printable(text), { validateStream: false })}\n`);
  };
  const [yes, no] = options.verify ? ["ok  ", "FAILED"] : ["=>", "NOT SO:"];
  return {
    heading: async (text) => {
      if (step > 0) await options.pause?.();
      painted("bold", `\n${++step}. ${text}`);
    },
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
    statement: (text, holds) => {
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
