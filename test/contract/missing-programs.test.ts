/** The iptables programs are missing while rules of ours may be there: no address may inherit a mark. */
import { conf, marked } from "../helpers/conf";
import { VARIANTS, type Variant } from "../helpers/firewall";
import { useWorld } from "../helpers/harness";
import { expectError, expectNotSwallowed, expectOk, verbs } from "../helpers/outcome";
import { sh } from "../helpers/shell";

const world = useWorld();
const UNMARKED = {
  runtimeConfig: { "io.kubernetes.cri.pod-annotations": {} },
  kubeconfig: undefined,
};
const other = (variant: Variant): Variant => (variant === "nft" ? "legacy" : "nft");

beforeEach(() => {
  // A legacy table, once asked for, exists as long as its namespace.
  sh("ip", "netns", "del", world.netns);
  sh("ip", "netns", "add", world.netns);
});

/** Programs that are gone: of both variants, or of the one that made the rules. */
const GONE: readonly (readonly [string, (variant: Variant) => string])[] = [
  ["all iptables programs", () => world.toolbox.without("iptables*", "ip6tables*", "xtables*")],
  [
    "the programs of that variant",
    (variant) =>
      world.toolbox.without(`iptables-${variant}*`, `ip6tables-${variant}*`, `xtables-${variant}*`),
  ],
  [
    "all of them, and nft",
    () => world.toolbox.without("iptables*", "ip6tables*", "xtables*", "nft"),
  ],
  [
    "only what lists rules",
    (variant) => world.toolbox.without(`iptables-${variant}-save`, "iptables-save"),
  ],
];

describe.each(VARIANTS)("rules made in %s", (variant) => {
  test.each(GONE)(
    "%s are missing at DEL: an error that names one, the record stays, no pod gets the address, and the next DEL finishes",
    async (_, gone) => {
      const wrap = gone(variant);
      const given = conf({ iptables: variant });
      const added = expectOk(await world.run("ADD", { conf: given }));
      const deleted = await world.run("DEL", { conf: given, after: added, wrap });
      expectError(
        deleted,
        "rules",
        `iptables-${variant}-save is not installed`,
        "rules of ours may be there",
      );
      expectNotSwallowed(deleted);
      expect(verbs(deleted)).toEqual(["DEL"]);
      expect(world.leftovers().filter((each) => each.startsWith("data:"))).toHaveLength(1);

      for (const [iptables, what] of [
        ["auto", UNMARKED],
        [variant, marked("0x20/0xff")],
        [other(variant), UNMARKED],
      ] as const) {
        const next = await world.run("ADD", { conf: conf({ iptables }, what), wrap });
        expectError(next, "rules");
        expect(verbs(next)).toEqual(["ADD", "DEL"]);
      }
      expect(world.firewall.ours()).toHaveLength(2);
      expect(world.leftovers().filter((each) => each.startsWith("data:"))).toHaveLength(1);

      expectOk(await world.run("DEL", { conf: given, after: added }));
      expect(world.leftovers()).toEqual([]);
    },
  );
});

test.each(VARIANTS)(
  "CHECK, STATUS and GC do not pass over %s rules that they cannot see",
  async (variant) => {
    const given = conf({ cniVersion: "1.1.0", iptables: other(variant), delegate: { type: "ok" } });
    world.firewall.tables(variant, "iptables", "-A PREROUTING -j ACCEPT");
    const added = expectOk(await world.run("ADD", { conf: given }));
    const wrap = world.toolbox.without(`iptables-${variant}*`, `ip6tables-${variant}*`);
    expectError(
      await world.run("CHECK", { conf: given, after: added, wrap }),
      "rules",
      `iptables-${variant}-save`,
    );
    expectError(
      await world.run("STATUS", { conf: given, wrap }),
      "notAvailable",
      `iptables-${variant}-save`,
    );
    expectError(
      await world.run("GC", { conf: { ...given, "cni.dev/valid-attachments": [] }, wrap }),
      "rules",
      `iptables-${variant}-save`,
    );
    expectOk(await world.run("DEL", { conf: given, after: added }));
  },
);

test("a kernel without such a table goes on without any program", async () => {
  const wrap = world.toolbox.without("iptables*", "ip6tables*", "xtables*");
  const added = expectOk(await world.run("ADD", { conf: conf(UNMARKED), wrap }));
  expectOk(await world.run("DEL", { conf: conf(UNMARKED), after: added, wrap }));
  expectOk(await world.run("DEL", { conf: conf(), id: world.newId(), wrap }));
  expect(world.leftovers()).toEqual([]);
});

test("DEL asks only the programs of the variant that its record names", async () => {
  const added = expectOk(await world.run("ADD", { conf: conf({ iptables: "nft" }) }));
  world.firewall.tables("legacy", "iptables", "-A PREROUTING -j ACCEPT");
  expectOk(
    await world.run("DEL", {
      conf: conf(),
      after: added,
      wrap: world.toolbox.without("iptables-legacy*", "ip6tables*"),
    }),
  );
  expect(world.leftovers()).toEqual([]);
});
