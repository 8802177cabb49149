/** An ADD that meets what another operation on the same interface does, or has left. */
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { conf, scripted } from "../helpers/conf";
import { useWorld } from "../helpers/harness";
import { expectError, expectOk, verbs } from "../helpers/outcome";
import { until } from "../helpers/shell";
import { oneShotTest } from "../helpers/mode";

const world = useWorld();

test("a second ADD of a live attachment is refused, and the live one is untouched", async () => {
  const added = expectOk(await world.run("ADD", { conf: conf() }));
  const before = world.leftovers();
  const again = await world.run("ADD", { conf: conf(), id: added.id });
  expectError(again, "duplicateAttachment", added.id, "eth0", "team-a/web-0");
  expect(again.calls).toEqual([]);
  expect(world.leftovers()).toEqual(before);
  expectOk(await world.run("CHECK", { conf: conf(), after: added }));
  expectOk(await world.run("DEL", { conf: conf(), after: added }));
  expect(world.leftovers()).toEqual([]);
});

test("the same container on another interface or network is another attachment", async () => {
  const added = expectOk(await world.run("ADD", { conf: conf() }));
  expectOk(
    await world.run("ADD", {
      conf: conf(),
      id: added.id,
      ip: "10.77.0.6/24",
      env: { CNI_IFNAME: "net1" },
    }),
  );
  expectOk(
    await world.run("ADD", {
      conf: conf({ name: "other" }),
      id: added.id,
      ip: "10.77.0.7/24",
      env: { CNI_IFNAME: "net2" },
    }),
  );
  expect(world.firewall.ours()).toHaveLength(6);
  expectOk(await world.run("DEL", { conf: conf(), after: added }));
  expect(world.firewall.ours()).toHaveLength(4);
});

const RESULT = `{"cniVersion":"1.0.0","ips":[{"address":"10.77.0.5/24"}]}`;
const given = scripted({ iptables: "nft" });

test("an ADD while a DEL is under way is told to come later, and works after it", async () => {
  world.script({
    ADD: { stdout: RESULT },
    DEL: { run: `touch "$TR_SCRIPT/started"; until [ -e "$TR_SCRIPT/go" ]; do sleep 0.02; done` },
  });
  const added = expectOk(await world.run("ADD", { conf: given }));
  const deleting = world.run("DEL", { conf: given, after: added });
  await until("the delegate's DEL is at work", () => existsSync(join(world.dir, "script/started")));
  const refused = await world.run("ADD", { conf: given, id: added.id });
  expectError(refused, "tryAgainLater", added.id, "deletion");
  expect(refused.calls).toEqual([]);
  writeFileSync(join(world.dir, "script/go"), "");
  expectOk(await deleting);
  expect(world.leftovers()).toEqual([]);
  const again = expectOk(await world.run("ADD", { conf: given, id: added.id }));
  expectOk(await world.run("CHECK", { conf: given, after: again }));
});

test("an ADD while a DEL of something unknown is under way is told the same, so that no pod loses the rules it has just got", async () => {
  world.script({
    ADD: { stdout: RESULT },
    DEL: { run: `touch "$TR_SCRIPT/started"; until [ -e "$TR_SCRIPT/go" ]; do sleep 0.02; done` },
  });
  const id = world.newId();
  const deleting = world.run("DEL", { conf: given, id });
  await until("the delegate's DEL is at work", () => existsSync(join(world.dir, "script/started")));
  expectError(await world.run("ADD", { conf: given, id }), "tryAgainLater", id, "deletion");
  writeFileSync(join(world.dir, "script/go"), "");
  expectOk(await deleting);
  const added = expectOk(await world.run("ADD", { conf: given, id }));
  expectOk(await world.run("CHECK", { conf: given, after: added }));
});

