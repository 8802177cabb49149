/** Which of the two iptables is used, and that a change of mind loses nothing. */
import { conf } from "../helpers/conf";
import { FLAVOURS, type Flavour } from "../helpers/firewall";
import { useWorld } from "../helpers/harness";
import { expectOk } from "../helpers/outcome";
import { sh } from "../helpers/shell";

const world = useWorld();

beforeEach(() => {
  // A legacy table, once asked for, exists as long as its namespace.
  sh("ip", "netns", "del", world.netns);
  sh("ip", "netns", "add", world.netns);
});

const hint = (flavour: Flavour): void =>
  world.firewall.tables(flavour, "iptables", "-N KUBE-IPTABLES-HINT");
const where = (): readonly Flavour[] =>
  FLAVOURS.filter((flavour) => world.firewall.ours(flavour).length > 0);

test.each(FLAVOURS)("auto follows the kubelet's hint chain in %s", async (flavour) => {
  hint(flavour);
  expectOk(await world.run("ADD", { conf: conf() }));
  expect(where()).toEqual([flavour]);
});

test.each(FLAVOURS)("auto without a hint follows the rules that exist in %s", async (flavour) => {
  for (const port of [1, 2, 3])
    world.firewall.tables(flavour, "iptables", `-A FORWARD -p tcp --dport ${port} -j ACCEPT`);
  expectOk(await world.run("ADD", { conf: conf() }));
  expect(where()).toEqual([flavour]);
});

test("auto on an empty node takes one flavour, and keeps to it although the hint comes later", async () => {
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
