/** CNI_NETNS: the node's own namespace is refused, a missing one does not stop DEL. */
import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { conf } from "../helpers/conf";
import { useWorld } from "../helpers/harness";
import { expectError, expectOk, verbs } from "../helpers/outcome";

const world = useWorld();

test.each(["ADD", "DEL", "CHECK"])(
  "%s in the node's own namespace is refused with code 8 before any side effect",
  async (verb) => {
    const prevResult = verb === "ADD" ? undefined : { cniVersion: "1.0.0" };
    const outcome = await world.run(verb, {
      conf: conf({ prevResult }),
      netns: `/run/netns/${world.netns}`,
    });
    expectError(outcome, "invalidNetns", world.netns);
    expect(outcome.calls).toEqual([]);
    expect(world.leftovers()).toEqual([]);
  },
);

test("the node's own namespace is recognised under another path too", async () => {
  const outcome = await world.run("ADD", { conf: conf(), netns: "/proc/self/ns/net" });
  expectError(outcome, "invalidNetns");
  expect(outcome.calls).toEqual([]);
});

test.each(["1", "TRUE", "true", "True"])(
  "CNI_NETNS_OVERRIDE=%s allows the node's own namespace",
  async (override) => {
    const netns = `/run/netns/${world.netns}`;
    const outcome = expectOk(
      await world.run("ADD", { conf: conf(), netns, env: { CNI_NETNS_OVERRIDE: override } }),
    );
    expect(verbs(outcome)).toEqual(["ADD"]);
  },
);

test.each(["0", "yes", ""])("CNI_NETNS_OVERRIDE=%j is no override", async (override) => {
  const netns = `/run/netns/${world.netns}`;
  expectError(
    await world.run("ADD", { conf: conf(), netns, env: { CNI_NETNS_OVERRIDE: override } }),
    "invalidNetns",
  );
});

test.each(["", "/run/netns/trc-gone", "/proc/999999999/ns/net", "/dev/null/x"])(
  "DEL with CNI_NETNS=%j cleans up",
  async (netns) => {
    const added = expectOk(await world.run("ADD", { conf: conf() }));
    const deleted = expectOk(await world.run("DEL", { conf: conf(), after: added, netns }));
    expect(verbs(deleted)).toEqual(["DEL"]);
    expect(deleted.calls[0]?.env["CNI_NETNS"]).toBe(netns);
    expect(world.leftovers()).toEqual([]);
  },
);

test.each([
  ["is a symbolic link to itself", "loop"],
  ["has a name that is too long", "x".repeat(300)],
])("DEL with a CNI_NETNS that %s cleans up", async (_, name) => {
  const netns = join(world.dir, name);
  if (name === "loop") symlinkSync(netns, netns);
  const added = expectOk(await world.run("ADD", { conf: conf() }));
  expectOk(await world.run("DEL", { conf: conf(), after: added, netns }));
  expect(world.leftovers()).toEqual([]);
});
