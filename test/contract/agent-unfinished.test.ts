/** What failed in an agent, seen by the node's other processes: the agent lives on, but nobody is at work on it. */
import { runByAgent, startAgent, type RunningAgent } from "../helpers/agent";
import { conf, scripted } from "../helpers/conf";
import { useWorld } from "../helpers/harness";
import { expectError, expectOk, verbs } from "../helpers/outcome";

const world = useWorld();
const BUSY = { stdout: '{"code": 50, "msg": "busy"}', exit: 1 };
const ENOUGH = { stdout: "", exit: 0 };
let agent: RunningAgent;
beforeEach(async () => {
  agent = await startAgent(world, conf());
});
afterEach(() => agent.stop());

test("a DEL that failed: another process adds the container again", async () => {
  const given = scripted();
  world.script({ DEL: BUSY });
  const del = await runByAgent(world, agent, "DEL", { conf: given });
  expectError(del, 50);
  world.script({ DEL: ENOUGH });
  expectOk(await world.run("ADD", { conf: conf(), id: del.id }));
  expectOk(await world.run("DEL", { conf: conf(), id: del.id }));
  expect(world.leftovers()).toEqual([]);
});

test("an ADD that failed and could not be taken back: another process's GC does that", async () => {
  const given = scripted({ cniVersion: "1.1.0" });
  world.script({ ADD: BUSY, DEL: BUSY });
  expectError(await runByAgent(world, agent, "ADD", { conf: given }), 50);
  expect(world.leftovers()).toHaveLength(1);
  world.script({ DEL: ENOUGH, GC: ENOUGH });
  const all = { ...given, "cni.dev/valid-attachments": [] };
  expect(verbs(expectOk(await world.run("GC", { conf: all })))).toEqual(["DEL", "GC"]);
  expect(world.leftovers()).toEqual([]);
});
