/** Which program a delegate's type leads to, and which types are refused. */
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { KEY, conf, marked } from "../helpers/conf";
import { FIXTURES, useWorld } from "../helpers/harness";
import { expectError, expectOk } from "../helpers/outcome";

const world = useWorld();

test("the first directory of CNI_PATH wins, a directory of that name is passed over, links are followed", async () => {
  const [first, second, third] = ["first", "second", "third"].map((name) => join(world.dir, name));
  mkdirSync(join(first ?? "", "my-plugin"), { recursive: true });
  for (const dir of [second, third]) {
    mkdirSync(dir ?? "");
    symlinkSync(join(FIXTURES, "ok"), join(dir ?? "", "my-plugin"));
  }
  const env = { CNI_PATH: `${first}:/nowhere::${second}/:${third}` };
  const outcome = expectOk(
    await world.run("ADD", { conf: conf({ delegate: { type: "my-plugin" } }), env }),
  );
  expect(outcome.calls.map((call) => call.path)).toEqual([`${second}/my-plugin`]);
});

test("a delegate in none of the directories is an error that names it and the path, and nothing is left", async () => {
  const outcome = await world.run("ADD", {
    conf: conf({ delegate: { type: "no-such-plugin" } }),
    env: { CNI_PATH: "/nowhere:/else" },
  });
  expectError(outcome, "delegateMissing", "no-such-plugin", "/nowhere", "/else");
  expect(world.leftovers()).toEqual([]);
});

test("a delegate that is no executable is an error that says so, and nothing is left", async () => {
  writeFileSync(join(world.dir, "text"), "not a program", { mode: 0o644 });
  const outcome = await world.run("ADD", {
    conf: conf({ delegate: { type: "text" } }),
    env: { CNI_PATH: world.dir },
  });
  expectError(outcome, ["delegateFailed", "delegateMissing"], "text");
  expect(outcome.calls).toEqual([]);
  expect(world.leftovers().filter((line) => !line.startsWith("data:"))).toEqual([]);
});

test.each([
  "../../bin/sh",
  "/bin/sh",
  "a/b",
  "",
  ".",
  "..",
  "x\0y",
  "x\ny",
  7,
  null,
  ["ok"],
  undefined,
])("the delegate type %j is refused with code 7 and nothing is executed", async (type) => {
  const outcome = await world.run("ADD", { conf: conf({ delegate: { type } }) });
  expectError(outcome, "invalidConfig", "/delegate");
  expect(outcome.calls).toEqual([]);
  expect(world.leftovers()).toEqual([]);
});

test("a delegate with a name of its own is refused with code 7, with the same name it is accepted", async () => {
  const named = (name: unknown): object => conf({ delegate: { type: "ok", name } });
  expectError(
    await world.run("ADD", { conf: { ...named("other") } }),
    "invalidConfig",
    "/delegate/name",
  );
  expectOk(await world.run("ADD", { conf: { ...named(conf()["name"]) } }));
});

test("a delegate of our own type is refused with code 7 and nothing is executed", async () => {
  const outcome = await world.run("ADD", {
    conf: conf({ delegate: { type: "tenant-routing-wrapper" } }),
  });
  expectError(outcome, "invalidConfig", "/delegate/type");
  expect(outcome.calls).toEqual([]);
});

test("our own type by a tenant's patch is refused with code 7 and nothing is executed", async () => {
  const tenants = { a: { fwmark: "0x10/0xff", delegate: { type: "tenant-routing-wrapper" } } };
  const outcome = await world.run("ADD", {
    conf: conf({ tenants, annotationKey: KEY }, marked("a")),
  });
  expectError(outcome, "invalidConfig", "/tenants/a/delegate/type");
  expect(outcome.calls).toEqual([]);
});
