/** The launcher before the real packed binary, without an agent: nothing is different from one without a launcher. */
import { copyFileSync, linkSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { conf } from "../helpers/conf";
import { BINARY, useWorld, type RunOptions } from "../helpers/harness";
import { expectOk, verbs, type Outcome } from "../helpers/outcome";

const world = useWorld();
/** In the build's own directory, so that the packed binary need not be copied. */
const dir = join(BINARY, `../.launcher-test-${process.pid}`);
const plugin = join(dir, "tenant-routing-wrapper");

beforeAll(() => {
  mkdirSync(dir);
  copyFileSync(join(BINARY, "../tenant-routing-launcher"), plugin);
  linkSync(BINARY, join(dir, "tenant-routing-wrapper.bin"));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function run(verb: string | undefined, options: RunOptions = {}): Promise<Outcome> {
  const env = { TENANT_ROUTING_AGENT_SOCKET: join(world.dir, "agent.sock"), ...options.env };
  return world.run(verb, { ...options, env, wrap: `shift; set -- ${plugin} "$@"` });
}

test("ADD and DEL give the same result, call the same delegate and leave the same rules", async () => {
  const id = world.newId();
  const seen = [];
  for (const each of [world.run, run]) {
    const added = expectOk(await each("ADD", { conf: conf(), id }));
    const rules = world.firewall.ours();
    expect(rules).toHaveLength(2);
    const removed = expectOk(await each("DEL", { conf: conf(), after: added }));
    expect(world.leftovers()).toEqual([]);
    seen.push([added.json, added.stdout, rules, verbs(added), removed.stdout, verbs(removed)]);
  }
  expect(seen[1]).toEqual(seen[0]);
});

test("errors, VERSION and the command line are the same", async () => {
  for (const [verb, options] of [
    ["ADD", { conf: "{" }],
    ["ADD", { conf: "", stdin: "closed" }],
    ["NONSENSE", { conf: conf() }],
    ["VERSION", { stdin: "open" }],
    [undefined, { argv: ["version"] }],
    [undefined, { argv: ["no-such-command"] }],
    [undefined, {}],
  ] as const) {
    const [bare, launched] = [await world.run(verb, options), await run(verb, options)];
    const { exit, signal, stdout, stderr } = bare;
    expect(launched).toMatchObject({ exit, signal, stdout, stderr });
  }
});
