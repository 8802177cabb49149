/** What CNI_PATH leads to that is no plugin. */
import { chmodSync, copyFileSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { conf } from "../helpers/conf";
import { FIXTURES, useWorld } from "../helpers/harness";
import { expectError, expectOk, verbs } from "../helpers/outcome";

const world = useWorld();
const NEWEST = conf({ cniVersion: "1.1.0", "cni.dev/valid-attachments": [] });

// Every verb once, and ADD with every form.
test.each([
  ...["ADD", "DEL", "CHECK", "GC", "STATUS"].map((verb) => ["bin", verb] as const),
  ...[".", "./bin", "../bin", "/opt/cni/bin:bin", ":bin:", "~/bin"].map(
    (dirs) => [dirs, "ADD"] as const,
  ),
])(
  "with CNI_PATH %j, which is not absolute, %s is refused with code 4 that names it, and nothing runs",
  async (dirs, verb) => {
    const outcome = await world.run(verb, { conf: NEWEST, env: { CNI_PATH: dirs } });
    expectError(
      outcome,
      "invalidEnvironment",
      "CNI_PATH",
      JSON.stringify(dirs.split(":").find((dir) => /^[^/]/.test(dir))),
    );
    expect(outcome.calls).toEqual([]);
    expect(world.leftovers()).toEqual([]);
  },
);

test("VERSION is answered with a CNI_PATH that is not absolute", async () => {
  expectOk(await world.run("VERSION", { env: { CNI_PATH: "bin" } }));
});

test.each([
  [["check"], "bin"],
  [["selftest"], "bin"],
  [["check", "--cni-path", "bin"], undefined],
  [["selftest", "--cni-path", "/opt/cni/bin:bin"], undefined],
  [["lab", "tenants", "--cni-path", "bin"], undefined],
])(
  "wrapper %j with CNI_PATH %j ends with status 2 and names the directory",
  async (words, dirs) => {
    const list = join(world.dir, "10-tr.conflist");
    const { cniVersion, name, ...plugin } = conf({
      dataDir: world.dataDir,
      logFile: world.logFile,
    });
    writeFileSync(list, JSON.stringify({ cniVersion, name, plugins: [plugin] }));
    const argv = words[0] === "lab" ? words : [...words, "--conf", list];
    const { exit, stdout, stderr } = await world.run(undefined, { argv, env: { CNI_PATH: dirs } });
    expect([exit, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(dirs === undefined ? /--cni-path .*"bin"/ : /CNI_PATH "bin" .*"bin"/);
  },
);

const SCRIPT = (): string => `\n: >'${world.dir}/owned'\nexit 0\n`;

/** An ELF header for the machine `id`, and lines that a shell would run. */
const elf = (id: number): Buffer =>
  Buffer.concat([
    Buffer.from("\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0", "latin1"),
    Buffer.from([id & 0xff, id >> 8]),
    Buffer.alloc(44),
  ]);

const FILES: readonly (readonly [string, string, () => string | Buffer])[] = [
  ["an empty file", "is empty", () => ""],
  ["text", "is neither", () => SCRIPT()],
  ["a script without an interpreter", "is neither", () => `#!${SCRIPT()}`],
  ["a script with a relative interpreter", "is neither", () => `#!bin/sh${SCRIPT()}`],
  ["a script after a byte order mark", "is neither", () => `\ufeff#!/bin/sh${SCRIPT()}`],
  [
    "a program for another machine",
    "another kind of machine",
    () => Buffer.concat([elf(8), Buffer.from(SCRIPT())]),
  ],
  ["the first bytes of a program", "another kind of machine", () => "\x7fELF"],
];
const bin = (): string => join(world.dir, "bin");

function install(type: string, content: string | Buffer): void {
  mkdirSync(bin(), { recursive: true });
  writeFileSync(join(bin(), type), content);
  chmodSync(join(bin(), type), 0o755);
}

const path = (): { env: { CNI_PATH: string } } => ({ env: { CNI_PATH: `${bin()}:${FIXTURES}` } });
const owned = (): string => join(world.dir, "owned");

test.each(FILES)(
  "a plugin's file is %s: ADD refuses it before anything is made, with code 100, the file and the remedy",
  async (_, says, content) => {
    install("odd", content());
    for (const delegate of [{ type: "odd" }, { type: "ok", ipam: { type: "odd" } }]) {
      const outcome = await world.run("ADD", { conf: conf({ delegate }), ...path() });
      expectError(outcome, "delegateMissing", join(bin(), "odd"), says, "install");
      expect(outcome.calls).toEqual([]);
      expect(world.leftovers()).toEqual([]);
    }
    expect(existsSync(owned())).toBe(false);
  },
);

// One of each answer: ADD has had all the files.
describe.each(FILES.filter(([, says], n) => FILES.findIndex(([, other]) => other === says) === n))(
  "a plugin's file is %s",
  (_, says, content) => {
    test("every other verb refuses to run it; DEL removes the rules, and ends when the plugin is back", async () => {
      mkdirSync(bin());
      copyFileSync(join(FIXTURES, "ok"), join(bin(), "odd"));
      const given = { conf: { ...NEWEST, delegate: { type: "odd" } }, ...path() };
      const added = expectOk(await world.run("ADD", given));
      install("odd", content());
      for (const verb of ["CHECK", "STATUS", "GC", "DEL"]) {
        const outcome = await world.run(verb, {
          ...given,
          ...(verb === "CHECK" || verb === "DEL" ? { after: added } : {}),
        });
        expectError(
          outcome,
          verb === "STATUS" ? "notAvailable" : "delegateMissing",
          join(bin(), "odd"),
          says,
        );
        expect(outcome.calls).toEqual([]);
      }
      expect(existsSync(owned())).toBe(false);
      expect(world.firewall.ours()).toEqual([]);
      copyFileSync(join(FIXTURES, "ok"), join(bin(), "odd"));
      expect(verbs(expectOk(await world.run("DEL", { ...given, after: added })))).toEqual(["DEL"]);
      expect(world.leftovers()).toEqual([]);
    });
  },
);
