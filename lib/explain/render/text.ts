/** Pure: an explanation as a tree for a terminal. */
import { destinationText } from "../destination";
import type { Explanation, Step, StepState } from "../model";
import { pageOf, type Finding } from "../../checks/finding";

/** What the tree is drawn with. */
export interface Look {
  /** Box characters; false: ASCII alone. */
  readonly boxes: boolean;
  readonly colours: boolean;
}

/** Columns of the longest line. */
const WIDTH = 100;
/** The shortest piece that a line is wrapped to, however deep the tree is. */
const LEAST = 30;
const NAME_WIDTH = 11;

/** SGR parameters (ECMA-48). */
const COLOURS: Readonly<Record<StepState, string>> = {
  ok: "32",
  unknown: "36",
  warning: "33",
  failed: "31",
};
const WORDS: Readonly<Record<StepState, string>> = {
  ok: "ok",
  unknown: "?",
  warning: "WARNING",
  failed: "FAILED",
};

/** The tree, the verdict, and what is wrong first. */
export function toText(explanation: Explanation, look: Look): string {
  const { pod, destination, steps, verdict, first } = explanation;
  return [
    `${pod} -> ${destinationText(destination)}`,
    ...branches(steps, look, ""),
    "",
    ...wrapped(`${verdict}.`, WIDTH),
    ...(first === undefined ? [] : findingLines(first, look)),
    "",
  ].join("\n");
}

function branches(steps: readonly Step[], look: Look, before: string): readonly string[] {
  const [middle, end, bar] = look.boxes ? ["├─ ", "└─ ", "│  "] : ["|- ", "`- ", "|  "];
  return steps.flatMap((step, i) => {
    const isLast = i === steps.length - 1;
    const below = `${before}${isLast ? "   " : bar}`;
    return [
      ...stepLines(step, look, { first: before + (isLast ? end : middle), below }),
      ...branches(step.steps ?? [], look, below),
    ];
  });
}

function stepLines(
  { name, what, state, steps }: Step,
  look: Look,
  { first, below }: { readonly first: string; readonly below: string },
): readonly string[] {
  const word = state === "ok" ? "" : `${WORDS[state]} `;
  const indent = NAME_WIDTH + 1;
  const bar = steps === undefined ? "" : look.boxes ? "│" : "|";
  const pieces = wrapped(`${word}${what}`, WIDTH - first.length - indent);
  const [head = "", ...rest] = pieces;
  const shown =
    word === "" ? head : `${painted(WORDS[state], state, look)}${head.slice(word.length - 1)}`;
  return [
    `${first}${name.padEnd(NAME_WIDTH)} ${shown}`.trimEnd(),
    ...rest.map((piece) => `${below}${bar.padEnd(indent)}${piece}`),
  ];
}

function findingLines(
  { code, severity, fault, consequence, remedy }: Finding,
  look: Look,
): readonly string[] {
  const label = severity === "failed" ? "FAILED" : "WARNING";
  return [
    "",
    ...wrapped(`${label} ${code}: ${fault}, so ${consequence}.`, WIDTH).map((line, i) =>
      i === 0 ? line.replace(label, painted(label, severity, look)) : line,
    ),
    // On a line of its own, whole: it is there to be copied.
    `  ${remedy}`,
    `  (${pageOf(code)})`,
  ];
}

function painted(text: string, state: StepState, { colours }: Look): string {
  return colours ? `\u001b[${COLOURS[state]}m${text}\u001b[0m` : text;
}

/** The text in lines of at most so many columns; a longer word stays whole. */
export function wrapped(text: string, columns: number): readonly string[] {
  const width = Math.max(LEAST, columns);
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}
