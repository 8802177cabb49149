/** The decisions: files in order, in one form, and all of them in the index. */
import { globSync } from "node:fs";
import { basename } from "node:path";
import { DOCS, linksOf, PAGES, read, ROOT } from "../helpers/pages";

const INDEX = "docs/decisions/README.md";
const FILES = DOCS.filter((page) => page.startsWith("docs/decisions/") && page !== INDEX);

interface Decision {
  readonly number: string;
  readonly title: string;
  readonly date: string;
  readonly status: string;
}

/** The head of a decision; empty fields where it is not in the form. */
function headOf(file: string): Decision {
  const [, number = "", title = "", date = "", status = ""] =
    /^# (\d{4})\. (.+)\n\n- Date: (\d{4}-\d{2}-\d{2})\n- Status: (.+)\n\n## Context\n/.exec(
      read(file),
    ) ?? [];
  return { number, title, date, status };
}

test("decisions are numbered in order, without a gap", () => {
  expect(FILES.length).toBeGreaterThanOrEqual(54);
  expect(FILES.map((file) => Number.parseInt(basename(file), 10))).toEqual(
    FILES.map((_, i) => i + 1),
  );
});

describe.each(FILES)("%s", (file) => {
  const { number, title, date, status } = headOf(file);

  test("has the number and title of its name, a date and a status", () => {
    expect(date).not.toBe("");
    const words =
      title
        .toLowerCase()
        .replaceAll("'", "")
        .match(/[a-z0-9]+/g) ?? [];
    expect(basename(file)).toBe(`${[number, ...words].join("-")}.md`);
  });

  test("is accepted, or superseded by a decision that exists", () => {
    const by = /^Superseded by \[(\d{4})\]\(([^)]+)\)$/.exec(status);
    if (by === null) expect(status).toBe("Accepted");
    else expect(FILES.map((other) => basename(other))).toContain(by[2]);
    if (by !== null) expect(by[2]?.startsWith(by[1] ?? "-")).toBe(true);
  });

  test("has context, decision and consequence, in this order, and nothing else", () => {
    const parts = read(file).split(/^## /m).slice(1);
    expect(parts.map((part) => part.split("\n")[0])).toEqual([
      "Context",
      "Decision",
      "Consequence",
    ]);
    for (const part of parts) expect(part.split("\n").slice(1).join("").length).toBeGreaterThan(10);
  });

  test("is in the index, with its title, date and status", () => {
    const state = status.replace(/\[(\d{4})\]\([^)]+\)/, "$1");
    expect(read(INDEX)).toContain(
      `\n| [${number}](${basename(file)}) | ${title} | ${date} | ${state} |\n`,
    );
  });
});

test("the index names each decision once, and no other file", () => {
  const linked = linksOf(INDEX)
    .map(({ file }) => file)
    .filter((file) => file.startsWith("docs/decisions/"));
  expect([...linked].sort()).toEqual(FILES);
});

test("every decision that the code or a page names exists", () => {
  const sources = globSync(
    "{cmd,lib,delegates,conf,scripts,manifests,test,.ci}/**/*.{ts,mjs,cjs,js,c,sh,yaml,service}",
    { cwd: ROOT },
  );
  const numbers = FILES.map((file) => basename(file).slice(0, 4));
  const unknown = [...PAGES, ...sources, "eslint.config.mjs", "jest.config.ts"].flatMap((file) =>
    [...read(file).matchAll(/\bdecisions? (\d+)/gi)]
      .filter(([, number = ""]) => !numbers.includes(number))
      .map(([text]) => `${file}: ${text}`),
  );
  expect(unknown).toEqual([]);
});
