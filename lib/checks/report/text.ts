/** Pure: what checks have found, for people: the worst first, then one line a category. */
import { WIDTH, wrapWords } from "../../text/wrap";
import type { Finding } from "../finding";
import { worstFirst, type Verdict } from "../run";

const INDENT = " ".repeat(8);
/** How many subjects of alike findings are named. */
const MOST_NAMED = 4;
/** Findings of one look that are shown in full; the rest is counted by code. */
const MOST_SHOWN = 8;

/** A style that a piece of text has on a terminal. */
export type Paint = (style: Style, text: string) => string;
export type Style = "failed" | "warning" | "ok" | "unknown" | "dim" | "bold";

const MARKS: Readonly<Record<Verdict["state"], readonly [text: string, style: Style]>> = {
  ok: ["ok", "ok"],
  warning: ["warning", "warning"],
  failed: ["FAILED", "failed"],
  unknown: ["?", "unknown"],
  skipped: ["-", "dim"],
};

/** The whole report. A command is never cut: it goes on in the next line behind a backslash. */
export function statusText(verdicts: readonly Verdict[], paint: Paint): string {
  const groups = alike(worstFirst(verdicts));
  const shown = groups.slice(0, MOST_SHOWN).map((group) => groupText(group, paint));
  const rest = groups.slice(MOST_SHOWN).map(([first, ...more]) => countText(first, more.length));
  const others = rest.length === 0 ? "" : `${wrap(`and ${rest.join(", ")}: see -o json`, "")}\n\n`;
  return `${shown.join("\n")}${shown.length === 0 ? "" : "\n"}${others}${verdicts.map((verdict) => categoryText(verdict, paint)).join("")}`;
}

type Group = readonly [Finding, ...Finding[]];

/** Findings of one code with one remedy, or about one pod after the other, are one group. */
function alike(findings: readonly Finding[]): readonly Group[] {
  const groups = new Map<string, [Finding, ...Finding[]]>();
  for (const finding of findings) {
    const { code, remedy } = finding;
    const key = `${code} ${remedy}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [finding]);
    else group.push(finding);
  }
  return [...groups.values()];
}

function groupText([first, ...more]: Group, paint: Paint): string {
  const [mark, style] = MARKS[first.severity];
  const head = wrap(`${first.code} ${first.fault}`, INDENT);
  return [
    `${paint(style, mark.padEnd(INDENT.length))}${head.slice(INDENT.length)}`,
    ...(more.length === 0 ? [] : [wrap(moreText(more), INDENT)]),
    wrap(first.consequence, INDENT),
    paint("bold", wrapCommand(`fix: ${first.remedy}`, INDENT)),
    "",
  ].join("\n");
}

function moreText(more: readonly Finding[]): string {
  const subjects = [...new Set(more.flatMap(({ subject }) => subject ?? []))];
  const named = subjects.slice(0, MOST_NAMED).join(", ");
  return `and ${more.length} more like it${named === "" ? "" : `: ${named}`}${subjects.length > MOST_NAMED ? ", ..." : ""}`;
}

function countText({ code }: Finding, more: number): string {
  return more === 0 ? code : `${code} (${more + 1})`;
}

function categoryText({ category, state, findings, summaries, blind }: Verdict, paint: Paint) {
  const [mark, style] = MARKS[state];
  const said = [
    ...(findings.length === 0 ? [] : [countOf(findings)]),
    ...summaries.filter((text) => text !== ""),
    ...blindTexts(blind),
  ].join("; ");
  const indent = " ".repeat(21);
  const text = wrap(said, indent).slice(indent.length);
  return `${paint(style, mark.padEnd(8))} ${category.padEnd(12)}${text}`.trimEnd().concat("\n");
}

/** Checks that could not look for one reason are named together. */
function blindTexts(blind: Verdict["blind"]): readonly string[] {
  const reasons = [...new Set(blind.map(({ why }) => why))];
  return reasons.map((why) => {
    const checks = blind.filter((each) => each.why === why).map(({ check }) => check);
    return `could not look at ${checks.join(", ")}: ${why}`;
  });
}

function countOf(findings: readonly Finding[]): string {
  const codes = [...new Set(findings.map(({ code }) => code))].join(", ");
  return `${findings.length} ${findings.length === 1 ? "finding" : "findings"} (${codes})`;
}

/** Lines of at most WIDTH columns; a word that is longer has a line of its own. */
export function wrap(text: string, indent: string): string {
  return fill(text.split(/\s+/), indent, "");
}

/** A command that can still be copied: it is broken only between words that are not in quotes. */
export function wrapCommand(text: string, indent: string): string {
  const words = text.match(/(?:"(?:[^"\\]|\\.)*"|'[^']*'|[^\s"']|["'](?!.*["']))+/g) ?? [text];
  // What does not begin with a program is a sentence.
  return /^(?!fix: [^a-z])[a-z]/.test(text) ? fill(words, indent, " \\") : wrap(text, indent);
}

/** `end` stands behind each line but the last. */
function fill(words: readonly string[], indent: string, end: string): string {
  return wrapWords(words, WIDTH - indent.length - end.length)
    .map((line) => `${indent}${line}`)
    .join(`${end}\n`);
}
