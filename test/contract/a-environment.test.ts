/** Catalogue A5-A9, A24: the variables a runtime sets, one table for all verbs. */
import { conf } from "../helpers/conf";
import { useWorld } from "../helpers/harness";
import { expectError, expectOk, verbs } from "../helpers/outcome";

const world = useWorld();
const NEWEST = conf({ cniVersion: "1.1.0", "cni.dev/valid-attachments": [] });
const REQUIRED: Record<string, readonly string[]> = {
  ADD: ["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_PATH"],
  DEL: ["CNI_CONTAINERID", "CNI_IFNAME", "CNI_PATH"],
  CHECK: ["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_PATH"],
  GC: ["CNI_PATH"],
  STATUS: ["CNI_PATH"],
};
const ALL = ["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_ARGS", "CNI_PATH"];

const needed = Object.entries(REQUIRED).flatMap(([verb, names]) =>
  names.map((name) => [verb, name] as const),
);

test.each(needed)("A5 %s without %s: code 4 naming it", async (verb, name) => {
  const outcome = await world.run(verb, { conf: NEWEST, env: { [name]: undefined } });
  expectError(outcome, "invalidEnvironment", name);
  expect(outcome.calls).toEqual([]);
});

test("A5 an empty variable is a missing one", async () => {
  expectError(
    await world.run("ADD", { conf: NEWEST, env: { CNI_IFNAME: "" } }),
    "invalidEnvironment",
    "CNI_IFNAME",
  );
});

test.each(["DEL", "GC", "STATUS"])(
  "A5 %s without its optional variables is no error",
  async (verb) => {
    const optional = ALL.filter((name) => !REQUIRED[verb]?.includes(name));
    expectOk(
      await world.run(verb, {
        conf: NEWEST,
        env: Object.fromEntries(optional.map((name) => [name, undefined])),
      }),
    );
  },
);

test("A6 several missing variables are named together", async () => {
  const env = { CNI_NETNS: undefined, CNI_IFNAME: "", CNI_PATH: undefined };
  expectError(
    await world.run("ADD", { conf: NEWEST, env }),
    "invalidEnvironment",
    "[CNI_NETNS,CNI_IFNAME,CNI_PATH]",
  );
});

test.each(["some-%%id", "-a", "../x", "a b", ".a", "a/b", "ä", "a\n"])(
  "A7 container ID %j: code 4",
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
])("A8 interface name %j: code 4", async (name) => {
  expectError(
    await world.run("ADD", { conf: NEWEST, env: { CNI_IFNAME: name } }),
    "invalidEnvironment",
    "CNI_IFNAME",
  );
});

test.each(["x".repeat(15), "e", `${"é".repeat(7)}x`, "eth0.100"])(
  "A8 interface name %j is fine",
  async (name) => {
    expectOk(await world.run("ADD", { conf: NEWEST, env: { CNI_IFNAME: name } }));
  },
);

test.each(["add", "Add", "NOPE", "ADD ", "__proto__"])(
  "A9 CNI_COMMAND %j: code 4 naming it",
  async (verb) => {
    const outcome = await world.run(verb, { conf: NEWEST });
    expectError(outcome, "invalidEnvironment", "CNI_COMMAND", verb.trim());
  },
);

const ARGS = [
  [
    "containerd's random order",
    "K8S_POD_UID=6c2a;K8S_POD_NAME=web-0;IgnoreUnknown=1;K8S_POD_NAMESPACE=team-a",
  ],
  [
    "CRI-O's duplicates",
    "IgnoreUnknown=1;K8S_POD_NAMESPACE=team-b;K8S_POD_NAME=x;K8S_POD_NAMESPACE=team-a;K8S_POD_NAME=web-0",
  ],
  [
    "empty values",
    "IgnoreUnknown=1;K8S_POD_NAMESPACE=team-a;K8S_POD_NAME=web-0;K8S_POD_UID=;IP=;MAC=",
  ],
  ["no IgnoreUnknown", "K8S_POD_NAMESPACE=team-a;K8S_POD_NAME=web-0;FOO=bar"],
  ["stray separators", ";;K8S_POD_NAMESPACE=team-a;K8S_POD_NAME=web-0;;FOO;=x;A=B=C;"],
] as const;

test.each(ARGS)(
  "A24 CNI_ARGS with %s are accepted, and reach the delegate as they are",
  async (_, args) => {
    const outcome = expectOk(await world.run("ADD", { conf: NEWEST, env: { CNI_ARGS: args } }));
    expect(outcome.calls[0]?.env["CNI_ARGS"]).toBe(args);
    expect(world.firewall.ours()[0]).toContain("team-a/web-0");
  },
);

test("A24 no CNI_ARGS at all: runtime annotations are enough", async () => {
  const outcome = expectOk(await world.run("ADD", { conf: NEWEST, env: { CNI_ARGS: undefined } }));
  expect(verbs(outcome)).toEqual(["ADD"]);
  expect(world.firewall.ours()).toHaveLength(2);
});
