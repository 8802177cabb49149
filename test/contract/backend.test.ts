/** Which backend marks the pods, and what becomes of those that another one has marked. */
import { conf, marked, type Conf } from "../helpers/conf";
import { useWorld } from "../helpers/harness";
import { expectError, expectOk } from "../helpers/outcome";
import { sh } from "../helpers/shell";

const world = useWorld();
const NFTABLES = { backend: "nftables" };
const TABLE = "inet tenant-routing-marks";
const UNMARKED = {
  runtimeConfig: { "io.kubernetes.cri.pod-annotations": {} },
  kubeconfig: undefined,
};
const inside = (command: string): string =>
  sh("ip", "netns", "exec", world.netns, "sh", "-c", command);
const elements = (): readonly string[] =>
  inside("nft list table inet tenant-routing-marks 2>/dev/null || true").match(
    /\S+ comment "tenant-routing [^"]*" : goto \S+/g,
  ) ?? [];
const withoutIptables = (): string => world.toolbox.without("iptables*", "ip6tables*", "xtables*");

test("nftables: ADD, CHECK, STATUS, GC and DEL with the table alone, and no iptables rule", async () => {
  const given = conf({ cniVersion: "1.1.0", ...NFTABLES }, marked("0x20/0xff"));
  const added = expectOk(await world.run("ADD", { conf: given }));
  expect(elements()).toEqual([expect.stringMatching(/ : goto m_20_ff$/)]);
  expect(world.firewall.ours()).toEqual([]);
  expectOk(await world.run("CHECK", { conf: given, after: added }));
  expectOk(await world.run("STATUS", { conf: given }));
  inside("nft flush chain inet tenant-routing-marks m_20_ff");
  expectError(await world.run("CHECK", { conf: given, after: added }), "ruleDrift");
  expectOk(await world.run("GC", { conf: { ...given, "cni.dev/valid-attachments": [] } }));
  expect(elements()).toEqual([]);
  expectOk(await world.run("DEL", { conf: given, after: added }));
  expect(world.leftovers()).toEqual([]);
});

test.each<[string, string, RegExp]>([
  ["the element is gone", `delete element ${TABLE} pods4 { 10.77.0.5 }`, /10\.77\.0\.5 is missing/],
  ["the chain marks nothing", `flush chain ${TABLE} m_20_ff`, /something else instead of 0x20/],
  [
    "the chain sets another mark",
    `flush chain ${TABLE} m_20_ff; nft add rule ${TABLE} m_20_ff meta mark set 0x30`,
    /instead of 0x20/,
  ],
  ["nothing leads to the element", `flush chain ${TABLE} prerouting`, /10\.77\.0\.5/],
  ["the table is gone", `delete table ${TABLE}`, /missing/],
])("when %s CHECK says so, and DEL leaves nothing", async (_, damage, says) => {
  const given = conf(NFTABLES, marked("0x20/0xff"));
  const added = expectOk(await world.run("ADD", { conf: given }));
  expectOk(await world.run("CHECK", { conf: given, after: added }));
  inside(`nft ${damage}`);
  expectError(
    await world.run("CHECK", { conf: given, after: added }),
    "ruleDrift",
    says,
    "team-a/web-0",
  );
  expectOk(await world.run("DEL", { conf: given, after: added }));
  expect([elements(), world.leftovers()]).toEqual([[], []]);
});

test("auto is nftables on a node without iptables, from ADD to DEL", async () => {
  const given = conf({ cniVersion: "1.1.0" }, marked("0x20/0xff"));
  const wrap = withoutIptables();
  expectOk(await world.run("STATUS", { conf: given, wrap }));
  const added = expectOk(await world.run("ADD", { conf: given, wrap }));
  expect(elements()).toHaveLength(1);
  expectOk(await world.run("CHECK", { conf: given, after: added, wrap }));
  expectOk(await world.run("DEL", { conf: given, after: added, wrap }));
  expect(elements()).toEqual([]);
  expect(world.leftovers()).toEqual([]);
});

test.each([
  ["iptables", "nftables"],
  ["nftables", "iptables"],
])(
  "from %s to %s while pods run: each DEL finds its mark, and none is inherited",
  async (from, to) => {
    const before = (what: Conf): Conf => conf({ backend: from }, what);
    const after = (what: Conf): Conf => conf({ backend: to }, what);
    const [old, reused] = [
      expectOk(await world.run("ADD", { conf: before(marked("0x20/0xff")), ip: "10.0.0.5/24" })),
      expectOk(await world.run("ADD", { conf: before(marked("0x20/0xff")), ip: "10.0.0.6/24" })),
    ];
    const next = await world.run("ADD", { conf: after(marked("0x30/0xff")), ip: "10.0.0.6/24" });
    expectOk(next);
    const plain = expectOk(await world.run("ADD", { conf: after(UNMARKED), ip: "10.0.0.5/24" }));
    const all = [...elements(), ...world.firewall.ours()].join("\n");
    expect(all).toContain("10.0.0.6");
    expect(all).not.toContain("10.0.0.5");
    expect(to === "nftables" ? world.firewall.ours() : elements()).toEqual([]);
    for (const each of [old, reused, next, plain])
      expectOk(await world.run("DEL", { conf: after({}), after: each }));
    expect(elements()).toEqual([]);
    expect(world.leftovers()).toEqual([]);
  },
);

test("nft is missing: ADD names it and its package, and DEL of a mark that cannot be seen fails", async () => {
  const given = conf(NFTABLES, marked("0x20/0xff"));
  const wrap = world.toolbox.without("nft");
  expectError(await world.run("ADD", { conf: given, wrap }), "rules", "nft", "package nftables");
  expect(world.leftovers()).toEqual([]);
  const added = expectOk(await world.run("ADD", { conf: given }));
  expectError(
    await world.run("DEL", { conf: given, after: added, wrap }),
    "rules",
    "package nftables",
  );
  expect(elements()).toHaveLength(1);
  expectOk(await world.run("DEL", { conf: given, after: added }));
  expect(elements()).toEqual([]);
});

test("without an agent no verb makes a guard", async () => {
  for (const backend of ["iptables", "nftables"])
    expectOk(await world.run("ADD", { conf: conf({ backend, guard: true }, marked("0x20/0xff")) }));
  expect(inside("nft list tables")).not.toContain("tenant-routing-guard");
});
