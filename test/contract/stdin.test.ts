/** A configuration on stdin that cannot be read. */
import { conf, marked, scripted } from "../helpers/conf";
import { useWorld } from "../helpers/harness";
import { expectError } from "../helpers/outcome";

const world = useWorld();
const text = (changes: object): string => JSON.stringify({ ...conf(), ...changes });
const here = () => ({ dataDir: world.dataDir, logFile: world.logFile });
const UNREADABLE = [
  "",
  " \n",
  "{",
  "[]",
  `"text"`,
  "7",
  `${text({})} x`,
  `${text({})}${text({})}`,
  "\ufeff{}",
];

test.each(UNREADABLE.map((stdin) => [stdin.slice(0, 12), stdin]))(
  "stdin %j is refused with code 6",
  async (_, stdin) => {
    for (const verb of ["ADD", "DEL"]) {
      const outcome = await world.run(verb, { conf: stdin });
      expectError(outcome, "decode", "stdin");
      expect(outcome.calls).toEqual([]);
    }
  },
);

test.each([
  ["null", "null"],
  ["no name", text({ name: undefined })],
  ["an empty name", text({ name: "" })],
  ["the name te%%st", text({ name: "te%%st" })],
  ["the name ../x", text({ name: "../x" })],
])("stdin with %s is refused with code 7 about the name", async (_, stdin) => {
  expectError(await world.run("ADD", { conf: stdin }), "invalidConfig", /name/);
});

test("a closed stdin is refused with code 6 instead of a hang", async () => {
  expectError(await world.run("ADD", { stdin: "closed" }), "decode");
});

const VERSION = { cniVersion: "1.1.0" };
const MIB = 1024 * 1024;

test("more than 8 MiB on stdin are refused with code 6", async () => {
  expectError(
    await world.run("DEL", {
      conf: scripted(VERSION, { prevResult: { padding: "x".repeat(8 * MIB) } }),
    }),
    "decode",
    "8388608",
  );
});

const invalid = (around: string): Uint8Array =>
  Buffer.from(around.replace("@@", "\xff\xfe"), "latin1");

test("invalid UTF-8 anywhere on stdin is refused with code 6 before anything runs", async () => {
  for (const change of [{ name: "a@@" }, { args: "@@" }, marked("@@"), { "@@": 1 }]) {
    const outcome = await world.run("ADD", { conf: invalid(text({ ...here(), ...change })) });
    expectError(outcome, "decode", "UTF-8");
    expect(outcome.calls).toEqual([]);
  }
});

test("an error about broken JSON gives its position but not its text", async () => {
  const broken = `{"cniVersion":"1.0.0",\n "token": hunter2-secret}`;
  const outcome = await world.run("ADD", { conf: broken });
  expectError(outcome, "decode", "line 2, column 11");
  world.script({ ADD: { stdout: broken } });
  const rolledBack = await world.run("ADD", { conf: scripted() });
  expectError(rolledBack, "delegateResult", "line 2, column 11");
  expect(
    outcome.stdout + outcome.stderr + rolledBack.stdout + rolledBack.stderr + world.log(),
  ).not.toContain("hunter2");
  expect(world.leftovers()).toEqual([]);
});

test("100 MiB on stdin are refused with code 6, in bounded memory and time", async () => {
  const outcome = await world.run("ADD", {
    conf: Buffer.alloc(100 * 1024 * 1024, " "),
    measure: true,
  });
  expectError(outcome, "decode", "stdin");
  expect(outcome.maxRssMiB).toBeLessThan(120);
  expect(outcome.ms).toBeLessThan(60_000);
});

test.each(["[", `{"a":`])("100000 levels of %s are refused with code 6", async (open) => {
  const stdin = text({ ...here(), args: "@@" }).replace(`"@@"`, open.repeat(100_000));
  expectError(await world.run("ADD", { conf: stdin }), "decode", "stdin");
});
