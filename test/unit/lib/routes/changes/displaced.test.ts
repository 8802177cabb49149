import {
  changesFor,
  changesToRemove,
  type DiffInput,
} from "../../../../../lib/routes/changes/changes";
import { irreplaceable } from "../../../../../lib/routes/changes/displaced";
import { routePlace } from "../../../../../lib/routes/changes/identity";
import { recordAfter } from "../../../../../lib/routes/changes/record";
import { type IpRoute, type NodeState } from "../../../../../lib/routes/model";
import { link, route, stateOf, TENANTS } from "../node-rig";
import { done, inputOf, texts } from "./rig";

describe("a foreign route at the place of ours", () => {
  const foreign = route("default", {
    table: 100,
    nexthops: [{ via: "192.0.2.99", dev: "eth1", weight: 1 }],
  });
  const fresh = (more: readonly IpRoute[] = [foreign]): DiffInput =>
    inputOf({ state: stateOf({ families: [4], routes: [...stateOf().routes, ...more] }) });
  const PUT_BACK = "ip -4 route replace default via 192.0.2.99 dev eth1 table 100 protocol 3";

  test("is recorded, and comes back with remove", () => {
    const after = done(fresh());
    expect(after.record.displaced).toEqual([foreign]);
    expect(recordAfter(after).displaced).toEqual([foreign]);
    expect(texts(changesToRemove(after.record, after.state, after.own)).at(-1)).toBe(PUT_BACK);
  });

  test("comes back as soon as no tenant has its table, not while the tenant has no gateway", () => {
    const after = done(fresh());
    const lost = {
      ...after,
      plan: {
        ...after.plan,
        routes: after.plan.routes.filter(({ item }) => item.type !== "unicast"),
      },
    };
    expect(texts(changesFor(lost)).filter((text) => text.includes("99"))).toEqual([]);
    expect(recordAfter(lost).displaced).toEqual([foreign]);
    const gone = inputOf({
      tenants: { b: TENANTS.b },
      state: after.state,
      record: after.record,
      own: after.own,
    });
    expect(texts(changesFor(gone))).toContain(PUT_BACK);
    expect(recordAfter(gone).displaced).toEqual([]);
  });

  test("does not come back where others have put another since, nor by a device that is gone or down", () => {
    const after = done(fresh());
    const since = route("default", { table: 100, protocol: 4 });
    const taken = {
      ...after.state,
      routes: [
        ...after.state.routes.filter((each) => routePlace(each) !== routePlace(foreign)),
        since,
      ],
    };
    const restored = (state: NodeState): boolean =>
      texts(changesToRemove(after.record, state, after.own)).includes(PUT_BACK);
    expect([restored(after.state), restored(taken)]).toEqual([true, false]);
    expect(restored({ ...after.state, links: [] })).toBe(false);
    expect(restored({ ...after.state, links: [link("eth1", "192.0.2.9", { up: false })] })).toBe(
      false,
    );
    // Killed before ours was put there: it still stands.
    expect(restored(fresh().state)).toBe(false);
  });

  test("that leads nowhere comes back too", () => {
    const stop = route("default", { table: 100, type: "throw", nexthops: [] });
    const after = done(fresh([stop]));
    expect(texts(changesToRemove(after.record, after.state, after.own)).at(-1)).toBe(
      "ip -4 route replace throw default table 100 protocol 3",
    );
  });
});

test("a route that could not be put back is not displaced", () => {
  const lossy = route("default", { table: 100, lossy: true });
  const at = (...routes: IpRoute[]): string | undefined => {
    const { plan, state, record } = inputOf({
      state: stateOf({ families: [4], routes: [...stateOf().routes, ...routes] }),
    });
    return irreplaceable(plan, state, record);
  };
  expect(at(lossy)).toBe(
    '"ip -4 route default via 198.51.100.1 dev eth0 table 100 protocol 3" is where a route of ours has to be, and has properties with which remove could not put it back: move it to another table, or delete it',
  );
  expect(at({ ...lossy, dst: "?" })).toContain("table 100");
  expect(
    at({ ...lossy, metric: 7 }, { ...lossy, table: 300 }, { ...lossy, dst: "?", table: 254 }),
  ).toBeUndefined();
});
