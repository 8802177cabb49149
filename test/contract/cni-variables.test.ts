/** The variables that a runtime sets, one table for all verbs. */
import { conf } from "../helpers/conf";
import { useWorld } from "../helpers/harness";
import { expectError, expectOk } from "../helpers/outcome";

const world = useWorld();
const REQUIRED: Record<string, readonly string[]> = {
  ADD: ["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_PATH"],
  DEL: ["CNI_CONTAINERID", "CNI_IFNAME", "CNI_PATH"],
  CHECK: ["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_PATH"],
  GC: ["CNI_PATH"],
  STATUS: ["CNI_PATH"],
};
const needed = Object.entries(REQUIRED).flatMap(([verb, names]) =>
  names.map((name) => [verb, name] as const),
);
const NEWEST = conf({ cniVersion: "1.1.0", "cni.dev/valid-attachments": [] });

test.each(needed)(
  "%s without %s is refused with code 4 that names the variable",
  async (verb, name) => {
    const outcome = await world.run(verb, { conf: NEWEST, env: { [name]: undefined } });
    expectError(outcome, "invalidEnvironment", name);
    expect(outcome.calls).toEqual([]);
  },
);

test("an empty variable counts as missing", async () => {
  expectError(
    await world.run("ADD", { conf: NEWEST, env: { CNI_IFNAME: "" } }),
    "invalidEnvironment",
    "CNI_IFNAME",
  );
});

const ALL = ["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_ARGS", "CNI_PATH"];

test.each(["DEL", "GC", "STATUS"])("%s does not need its optional variables", async (verb) => {
  const optional = ALL.filter((name) => !REQUIRED[verb]?.includes(name));
  expectOk(
    await world.run(verb, {
      conf: NEWEST,
      env: Object.fromEntries(optional.map((name) => [name, undefined])),
    }),
  );
});

test("several missing variables are named together", async () => {
  const env = { CNI_NETNS: undefined, CNI_IFNAME: "", CNI_PATH: undefined };
  expectError(
    await world.run("ADD", { conf: NEWEST, env }),
    "invalidEnvironment",
    "[CNI_NETNS,CNI_IFNAME,CNI_PATH]",
  );
});

test.each(["some-%%id", "-a", "../x", "a b", ".a", "a/b", "ä", "a\n"])(
  "the container ID %j is refused with code 4",
  async (id) => {
    for (const verb of ["ADD", "DEL"]) {
      const outcome = await world.run(verb, { conf: NEWEST, id });
      expectError(outcome, "invalidEnvironment", "CNI_CONTAINERID");
      expect(outcome.calls).toEqual([]);
    }
  },
);

test.each([
  "x".repeat(16),
  ".",
  "..",
  "a/b",
  "a:b",
  "a b",
  "é".repeat(8),
  "a\tb",
  "a\u00a0b",
  "a\u001b[2J",
  "a\u0007",
  "a\u007f",
  "a\u009b2J",
  "\u202eeth0",
  "a\u200b",
  "a\ufffd",
])("the interface name %j is refused with code 4", async (name) => {
  expectError(
    await world.run("ADD", { conf: NEWEST, env: { CNI_IFNAME: name } }),
    "invalidEnvironment",
    "CNI_IFNAME",
  );
});

test.each(["x".repeat(15), "e", `${"é".repeat(7)}x`, "eth0.100"])(
  "the interface name %j is accepted",
  async (name) => {
    expectOk(await world.run("ADD", { conf: NEWEST, env: { CNI_IFNAME: name } }));
  },
);

test.each(["add", "Add", "NOPE", "ADD ", "__proto__"])(
  "CNI_COMMAND %j is refused with code 4 that names it",
  async (verb) => {
    const outcome = await world.run(verb, { conf: NEWEST });
    expectError(outcome, "invalidEnvironment", "CNI_COMMAND", verb.trim());
  },
);
