/** The pages against the code: what they link to, name and show exists and is as they show it. */
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { LABS } from "../../lib/lab/labs";
import { COMMANDS, commandHelp, helpText } from "../../cmd/cli";
import { loadConf } from "../../conf/load";
import { ERRORS } from "../../lib/cni/error";
import { isObject, parseJson, type Json, type JsonObject } from "../../lib/cni/json";

const ROOT = join(__dirname, "../..");
const read = (file: string): string => readFileSync(join(ROOT, file), "utf8");
const PAGES = [
  ...readdirSync(ROOT).filter((name) => name.endsWith(".md")),
  "test/apiserver/README.md",
];
const SCRIPTS = (JSON.parse(read("package.json")) as { scripts: Record<string, string> }).scripts;
const HELP_FLAGS = ["--help", "-h"];

/** The fenced blocks of a page in one language. */
function fences(file: string, language: string): readonly string[] {
  return [...read(file).matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)]
    .filter(([, lang]) => lang === language)
    .map(([, , body]) => body ?? "");
}

/** Everything that a page prints as code: fenced lines and inline spans. */
function codeOf(file: string): readonly string[] {
  const text = read(file);
  const inline = text.replace(/^```[\s\S]*?^```$/gm, "").matchAll(/`([^`\n]+)`/g);
  return [
    ...fences(file, "sh").flatMap((body) => body.split("\n")),
    ...[...inline].map(([, code]) => code ?? ""),
  ];
}

/** GitHub's anchor of a heading. */
function anchorsOf(file: string): readonly string[] {
  const headings = read(file)
    .replace(/^```[\s\S]*?^```$/gm, "")
    .matchAll(/^#{1,6} (.+)$/gm);
  return [...headings].map(([, title]) =>
    (title ?? "")
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

describe.each(PAGES)("%s", (page) => {
  test("every relative link leads to a file and heading that exist", () => {
    const links = [...read(page).matchAll(/\]\(([^)\s]+)\)/g)]
      .map(([, target]) => target ?? "")
      .filter((target) => !/^[a-z]+:/.test(target));
    const broken = links.filter((link) => {
      const [path = "", anchor] = link.split("#");
      const file = path === "" ? page : join(dirname(page), path);
      return (
        !existsSync(join(ROOT, file)) || (anchor !== undefined && !anchorsOf(file).includes(anchor))
      );
    });
    expect(broken).toEqual([]);
  });

  test("every path of the repository that it names exists", () => {
    const paths = codeOf(page).flatMap((code) =>
      [
        ...code.matchAll(
          /(?:^|[\s=(])(?:\.\/)?((?:cmd|lib|delegates|conf|scripts|manifests|test|\.ci)\/[\w./-]*)/g,
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

describe.each(["README.md", "ON-CALL.md"])("calls of wrapper in %s", (page) => {
  test("there are some", () => {
    expect(calls(page).length).toBeGreaterThan(3);
  });

  test.each(calls(page).map((words) => [words.join(" "), words] as const))(
    "wrapper %s",
    (_, [name = "", ...rest]) => {
      expect(Object.keys(COMMANDS)).toContain(name);
      const options = Object.entries(COMMANDS[name]?.options ?? {});
      const known = [
        ...HELP_FLAGS,
        ...options.flatMap(([long, { short }]) => [
          `--${long}`,
          ...(short === undefined ? [] : [`-${short}`]),
        ]),
      ];
      expect(known).toEqual(expect.arrayContaining(rest.filter((word) => word.startsWith("-"))));
    },
  );
});

test("README names every option of every command", () => {
  const text = codeOf("README.md").join("\n");
  const flags = Object.values(COMMANDS).flatMap(({ options }) =>
    Object.entries(options).map(([long, { short }]) => [`--${long}`, `-${short ?? long} `]),
  );
  expect(flags.filter((spellings) => !spellings.some((flag) => text.includes(flag)))).toEqual([]);
});

test("README shows the help text as it is", () => {
  expect(fences("README.md", "text").map((body) => body.trimEnd())).toContain(helpText().trimEnd());
});

test("every command has a help of its own", () => {
  for (const command of Object.values(COMMANDS))
    expect(commandHelp(command)).toContain(`Usage: wrapper ${command.usage}`);
});

test("pictures fit a terminal", () => {
  const pictures = fences("README.md", "text").filter((body) => body.includes("+----"));
  expect(pictures).toHaveLength(1 + Object.keys(LABS).length);
  for (const line of pictures.join("").split("\n")) expect(line.length).toBeLessThanOrEqual(80);
});

test.each(Object.entries(LABS))(
  "README has a page for the lab %s, with its picture",
  async (name, { load }) => {
    const page =
      read("README.md")
        .split(/^### /m)
        .find((section) => section.startsWith(`${name}\n`)) ?? "";
    expect(page).toContain((await load()).picture.replace(/^\n+|\s+$/g, ""));
  },
);

/** Our plugin objects of a conflist as the runtime sends them. */
function ourObjects(text: string): readonly JsonObject[] {
  const list = parseJson(Buffer.from(text), "README") as JsonObject;
  const { name = "", cniVersion = "", plugins } = list;
  const ours = ((plugins ?? []) as readonly Json[])
    .filter(isObject)
    .filter((plugin) => plugin["type"] === "tenant-routing-wrapper");
  return ours.map((plugin) => ({ ...plugin, name, cniVersion }));
}

test("the conflist in README is valid for ADD", () => {
  const objects = fences("README.md", "json")
    .filter((body) => body.includes('"plugins"'))
    .flatMap(ourObjects);
  expect(objects).toHaveLength(1);
  for (const netconf of objects) expect(loadConf(netconf, "ADD").warnings).toEqual([]);
});

test("the log line in README is one that the field list of ON-CALL.md explains", () => {
  const lines = fences("README.md", "json").filter((body) => body.startsWith('{"time"'));
  expect(lines).toHaveLength(1);
  const fields = Object.keys(JSON.parse(lines[0] ?? "") as object);
  const table = read("ON-CALL.md").split("## Read a log line")[1]?.split("\n## ")[0] ?? "";
  expect(fields.filter((field) => !table.includes(`\`${field}\``))).toEqual([]);
});

test("README has the places that are filled by programs", () => {
  for (const place of ["config-reference", "bench"]) {
    expect(read("README.md").split(`<!-- ${place}:begin -->`)).toHaveLength(2);
    expect(read("README.md").split(`<!-- ${place}:end -->`)).toHaveLength(2);
  }
});

test("every code that ON-CALL.md names is in the registry, under that name", () => {
  const named = [...read("ON-CALL.md").matchAll(/\bcode (\d+)(?: \((\w+)\))?/gi)].map(
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

test("decisions are numbered in order, each with context, decision and consequence", () => {
  const entries = read("DECISIONS.md").split(/^### /m).slice(1);
  expect(entries.map((entry) => Number.parseInt(entry, 10))).toEqual(entries.map((_, i) => i + 1));
  for (const entry of entries) {
    const parts = ["**Context.**", "**Decision.**", "**Consequence.**"].map(
      (part) => entry.split(part).length - 1,
    );
    expect([entry.split("\n")[0], parts]).toEqual([entry.split("\n")[0], [1, 1, 1]]);
  }
});
