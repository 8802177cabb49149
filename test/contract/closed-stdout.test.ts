/** The runtime no longer reads what the plugin prints. */
import { conf } from "../helpers/conf";
import { useWorld } from "../helpers/harness";
import { expectOk, verbs } from "../helpers/outcome";

const world = useWorld();

test("a result that nobody reads makes ADD fail and take everything back, and a DEL succeeds", async () => {
  const outcome = await world.run("ADD", { conf: conf(), stdout: "closed" });
  expect(outcome.exit).not.toBe(0);
  expect(outcome.signal).toBeNull();
  expect(verbs(outcome)).toEqual(["ADD", "DEL"]);
  expect(world.leftovers()).toEqual([]);
  expectOk(await world.run("DEL", { conf: conf(), id: outcome.id }));
  expect(world.leftovers()).toEqual([]);
});

test("an error that nobody reads causes neither success nor a hang", async () => {
  const outcome = await world.run("ADD", { conf: "{", stdout: "closed" });
  expect([outcome.exit === 0, outcome.signal]).toEqual([false, null]);
});
