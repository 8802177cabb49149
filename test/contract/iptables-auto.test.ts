/** Which of the two iptables is used, and that a change of mind loses nothing. */
import { conf } from "../helpers/conf";
import { VARIANTS, type Variant } from "../helpers/firewall";
import { useWorld } from "../helpers/harness";
import { expectOk } from "../helpers/outcome";
import { sh } from "../helpers/shell";

const world = useWorld();

beforeEach(() => {
  // A legacy table, once asked for, exists as long as its namespace.
  sh("ip", "netns", "del", world.netns);
  sh("ip", "netns", "add", world.netns);
});

const hint = (variant: Variant): void =>
  world.firewall.tables(variant, "iptables", "-N KUBE-IPTABLES-HINT");
const where = (): readonly Variant[] =>
  VARIANTS.filter((variant) => world.firewall.ours(variant).length > 0);

test.each(VARIANTS)("auto follows the kubelet's hint chain in %s", async (variant) => {
  hint(variant);
  expectOk(await world.run("ADD", { conf: conf() }));
  expect(where()).toEqual([variant]);
});

test.each(VARIANTS)("auto without a hint follows the rules that exist in %s", async (variant) => {
  for (const port of [1, 2, 3])
    world.firewall.tables(variant, "iptables", `-A FORWARD -p tcp --dport ${port} -j ACCEPT`);
  expectOk(await world.run("ADD", { conf: conf() }));
  expect(where()).toEqual([variant]);
});

test("auto on an empty node takes one variant, and keeps to it although the hint comes later", async () => {
  const first = expectOk(await world.run("ADD", { conf: conf() }));
  const [taken] = where();
  expect(taken).toBeDefined();
  hint(taken === "nft" ? "legacy" : "nft");
  expectOk(await world.run("ADD", { conf: conf(), ip: "10.77.0.6/24" }));
  expect(world.firewall.ours(taken)).toHaveLength(4);
  expectOk(await world.run("CHECK", { conf: conf(), after: first }));
});

test.each([
  ["nft", "legacy"],
  ["legacy", "nft"],
] as const)(
  "attachments made in %s are checked and removed after a change to %s",
  async (before, after) => {
    const added = expectOk(await world.run("ADD", { conf: conf({ iptables: before }) }));
    expect(where()).toEqual([before]);
    expectOk(await world.run("CHECK", { conf: conf({ iptables: after }), after: added }));
    const reused = expectOk(await world.run("ADD", { conf: conf({ iptables: after }) }));
    expect(where()).toEqual([after]);
    expectOk(await world.run("DEL", { conf: conf({ iptables: after }), after: added }));
    expectOk(await world.run("DEL", { conf: conf({ iptables: after }), after: reused }));
    expect(world.leftovers()).toEqual([]);
  },
);
