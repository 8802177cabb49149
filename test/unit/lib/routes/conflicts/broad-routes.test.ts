import { route, stateOf } from "../node-rig";
import { found, only } from "./rig";

test("main-refuses: a default route of the main table that refuses, which no rule passes over", () => {
  const stop = (change: object): ReturnType<typeof route> =>
    route("default", { type: "blackhole", nexthops: [], ...change });
  const routes = stateOf().routes.filter(({ dst }) => dst !== "default");
  expect(
    only(
      "main-refuses",
      found(
        stateOf(
          { routes: [...routes, stop({ metric: 9999 })] },
          { "net/ipv4/conf/eth1/rp_filter": "0" },
        ),
      ),
    ).text,
  ).toBe(
    'the main table has "ip -4 route blackhole default table main metric 9999 protocol 3"; it takes the tenants\' packets too because no rule passes over a route that refuses: delete it; to refuse what has no route, have "ip -4 rule add pref 32768 blackhole" instead',
  );
  expect(
    only(
      "main-refuses",
      found(
        stateOf({
          routes: [
            ...stateOf().routes,
            stop({ family: 6, type: "unreachable", metric: 512 }),
            route("default", { family: 6, metric: 1024 }),
          ],
        }),
      ),
    ).text,
  ).toContain("ip -6 rule add pref 32768 unreachable");
  expect(
    only(
      "main-refuses",
      found(
        stateOf({ routes: [...stateOf().routes, stop({ dst: "0.0.0.0/1", type: "prohibit" })] }),
      ),
    ).text,
  ).toContain("0.0.0.0/1");
  expect(found(stateOf({ routes: [...stateOf().routes, stop({ dst: "10.0.0.0/8" })] }))).toEqual(
    [],
  );
});

test("main-may-refuse: one behind a better default route", () => {
  const stop = route("default", { type: "blackhole", nexthops: [], metric: 9999 });
  expect(
    only("main-may-refuse", found(stateOf({ routes: [...stateOf().routes, stop] }))).text,
  ).toContain("once the better routes beside it are gone");
});
