/** The pages against the code: what they link to, name and show exists and is as they show it. */
import { existsSync, globSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { LABS } from "../../lib/lab/labs";
import { PROPERTIES } from "../../lib/selftest/results";
import { loadConf } from "../../conf/load";
import { ERRORS } from "../../lib/cni/error";
import { isObject, parseJson, type Json, type JsonObject } from "../../lib/cni/json";
import { PROGRAM, runCommandLine } from "../helpers/command-line";
import {
  anchorsOf,
  codeIn,
  codeOf,
  DOCS,
  fences,
  linksOf,
  PAGES,
  proseOf,
  read,
  ROOT,
  section,
} from "../helpers/pages";

const SCRIPTS = (JSON.parse(read("package.json")) as { scripts: Record<string, string> }).scripts;
const HELP_FLAGS = ["--help", "-h"];
/** All but `help`, which the help text itself explains. */
const COMMANDS = PROGRAM.commands.filter(({ name }) => name !== "help");

describe.each(PAGES)("%s", (page) => {
  test("every relative link leads to a file and heading that exist", () => {
    const broken = linksOf(page).filter(
      ({ file, anchor }) =>
        !existsSync(join(ROOT, file)) ||
        (anchor !== undefined && !anchorsOf(file).includes(anchor)),
    );
    expect(broken).toEqual([]);
  });

  test("every path of the repository that it names exists", () => {
    const paths = codeOf(page).flatMap((code) =>
      [
        ...code.matchAll(
          /(?:^|[\s=(])(?:\.\/)?((?:cmd|lib|delegates|conf|scripts|manifests|docs|test|\.ci)\/[\w./-]*)/g,
        ),
      ].map(([, path]) => path ?? ""),
    );
    // NAME stands for a file that the reader is going to make.
    expect(paths.filter((path) => !path.includes("NAME") && !existsSync(join(ROOT, path)))).toEqual(
      [],
    );
  });

  test("every npm script that it names exists", () => {
    const names = codeOf(page).flatMap((code) =>
      [...code.matchAll(/npm run (?:-s |--silent )?([\w:-]+)/g)].map(([, name]) => name ?? ""),
    );
    expect(names.filter((name) => !Object.hasOwn(SCRIPTS, name))).toEqual([]);
  });
});

/** `wrapper ...` as it is called in code, up to the end of that command; the two forms of help excepted. */
function calls(page: string): readonly string[][] {
  return codeOf(page)
    .flatMap((code) =>
      [...code.matchAll(/(?:^|[;|{(&] ?|\/)wrapper ([^|;>)#}]+)/g)].map(([, rest]) =>
        (rest ?? "").trim().split(/\s+/),
      ),
    )
    .filter(([name = ""]) => name !== "COMMAND" && !HELP_FLAGS.includes(name));
}

test.each(["README.md", "docs/on-call.md"])("%s calls wrapper", (page) => {
  expect(calls(page).length).toBeGreaterThan(3);
});

describe.each(PAGES.filter((page) => calls(page).length > 0))("calls of wrapper in %s", (page) => {
  test.each(calls(page).map((words) => [words.join(" "), words] as const))(
    "wrapper %s",
    (_, [name = "", ...rest]) => {
      const command = PROGRAM.commands.find((each) => each.name === name);
      expect(command?.name).toBe(name);
      const known = (command?.options ?? []).flatMap(({ long, short = long }) => [long, short]);
      expect(known).toEqual(expect.arrayContaining(rest.filter((word) => word.startsWith("-"))));
    },
  );
});

test.each(COMMANDS.map((command) => [command.name, command] as const))(
  "docs/command-line.md has a section on %s that names every option",
  (name, { options }) => {
    expect(read("docs/command-line.md")).toContain(`
## wrapper ${name}
`);
    const named = codeIn(section("docs/command-line.md", `## wrapper ${name}`)).flatMap((code) =>
      code.split(" "),
    );
    const spellings = options
      .flatMap(({ long, short = long }) => [long, short])
      .filter((option) => !HELP_FLAGS.includes(option));
    expect(spellings.filter((option) => !named.includes(option))).toEqual([]);
  },
);

test("docs/command-line.md shows the help text as it is", async () => {
  const { out } = await runCommandLine("--help");
  expect(fences("docs/command-line.md", "text").map((body) => body.trimEnd())).toContain(
    out.trimEnd(),
  );
});

test("every command has a help of its own", async () => {
  for (const { name, usage } of COMMANDS)
    expect((await runCommandLine(name, "--help")).out).toContain(`Usage: wrapper ${name} ${usage}`);
});

test("pictures fit a terminal", () => {
  const pictures = PAGES.flatMap((page) =>
    fences(page, "text").filter((body) => body.includes("+----")),
  );
  expect(pictures).toHaveLength(1 + Object.keys(LABS).length);
  for (const line of pictures.join("").split("\n")) expect(line.length).toBeLessThanOrEqual(80);
});

test.each(Object.entries(LABS))(
  "docs/labs.md has a section for the lab %s, with its picture",
  async (name, { load }) => {
    expect(section("docs/labs.md", `## ${name}`)).toContain(
      (await load()).picture.replace(/^\n+|\s+$/g, ""),
    );
  },
);

test("docs/selftest.md has a row for every property, in the order of the report", () => {
  const rows = [...read("docs/selftest.md").matchAll(/^\| ([^|]+) \| [^|]+ \|$/gm)].slice(2);
  expect(rows.map(([, property]) => property)).toEqual(Object.values(PROPERTIES));
  // The page's example has only what every conflist has.
  const always = rows.filter(([row]) => !row.includes("Left out where"));
  expect(always).toHaveLength(rows.length - 1);
  const [report = ""] = fences("docs/selftest.md", "text");
  expect(always.filter(([, name = ""]) => !report.includes(`\n${name} `))).toEqual([]);
});

/** Our plugin objects of a conflist as the runtime sends them. */
function ourObjects(text: string): readonly JsonObject[] {
  const list = parseJson(Buffer.from(text), "a page") as JsonObject;
  const { name = "", cniVersion = "", plugins } = list;
  return ((plugins ?? []) as readonly Json[]).flatMap((plugin, at) => {
    if (!isObject(plugin) || plugin["type"] !== "tenant-routing-wrapper") return [];
    // Behind other plugins it gets their result.
    const prevResult = { cniVersion, ips: [{ address: "10.42.0.5/24" }] };
    return [{ ...plugin, name, cniVersion, ...(at === 0 ? {} : { prevResult }) }];
  });
}

const conflists = (page: string): readonly string[] =>
  fences(page, "json").filter((body) => body.includes('"plugins"'));

test.each(PAGES.filter((page) => conflists(page).length > 0))(
  "the conflist in %s is valid for ADD",
  (page) => {
    const objects = conflists(page).flatMap(ourObjects);
    expect(objects).toHaveLength(1);
    for (const netconf of objects) expect(loadConf(netconf, "ADD").warnings).toEqual([]);
  },
);

test("README and docs/install.md have the same conflist", () => {
  expect(conflists("README.md")).toHaveLength(1);
  expect(conflists("docs/install.md")).toEqual(conflists("README.md"));
});

test("docs/configuration.md lists the examples that exist", () => {
  const listed = [...read("docs/configuration.md").matchAll(/^\| `conf\/examples\/([^`]+)` \|/gm)];
  expect(listed.map(([, name]) => name).sort()).toEqual(
    readdirSync(join(ROOT, "conf/examples")).sort(),
  );
});

test("the log line in docs/operations.md is one that the field list of docs/on-call.md explains", () => {
  const lines = fences("docs/operations.md", "json").filter((body) => body.startsWith('{"time"'));
  expect(lines).toHaveLength(1);
  const fields = Object.keys(JSON.parse(lines[0] ?? "") as object);
  const table = section("docs/on-call.md", "## Read a log line");
  expect(fields.filter((field) => !table.includes(`\`${field}\``))).toEqual([]);
});

test.each([
  ["config-reference", "docs/configuration.md"],
  ["bench", "docs/figures.md"],
])("the place %s, which a program fills, is in %s and nowhere else", (place, page) => {
  expect(read(page).split(`<!-- ${place}:begin -->`)).toHaveLength(2);
  expect(read(page).split(`<!-- ${place}:end -->`)).toHaveLength(2);
  const others = PAGES.filter((other) => other !== page);
  expect(others.filter((other) => read(other).includes(`<!-- ${place}:`))).toEqual([]);
});

test("every code that docs/on-call.md names is in the registry, under that name", () => {
  const named = [...read("docs/on-call.md").matchAll(/\bcode (\d+)(?: \((\w+)\))?/gi)].map(
    ([, code, kind]) => ({ code: Number(code), kind }),
  );
  const wrong = named.filter(
    ({ code, kind }) =>
      !Object.entries(ERRORS).some(
        ([name, entry]) => entry.code === code && (kind === undefined || kind === name),
      ),
  );
  expect(wrong).toEqual([]);
  const onCall = new Set(named.map(({ code }) => code));
  expect([11, 103, 105, 107, 110, 112, 113].filter((code) => !onCall.has(code))).toEqual([]);
});

describe("the pages together", () => {
  test("README has at most 200 lines", () => {
    expect(read("README.md").trimEnd().split("\n").length).toBeLessThanOrEqual(200);
  });

  test("README begins with the two commands, as they are", () => {
    expect(fences("README.md", "sh")[0]).toBe("sudo ./scripts/demo.sh\nsudo ./scripts/test.sh\n");
  });

  test("README links to docs/README.md, and from there links lead to every page in docs/", () => {
    expect(linksOf("README.md").map(({ file }) => file)).toContain("docs/README.md");
    const reached = new Set(["docs/README.md"]);
    for (const page of reached)
      for (const { file } of linksOf(page)) if (DOCS.includes(file)) reached.add(file);
    expect(DOCS.filter((page) => !reached.has(page))).toEqual([]);
  });

  test("docs/README.md lists every page directly in docs/", () => {
    const listed = linksOf("docs/README.md").map(({ file }) => file);
    const direct = DOCS.filter((page) => /^docs\/[^/]+$/.test(page) && page !== "docs/README.md");
    expect(direct.filter((page) => !listed.includes(page))).toEqual([]);
  });

  test.each(["README.md", ...DOCS])("%s keeps to 120 columns outside tables and code", (page) => {
    expect(proseOf(page).filter((line) => line.length > 120)).toEqual([]);
  });

  test("whatever page a page or a source names exists", () => {
    const sources = globSync(
      "{cmd,lib,delegates,conf,scripts,manifests,test}/**/*.{ts,mjs,sh,yaml}",
      {
        cwd: ROOT,
      },
    );
    const gone = [...PAGES, ...sources].flatMap((file) =>
      [...read(file).matchAll(/(?<![\w./-])(?:docs\/[\w/-]+|[A-Z][A-Z-]+)\.md\b/g)]
        .map(([name]) => name)
        // These two are CNI's own; NAME stands for a page that the reader is going to make.
        .filter(
          (name) =>
            !["SPEC.md", "CONVENTIONS.md", "docs/NAME.md", "docs/decisions/NAME.md"].includes(
              name,
            ) && !existsSync(join(ROOT, name)),
        )
        .map((name) => `${file}: ${name}`),
    );
    expect(gone).toEqual([]);
  });
});

describe("CHANGELOG.md", () => {
  const versions = read("CHANGELOG.md").split(/^## /m).slice(1);
  const names = versions.map((text) => text.split("\n")[0] ?? "");

  test("is in the form of Keep a Changelog, from 0.1.0 on", () => {
    expect(names[0]).toBe("[Unreleased]");
    for (const name of names.slice(1))
      expect(name).toMatch(/^\[\d+\.\d+\.\d+\] - \d{4}-\d{2}-\d{2}$/);
    expect(names.at(-1)).toMatch(/^\[0\.1\.0\]/);
    const kinds = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"];
    for (const text of versions) {
      const headings = [...text.matchAll(/^### (.*)$/gm)].map(([, kind]) => kind ?? "");
      expect(headings).toEqual(kinds.filter((kind) => headings.includes(kind)));
      expect(headings.length).toBeGreaterThan(0);
    }
  });

  test("has the version of package.json", () => {
    const { version } = JSON.parse(read("package.json")) as { version: string };
    expect(names.join("\n")).toContain(`[${version}]`);
  });
});
