/** The tree from facts: rules of `ip rule`, tables and the kernel's answer. */
import { explain } from "../../../../lib/explain/explain";
import { route, rule } from "../routes/node-rig";
import { factsWith, node, POD, what } from "./facts";

describe("rules and tables", () => {
  const state = node();
  const without = (priority: number): typeof state => ({
    ...state,
    rules: state.rules.filter((each) => !(each.family === 4 && each.priority === priority)),
  });
  const tenants = state.rules.find((each) => each.table === 100)?.priority ?? 0;

  test("the tenant's rule is missing", () => {
    const { first } = explain(factsWith({ option: " --conf x" }, without(tenants)));
    expect(first).toMatchObject({ code: "TR0908", remedy: "wrapper routes apply --conf x" });
  });

  test("a foreign rule for the pod is before it", () => {
    const foreign = rule(1, { from: POD, table: 77, protocol: 3 });
    const other = {
      ...state,
      rules: [foreign, ...state.rules],
      routes: [...state.routes, route("default", { table: 77 })],
    };
    expect(explain(factsWith({}, other)).first).toMatchObject({
      code: "TR0909",
      remedy: `ip -4 rule del pref 1 from ${POD} lookup 77 protocol 3`,
    });
  });

  test("half a default route in main takes the tenant's packets", () => {
    const other = { ...state, routes: [...state.routes, route("128.0.0.0/1")] };
    expect(explain(factsWith({}, other)).first).toMatchObject({
      code: "TR0113",
      severity: "failed",
    });
  });

  test("the table is empty", () => {
    const other = { ...state, routes: state.routes.filter(({ table }) => table !== 100) };
    expect(explain(factsWith({ way: { refused: "No route to host" } }, other))).toMatchObject({
      first: { code: "TR0910", remedy: "wrapper routes apply" },
      state: "failed",
    });
  });

  test("a better route of main is taken on purpose", () => {
    const other = { ...state, routes: [...state.routes, route("203.0.113.0/24")] };
    const way = { dev: "eth0", via: "198.51.100.1", table: undefined, local: false };
    const explained = explain(factsWith({ way }, other));
    expect(explained.first).toBeUndefined();
    expect(what(explained, "table")).toMatch(
      /^of a is not asked: 203\.0\.113\.0\/24 via \S+ dev eth0 is better$/,
    );
  });

  test("the rule for the local table is late", () => {
    const late = {
      kind: "priority",
      tenant: undefined,
      family: 4,
      first: 99,
      local: 32766,
    } as const;
    const facts = factsWith();
    const { first } = explain({ ...facts, routes: { ...facts.routes, collisions: [late] } });
    expect(first).toMatchObject({
      code: "TR0204",
      severity: "warning",
      remedy: "ip -4 rule add pref 0 lookup local",
    });
  });

  test("a family without a gateway is stopped on purpose", () => {
    const facts = factsWith({
      packet: { family: 6, from: "fd00::2", to: "2001:db8::9", port: undefined, iif: "veth1" },
      way: { refused: "unreachable" },
      back: undefined,
    });
    const explained = explain(facts);
    expect(explained.first).toBeUndefined();
    expect(what(explained, "table")).toContain("no IPv6 gateway, so it is stopped on purpose");
    expect(explained.verdict).toBe("team-a/web-0 -> 2001:db8::9 is stopped on this node");
  });
});