test("after a killed DEL of something unknown ADD works, and the next DEL too", async () => {
  world.script({ ADD: { stdout: RESULT }, DEL: { run: "kill -9 $PPID" } });
  const killed = await world.run("DEL", { conf: given, id: world.newId() });
  expect(killed.signal).toBe("SIGKILL");
  world.script({ DEL: { run: "" } });
  const added = expectOk(await world.run("ADD", { conf: given, id: killed.id }));
  expect(verbs(added)).toEqual(["ADD"]);
  expectOk(await world.run("DEL", { conf: given, after: added }));
  expect(world.leftovers()).toEqual([]);
});

test("two DELs at once both succeed, and nothing is left", async () => {
  world.script({ ADD: { stdout: RESULT }, DEL: { run: "sleep 0.3" } });
  const added = expectOk(await world.run("ADD", { conf: given }));
  const both = [0, 100].map(async (ms) => {
    await new Promise((resolve) => setTimeout(resolve, ms));
    return world.run("DEL", { conf: given, after: added });
  });
  for (const deleted of await Promise.all(both)) expectOk(deleted);
  expect(world.leftovers()).toEqual([]);
});

// An agent takes back by itself what nobody waits for any more.
oneShotTest(
  "an ADD that cannot clean up what a killed ADD left fails, and the next DEL still knows what to undo",
  async () => {
    world.script({
      ADD: { run: "kill -9 $PPID", stdout: RESULT },
      DEL: { run: `printf '{"code":5,"msg":"device busy"}'; exit 1` },
    });
    const killed = await world.run("ADD", {
      conf: { ...given, delegate: { type: "scripted", pool: "old" } },
    });
    expect(killed.signal).toBe("SIGKILL");
    world.script({ ADD: { stdout: RESULT, run: "" } });
    const failed = await world.run("ADD", {
      conf: { ...given, delegate: { type: "scripted", pool: "new" } },
      id: killed.id,
    });
    expectError(failed, 5, "device busy", "nothing was added");
    expect(verbs(failed)).toEqual(["DEL"]);
    world.script({ DEL: { run: "" } });
    const deleted = expectOk(
      await world.run("DEL", {
        conf: { ...given, delegate: { type: "scripted", pool: "new" } },
        id: killed.id,
      }),
    );
    expect(deleted.calls.map(({ netconf }) => netconf["pool"])).toEqual(["old"]);
    expect(world.leftovers()).toEqual([]);
  },
);

const recordPath = (): string =>
  join(
    world.dataDir,
    readdirSync(world.dataDir).find((name) => name.endsWith(".json")) ?? "no record",
  );
const state = (): unknown =>
  (JSON.parse(readFileSync(recordPath(), "utf8")) as { state: unknown }).state;

test("an ADD after a failed DEL finishes the DEL first", async () => {
  world.script({
    ADD: { stdout: RESULT },
    DEL: { run: `printf '{"code":5,"msg":"device busy"}'; exit 1` },
  });
  const added = expectOk(await world.run("ADD", { conf: given }));
  expectError(await world.run("DEL", { conf: given, after: added }), 5);
  expect(state()).toBe("deleting");
  world.script({ DEL: { run: "" } });
  const again = expectOk(await world.run("ADD", { conf: given, id: added.id }));
  expect(verbs(again)).toEqual(["DEL", "ADD"]);
  expect(state()).toBe("complete");
  expectOk(await world.run("DEL", { conf: given, after: again }));
  expect(world.leftovers()).toEqual([]);
});

test("an ADD leaves a record that cannot be read alone, as it may be in use, and a DEL makes room", async () => {
  const added = expectOk(await world.run("ADD", { conf: conf() }));
  writeFileSync(recordPath(), "{");
  const refused = await world.run("ADD", { conf: conf(), id: added.id });
  expectError(refused, "journal", added.id, "DEL it before adding again");
  expect([refused.calls, world.firewall.ours().length, readFileSync(recordPath(), "utf8")]).toEqual(
    [[], 2, "{"],
  );
  expectOk(await world.run("DEL", { conf: conf(), after: added }));
  expect(world.leftovers()).toEqual([]);
  expectOk(await world.run("ADD", { conf: conf(), id: added.id }));
});
