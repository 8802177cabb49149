/** What the kernel lacks of the node routes, by what it is about. */
import { differences } from "../../../../../lib/checks/routes/differences";
import { look } from "../../../../../lib/routes/apply";
import { carryOut, type RoutesView } from "../../../../../lib/routes/carry-out";
import type { IpRule, NodeState } from "../../../../../lib/routes/model";
import { FakeNode } from "../../routes/fake-node";
import { confOf, KERNEL_RULES, route, rule } from "../../routes/node-rig";

const CONF = confOf();

/** The view of a node that has all of it, after `change` of what it has. */
async function viewAfter(
  change: (state: NodeState) => Partial<NodeState> = () => ({}),
): Promise<RoutesView> {
  const node = new FakeNode();
  await carryOut(await look(CONF, node, { sysctl: false }), node);
  node.change(change(await node.kernel.state()));
  return look(CONF, node, { sysctl: false });
}

test("nothing where the node is as the conflist asks", async () => {
  expect(differences(await viewAfter())).toEqual([]);
});

test("a rule that is missing: the command that brings it back", async () => {
  const view = await viewAfter(({ rules }) => ({
    rules: rules.filter(({ fwmark, table }) => fwmark?.value !== 0x10 || table !== 100),
  }));
  expect(differences(view)).toEqual([
    {
      ...{ kind: "rule-differs", code: "TR0117", category: "routes", severity: "failed" },
      fault: expect.stringMatching(
        /^ip rules differ from the conflist: ip -4 rule add .*fwmark 0x10\/0xff .*lookup 100/,
      ) as string,
      consequence: "marked packets take the main table, or another tenant's",
      remedy: "wrapper routes apply",
      subject: undefined,
    },
  ]);
});

test("of many rules the first is named, and the others are counted", async () => {
  const all = (await viewAfter()).plan.rules.length;
  const [found] = differences(await viewAfter(() => ({ rules: KERNEL_RULES })));
  expect(found?.fault).toMatch(new RegExp(`^ip rules differ .* \\(and ${all - 1} more\\)$`));
});

test("a table that is empty, and its tenant", async () => {
  const view = await viewAfter(({ routes }) => ({
    routes: routes.filter(({ table }) => table !== 200),
  }));
  expect(differences(view)).toMatchObject([
    {
      ...{ code: "TR0118", kind: "table-differs", severity: "failed", subject: "b" },
      fault: "table 200 of tenant b is empty",
      consequence: "its packets take the main table, as if they had no tenant",
      remedy: "wrapper routes apply",
    },
  ]);
});

test("a table that lacks a route", async () => {
  const view = await viewAfter(({ routes }) => ({
    routes: routes.filter(({ table, type }) => table !== 100 || type !== "unicast"),
  }));
  expect(differences(view)).toMatchObject([
    {
      ...{ code: "TR0118", subject: "a", consequence: "its packets take another way, or none" },
      fault: expect.stringMatching(
        /^table 100 of tenant a differs from the conflist: ip -4 route replace default .*192\.0\.2\.1/,
      ) as string,
    },
  ]);
});

describe("what is neither a rule nor a tenant's route", () => {
  test("a table of nftables is told by the first line of its command", async () => {
    const view = { ...(await viewAfter()), actions: [{ kind: "nat", text: "table x\n" }] as const };
    expect(differences(view)).toMatchObject([
      {
        ...{ code: "TR0120", kind: "routes-differ", severity: "warning", subject: undefined },
        fault: "the node differs from the conflist: nft -f - <<'EOF'",
        remedy: "wrapper routes apply",
      },
    ]);
  });

  test("a route of the main table is no tenant's", async () => {
    const action = { kind: "route", op: "replace", route: route("203.0.113.0/24") } as const;
    const found = differences({ ...(await viewAfter()), actions: [action] });
    expect(found.map(({ code }) => code)).toEqual(["TR0120"]);
    expect(found[0]?.fault).toContain("ip -4 route replace 203.0.113.0/24");
  });

  test("settings of the kernel have a finding of their own elsewhere", async () => {
    const action = { kind: "sysctl", path: "net/ipv4/ip_forward", value: "1" } as const;
    expect(differences({ ...(await viewAfter()), actions: [action] })).toEqual([]);
  });

  test("a table that no tenant of the plan has", async () => {
    const action = { kind: "route", op: "del", route: route("default", { table: 300 }) } as const;
    expect(differences({ ...(await viewAfter()), actions: [action] })).toMatchObject([
      { code: "TR0118", subject: "?", fault: "table 300 of tenant ? is empty" },
    ]);
  });
});

describe("the rule for the local table", () => {
  const withLocal = (...locals: IpRule[]) =>
    viewAfter(({ rules }) => ({
      rules: [...rules.filter(({ table }) => table !== 255), ...locals],
    }));

  test("that was moved: where to, and the commands that move it back", async () => {
    expect(differences(await withLocal(rule(100, { table: 255 })))).toMatchObject([
      {
        ...{ code: "TR0121", kind: "local-rule-moved", severity: "warning", subject: "IPv4" },
        fault: "the IPv4 rule for the local table is at 100 and not at 0",
        consequence: "rules before it are asked for packets to the node itself too",
        remedy: "ip -4 rule add pref 0 lookup local && ip -4 rule del pref 100 lookup local",
      },
    ]);
  });

  test.each<[string, readonly IpRule[]]>([
    ["another one at 0 does", [rule(0, { table: 255 }), rule(100, { table: 255 })]],
    ["none is none that was moved", []],
    ["one for some sources is another's", [rule(100, { table: 255, from: "192.0.2.0/24" })]],
    ["of a family that the node has not", [rule(9, { family: 6, table: 255 })]],
  ])("%s", async (_, locals) => {
    expect(differences(await withLocal(...locals))).toEqual([]);
  });
});
