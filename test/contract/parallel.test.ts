/** Many wrappers at once. */
import { conf, marked } from "../helpers/conf";
import { useWorld } from "../helpers/harness";
import { expectError, expectOk, type Outcome } from "../helpers/outcome";
import { together } from "../helpers/together";
import { PLACES, putIn } from "../helpers/firewall";

const world = useWorld();

/** The longest wait that is allowed: other test files may run at the same time. */
const PATIENT = { lockTimeout: "50s" };

const address = (n: number): string => `10.77.${n >> 8}.${(n & 0xff) + 1}`;

// With more of them and with real plugins: test/node/parallel.test.ts, test/load/burst.test.ts.
describe.each(PLACES)("on %s", (place) => {
  test("of 20 parallel ADDs of one attachment one succeeds, with one pair of rules and one delegate ADD", async () => {
    const id = world.newId();
    const outcomes = await together(20, () => world.run("ADD", { conf: conf(putIn(place)), id }));
    const failed = outcomes.filter((outcome) => outcome.exit !== 0);
    expect(failed).toHaveLength(19);
    for (const outcome of failed) expectError(outcome, "duplicateAttachment");
    expect(outcomes.flatMap((outcome) => outcome.calls)).toHaveLength(1);
    expect(world.firewall.ours()).toHaveLength(2);
    const added = outcomes.find((outcome) => outcome.exit === 0) as Outcome;
    expectOk(await world.run("CHECK", { conf: conf(putIn(place)), after: added }));
    expectOk(await world.run("DEL", { conf: conf(putIn(place)), after: added }));
    expect(world.leftovers()).toEqual([]);
  });

  test("an address that 10 pods of two tenants get at once ends with one mark", async () => {
    const outcomes = await together(10, (n) =>
      world.run("ADD", {
        conf: conf(putIn(place), marked(n % 2 === 0 ? "0x10/0xff" : "0x20/0xff")),
      }),
    );
    for (const outcome of outcomes) expectOk(outcome);
    expect(world.firewall.ours()).toHaveLength(2);
    expect(
      new Set(world.firewall.ours().map((line) => / ([0-9a-f-]+)" /.exec(line)?.[1])).size,
    ).toBe(1);
    for (const outcome of outcomes)
      expectOk(await world.run("DEL", { conf: conf(), after: outcome }));
    expect(world.leftovers()).toEqual([]);
  });

  test("30 pods at once have their rules, each once", async () => {
    await together(30, async (n) =>
      expectOk(
        await world.run("ADD", { conf: conf(putIn(place), PATIENT), ip: `${address(n)}/16` }),
      ),
    );
    const sources = world.firewall
      .ours()
      .map((line) => /-s (\S+)\/32/.exec(line)?.[1])
      .sort();
    const expected = Array.from({ length: 30 }, (_, n) => [address(n), address(n)])
      .flat()
      .sort();
    expect(sources).toEqual(expected);
  });
});

test("30 pods added and deleted at once get 30 results, and nothing is left", async () => {
  const results = await together(30, async (n) => {
    const added = expectOk(await world.run("ADD", { conf: conf(PATIENT), ip: `${address(n)}/16` }));
    expectOk(await world.run("DEL", { conf: conf(PATIENT), after: added }));
    return added.json;
  });
  expect(results).toHaveLength(30);
  results.forEach((json, n) =>
    expect(json).toMatchObject({ ips: [{ address: `${address(n)}/16` }] }),
  );
  expect(world.leftovers()).toEqual([]);
});

test("the new pod's rules survive a DEL of the address's former pod, every time", async () => {
  for (let round = 0; round < 5; round++) {
    const stale = expectOk(await world.run("ADD", { conf: conf() }));
    const [added] = await Promise.all([
      world.run("ADD", { conf: conf(marked("0x20/0xff")) }),
      world.run("DEL", { conf: conf(), after: stale }).then(expectOk),
    ]);
    expectOk(added);
    const rules = world.firewall.ours();
    expect(rules).toHaveLength(2);
    expect(rules[0]).toContain("--set-xmark 0x20/0xff");
    expectOk(await world.run("DEL", { conf: conf(), after: added }));
    expect(world.leftovers()).toEqual([]);
  }
});

test("of an ADD and a DEL of the same attachment the last wins, and one more DEL leaves nothing", async () => {
  for (let round = 0; round < 5; round++) {
    const id = world.newId();
    const [added, deleted] = await Promise.all([
      world.run("ADD", { conf: conf(), id }),
      world.run("DEL", { conf: conf(), id }),
    ]);
    expectOk(deleted);
    const checked = await world.run("CHECK", { conf: conf({ prevResult: added.json ?? {} }), id });
    if (added.exit === 0 && checked.exit === 0) expect(world.firewall.ours()).toHaveLength(2);
    else expectError(checked, "attachmentUnknown");
    expectOk(await world.run("DEL", { conf: conf(), id }));
    expect(world.leftovers()).toEqual([]);
  }
});

test("20 parallel DELs of one attachment all succeed, and nothing is left", async () => {
  const added = expectOk(await world.run("ADD", { conf: conf() }));
  for (const outcome of await together(20, () => world.run("DEL", { conf: conf(), after: added })))
    expectOk(outcome);
  expect(world.leftovers()).toEqual([]);
});

test("the wait for a lock is bounded below the runtimes' minute, by default and at most", async () => {
  expectError(
    await world.run("ADD", { conf: conf({ lockTimeout: "60s" }) }),
    "invalidConfig",
    "/lockTimeout",
  );
  expectOk(await world.run("ADD", { conf: conf({ lockTimeout: "50s" }) }));
});

test("wrappers with the same PID, each in a PID namespace of its own, do not collide", async () => {
  const wrap = `set -- unshare --pid --fork --mount-proc "$@"`;
  const outcomes = await together(10, (n) =>
    world.run("ADD", { conf: conf(), ip: `${address(n)}/16`, wrap }),
  );
  for (const outcome of outcomes) expectOk(outcome);
  expect(world.firewall.ours()).toHaveLength(20);
  for (const outcome of outcomes)
    expectOk(await world.run("DEL", { conf: conf(), after: outcome }));
  expect(world.leftovers()).toEqual([]);
});
