/** The way to a network with gateways of its own. */
import { explain } from "../../../../lib/explain/explain";
import type { PathFacts } from "../../../../lib/explain/model";
import { findFindings } from "../../../../lib/routes/conflicts/findings";
import { desiredRoutes } from "../../../../lib/routes/plan/desired";
import { confOf, TENANTS } from "../routes/node-rig";
import { factsWith, node, what } from "./facts";

const OTHER = "192.0.2.3";

/** Where `lost` gateways are out, as their watcher says. */
function facts(onGatewayLoss: string, way: PathFacts["way"], lost = false): PathFacts {
  const routes = [
    { to: ["203.0.113.0/24"], gateways: [{ via: OTHER, dev: "eth1" }], onGatewayLoss },
  ];
  const conf = confOf({ tenants: { ...TENANTS, a: { ...TENANTS.a, routes } as never } });
  const bare = node();
  const plan = desiredRoutes(conf, bare, ({ via }) => !lost || via !== OTHER);
  const main = bare.routes.filter(({ table }) => table === 254);
  const state = { ...bare, routes: [...main, ...plan.routes.map(({ item }) => item)] };
  const findings = findFindings({ conf, plan, state });
  return {
    ...factsWith({ conf, way }, state),
    routes: { plan, state, findings, collisions: [], hasNat: false },
  };
}

const by = (via: string): PathFacts["way"] => ({ dev: "eth1", via, table: 100, local: false });

test("it leaves by these, and the entry is named", () => {
  const explained = explain(facts("stop", by(OTHER)));
  expect(explained.first).toBeUndefined();
  expect(what(explained, "table")).toMatch(/^100, by the gateways to 203\.0\.113\.0\/24: /);
});

test("the tenant's own gateway is a wrong one there", () => {
  expect(explain(facts("stop", by("192.0.2.1"))).first).toMatchObject({ severity: "failed" });
});

test("unless these are lost and it falls back", () => {
  expect(explain(facts("fallback", by("192.0.2.1"), true)).first).toMatchObject({
    ...{ code: "TR0105", severity: "warning" },
  });
});

test("when they are lost and it stops, the lost gateway is what is said", () => {
  expect(explain(facts("stop", { refused: "No route to host" }, true)).first).toMatchObject({
    ...{ code: "TR0105", severity: "failed" },
  });
});
