/** The table of rooms (scripts/house/rooms.mjs) and the program that checks it. */
import { spawnSync } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative, resolve } from "node:path";

interface Table {
  readonly ROOMS: Readonly<Record<string, readonly string[]>>;
  readonly WITHOUT_NODE: readonly string[];
  readonly PACKAGES: Readonly<Record<string, string>>;
  readonly MOST_FILES: number;
}

const ROOT = resolve(__dirname, "../..");
const TOP = ["cmd", "conf", "delegates", "lib"];
const TABLE = JSON.parse(
  node(
    "-p",
    `import("${ROOT}/scripts/house/rooms.mjs").then((t) => console.log(JSON.stringify(t))), ""`,
  ).stdout,
) as Table;
const SOURCES = TOP.flatMap((top) =>
  readdirSync(join(ROOT, top), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".ts"))
    .map((path) => join(top, path)),
);
const rows = Object.keys(TABLE.ROOMS);
const rooms = rows.filter((row) => !row.endsWith(".ts"));

/** The code's folders and files, each without its text: what is not a test's own imports nothing. */
let copy: string;
const written = new Set<string>();
beforeAll(() => {
  copy = mkdtempSync(join(tmpdir(), "house-"));
  for (const file of SOURCES) {
    mkdirSync(dirname(join(copy, file)), { recursive: true });
    writeFileSync(join(copy, file), "export {};\n");
  }
  symlinkSync(join(ROOT, "node_modules"), join(copy, "node_modules"));
});
afterEach(() => {
  for (const path of written)
    if (SOURCES.includes(path)) writeFileSync(join(copy, path), "export {};\n");
    else rmSync(join(copy, path));
  written.clear();
});
afterAll(() => rmSync(copy, { recursive: true }));

function node(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, args, { encoding: "utf8" });
}

/** What the program reports, in alphabetical order. */
function problems(root = copy): readonly string[] {
  const { status, stderr } = node(join(ROOT, "scripts/house.mjs"), root);
  const lines = stderr.split("\n").filter((line) => line !== "");
  expect(status).toBe(lines.length === 0 ? 0 : 1);
  return lines.toSorted();
}

function write(path: string, text: string): void {
  written.add(path);
  writeFileSync(join(copy, path), text);
}

/** Some source file of a room. */
function fileIn(room: string): string {
  const name = readdirSync(join(ROOT, room)).find((each) => /^[a-z-]+\.ts$/.test(each));
  return `${room}/${name ?? ""}`;
}

test("the code follows the table", () => {
  expect(problems(ROOT)).toEqual([]);
});

test("in every room an import that the table does not allow is an error", () => {
  const expected = rooms.map((room) => {
    const forbidden = rooms.find((other) => other !== room && !TABLE.ROOMS[room]?.includes(other));
    const target = fileIn(forbidden ?? "");
    const path = relative(room, target).replace(/\.ts$/, "");
    write(
      `${room}/intruder.ts`,
      `export type * from "${path.startsWith(".") ? path : `./${path}`}";\n`,
    );
    return expect.stringContaining(
      `${room}/intruder.ts: imports ${target}, and ${room} may import `,
    );
  });
  expect(problems()).toEqual(expect.arrayContaining(expected));
});

test("a file with a row of its own may import only what that says", () => {
  const files = rows.filter((row) => row.endsWith(".ts"));
  for (const file of files) write(file, 'export type * from "./watch/watcher";\n');
  const reported = problems();
  for (const file of files)
    expect(reported).toContainEqual(
      expect.stringContaining(`${file}: imports lib/routes/watch/watcher.ts, and ${file} may `),
    );
});

test("no room below apply.ts imports it, and it imports no watcher", () => {
  const below = ["plan", "changes", "conflicts", "kernel", "router"].map((n) => `lib/routes/${n}`);
  for (const room of below)
    write(`${room}/intruder.ts`, 'export type * from "../apply";\nexport type * from "../text";\n');
  write("lib/routes/intruder.ts", 'export type * from "./watch/watcher";\n');
  expect(problems()).toEqual(
    [
      ...below.map((room) => `${room}/intruder.ts: imports lib/routes/apply.ts, and ${room} may `),
      "lib/routes/intruder.ts: imports lib/routes/watch/watcher.ts, and lib/routes may ",
    ]
      .toSorted()
      .map((text) => expect.stringContaining(text)),
  );
});

test("a room that decides without the machine imports nothing of Node.js", () => {
  for (const room of TABLE.WITHOUT_NODE)
    write(`${room}/intruder.ts`, 'export { readFileSync } from "node:fs";\n');
  const expected = TABLE.WITHOUT_NODE.map(
    (room) => `${room}/intruder.ts: imports node:fs, and ${room} imports nothing of Node.js`,
  );
  expect(problems()).toEqual(expected.toSorted());
});

test("a package has one importer, and one that is not in the table has none", () => {
  write("cmd/intruder.ts", 'import "winston";\nimport "prettier";\n');
  expect(problems()).toEqual([
    "cmd/intruder.ts: imports prettier, which has no row in PACKAGES (scripts/house/rooms.mjs)",
    `cmd/intruder.ts: imports winston, which only ${TABLE.PACKAGES["winston"]} may import`,
  ]);
});

test("a circle of imports is an error, of types too", () => {
  write("lib/net/one.ts", 'import type { Two } from "./two";\nexport type One = Two;\n');
  write("lib/net/two.ts", 'import type { One } from "./one";\nexport type Two = One | 1;\n');
  expect(problems()).toEqual([
    "lib/net/one.ts -> lib/net/two.ts -> lib/net/one.ts: a circle of imports",
  ]);
});

test("a room without a row is an error", () => {
  mkdirSync(join(copy, "lib/shed"));
  write("lib/shed/tools.ts", "export const TOOLS = [];\n");
  expect(problems()).toEqual(["lib/shed: has no row in scripts/house/rooms.mjs"]);
});

test("a room that is too full is an error", () => {
  mkdirSync(join(copy, "lib/net"), { recursive: true });
  const there = readdirSync(join(copy, "lib/net")).length;
  for (let i = there; i <= TABLE.MOST_FILES; i += 1)
    write(`lib/net/value-${i}.ts`, `export const VALUE_${i} = ${i};\n`);
  expect(problems()).toEqual([
    "lib/net: has 16 source files, more than 15: make a room for one of its concerns",
  ]);
});

test("npm run check looks at the format, the lint rules, the types, the rooms, the launcher and the generated files", () => {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
    readonly scripts: Readonly<Record<string, string>>;
  };
  const check = scripts["check"] ?? "";
  for (const part of [
    "prettier.cjs --check",
    "lint",
    "typecheck",
    "house",
    "launcher",
    "generate -- --check",
  ])
    expect(check).toContain(part);
  expect(readFileSync(join(ROOT, ".ci/run"), "utf8")).toContain("npm run");
});

test("a file that is not formatted fails the check", () => {
  cpSync(join(ROOT, ".prettierrc.json"), join(copy, ".prettierrc.json"));
  write("lib/net/ugly.ts", "export const  ugly=1\n");
  const prettier = join(ROOT, "node_modules/prettier/bin/prettier.cjs");
  const { status, stderr } = spawnSync(process.execPath, [prettier, "--check", "lib/net"], {
    cwd: copy,
    encoding: "utf8",
  });
  expect([status, stderr]).toEqual([1, expect.stringContaining("lib/net/ugly.ts")]);
});
