/**
 * A process without the file descriptors that it needs: an error on stdout, and nothing left
 * behind.
 */
import { conf } from "../helpers/conf";
import { useWorld } from "../helpers/harness";
import { expectOk } from "../helpers/outcome";

const world = useWorld();

/** With fewer than 20, Node itself dies before it runs a line of ours. */
const LIMITS = Array.from({ length: 22 }, (_, n) => 20 + n);

test.each(LIMITS)(
  "with %i open files ADD succeeds, or says why and leaves nothing",
  async (limit) => {
    const outcome = await world.run("ADD", {
      conf: conf(),
      wrap: `set -- prlimit --nofile=${limit} "$@"`,
    });
    if (outcome.exit === 0) {
      expect(world.firewall.ours()).toHaveLength(2);
      expectOk(await world.run("DEL", { conf: conf(), after: outcome }));
    } else {
      expect(outcome.signal).toBeNull();
      expect(outcome.json).toMatchObject({
        code: expect.any(Number),
        msg: expect.not.stringContaining("internal error"),
      });
    }
    expect(world.leftovers()).toEqual([]);
  },
);

test.each(LIMITS)(
  "with %i open files DEL succeeds, or says why and the next DEL finishes",
  async (limit) => {
    const added = expectOk(await world.run("ADD", { conf: conf() }));
    const outcome = await world.run("DEL", {
      conf: conf(),
      after: added,
      wrap: `set -- prlimit --nofile=${limit} "$@"`,
    });
    if (outcome.exit !== 0)
      expect(outcome.json).toMatchObject({
        code: expect.any(Number),
        msg: expect.not.stringContaining("internal error"),
      });
    expectOk(await world.run("DEL", { conf: conf(), after: added }));
    expect(world.leftovers()).toEqual([]);
  },
);

// Node may die of it by a signal, and then only the next DEL can say that nothing is left.
test.each([12, 16, 18])(
  "with %i open files, too few for Node, ADD is a whole success or an error, and DEL leaves nothing",
  async (limit) => {
    const outcome = await world.run("ADD", { conf: conf(), wrap: `ulimit -n ${limit}` });
    if (outcome.exit === 0) expect(world.firewall.ours()).toHaveLength(2);
    else expect(world.firewall.ours()).toEqual([]);
    expectOk(await world.run("DEL", { conf: conf(), id: outcome.id }));
    expect(world.leftovers()).toEqual([]);
  },
);
