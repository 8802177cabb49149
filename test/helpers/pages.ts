/** The repository's pages as text: their code, links and headings. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

export const ROOT = join(__dirname, "../..");
export const read = (file: string): string => readFileSync(join(ROOT, file), "utf8");

const below = (dir: string): readonly string[] =>
  readdirSync(join(ROOT, dir), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".md"))
    .map((name) => join(dir, name))
    .sort();

/** What is in docs/, decisions included. */
export const DOCS = below("docs");
export const PAGES = [
  ...readdirSync(ROOT).filter((name) => name.endsWith(".md")),
  ...below(".github"),
  ...DOCS,
  "test/CATALOGUE.md",
  "test/apiserver/README.md",
];

const FENCE = /^```[\s\S]*?^```$/gm;

/** The fenced blocks of a page, or of a part of one, in one language. */
export function fencesOf(text: string, language: string): readonly string[] {
  return [...text.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)]
    .filter(([, lang]) => lang === language)
    .map(([, , body]) => body ?? "");
}

export function fences(file: string, language: string): readonly string[] {
  return fencesOf(read(file), language);
}

/** Everything that a text prints as code: fenced lines and inline spans. */
export function codeIn(text: string): readonly string[] {
  const inline = text.replace(FENCE, "").matchAll(/`([^`\n]+)`/g);
  return [
    ...fencesOf(text, "sh").flatMap((body) => body.split("\n")),
    ...[...inline].map(([, code]) => code ?? ""),
  ];
}

export const codeOf = (file: string): readonly string[] => codeIn(read(file));

/** GitHub's anchors of the headings of a page. */
export function anchorsOf(file: string): readonly string[] {
  const headings = read(file)
    .replace(FENCE, "")
    .matchAll(/^#{1,6} (.+)$/gm);
  return [...headings].map(([, title]) =>
    (title ?? "")
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

/** The relative links of a page as written, each with the file and heading that it leads to. */
export function linksOf(page: string): readonly { link: string; file: string; anchor?: string }[] {
  return [...read(page).matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target]) => target ?? "")
    .filter((target) => !/^[a-z]+:/.test(target))
    .map((link) => {
      const [path = "", anchor] = link.split("#");
      const file = path === "" ? page : join(dirname(page), path);
      return { link, file, ...(anchor === undefined ? {} : { anchor }) };
    });
}

/** The lines of a page outside fences, tables and comments. */
export function proseOf(page: string): readonly string[] {
  return read(page)
    .replace(FENCE, "")
    .split("\n")
    .filter((line) => !/^(\||<!--)/.test(line));
}

/** The part of a page under one heading, up to the next of the same level. */
export function section(page: string, heading: string): string {
  const level = /^#+ /.exec(heading)?.[0] ?? "";
  const part = read(page).split(`\n${heading}\n`)[1] ?? "";
  return part.split(new RegExp(`^${level}`, "m"))[0] ?? "";
}
