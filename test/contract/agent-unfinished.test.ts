/** What failed in an agent or was lost on its way, seen by the node's other processes: the agent lives on. */
import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { GREETING } from "../../lib/agent/frames";
import { createExec } from "../../lib/node/exec";
import { runByAgent, startAgent, type RunningAgent } from "../helpers/agent";
import { conf, scripted } from "../helpers/conf";
import {
  connectLauncher,
  decodeProgram,
  goFrame,
  requestFrame,
  resultFrame,
  type FakeLauncher,
} from "../helpers/fake-launcher";
import { environment, stdinOf, useWorld } from "../helpers/harness";
import { expectError, expectOk, verbs } from "../helpers/outcome";
import { until } from "../helpers/shell";

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

/** An ADD up to the agent's answer, which the launcher does not acknowledge. */
async function unacknowledged(id: string): Promise<{ launcher: FakeLauncher; token: string }> {
  const launcher = await connectLauncher(agent.socket);
  const env = environment(world, "ADD", mkdtempSync(join(world.dir, "calls/run-")), { id });
  launcher.send(GREETING, requestFrame(env, stdinOf(world, { conf: conf() })));
  const token = (await launcher.next("H")).payload.toString();
  launcher.send(goFrame());
  for (;;) {
    const { type, payload } = await launcher.next("X", "E", "F");
    if (type === "F") return { launcher, token };
    if (type === "X") launcher.send(resultFrame(await createExec().run(decodeProgram(payload))));
  }
}

test("an ADD whose launcher gave the agent up too early: the packed binary has its result, and keeps it", async () => {
  const id = world.newId();
  const { launcher, token } = await unacknowledged(id);
  const env = { TENANT_ROUTING_TAKEOVER: token };
  const taken = expectOk(await world.run("ADD", { conf: conf(), id, env }));
  expect(taken.calls).toEqual([]);
  launcher.leave();
  await until("the agent has noticed", () => /taken the attachment over/.test(world.log()));
  expectOk(await world.run("CHECK", { conf: conf(), after: taken }));
  expectOk(await world.run("DEL", { conf: conf(), after: taken }));
  expect(world.leftovers()).toEqual([]);
});

test("an ADD that the agent took back before: the packed binary adds it anew", async () => {
  const id = world.newId();
  const { launcher, token } = await unacknowledged(id);
  launcher.leave();
  await until("the agent has taken it back", () => /was taken back/.test(world.log()));
  expect(world.leftovers()).toEqual([]);
  const env = { TENANT_ROUTING_TAKEOVER: token };
  const added = expectOk(await world.run("ADD", { conf: conf(), id, env }));
  expect(verbs(added)).toEqual(["ADD"]);
  expectOk(await world.run("CHECK", { conf: conf(), after: added }));
  expectOk(await world.run("DEL", { conf: conf(), after: added }));
  expect(world.leftovers()).toEqual([]);
});
