/**
 * The printed router, run as it is by sh on a router of the test's own, and where packets go then.
 */
import type { JsonObject } from "../../lib/cni/json";
import { tenantWith } from "../helpers/conf-object";
import {
  ask,
  askFromLan,
  FAR_LAN,
  INTERNET,
  INTERNET6,
  ip,
  LAN,
  LAN6,
  POD,
  printed,
  ROUTER,
  run,
  snapshot,
  useRouter,
} from "../helpers/routes-router";
import { until } from "../helpers/shell";
import { uplinkWith } from "../unit/lib/routes/router/example";

useRouter();

test("each pool leaves by its own uplink and gets its answers; the LAN is reached directly; running it again changes nothing", async () => {
  expect(run(printed())).toEqual({ status: 0, output: "" });
  // The first packets wait for neighbours.
  await until("the router forwards", () => ask(POD.default[1], INTERNET6).startsWith("wan"));
  const before = snapshot();
  expect(run(printed())).toEqual({ status: 0, output: "" });
  expect(snapshot()).toBe(before);

  const answers = (to: readonly [string, string]): string[] =>
    Object.values(POD).flatMap(([v4, v6]) => [ask(v4, to[0]), ask(v6, to[1])]);
  expect(answers([INTERNET, INTERNET6])).toEqual([
    "wan 192.0.2.2",
    "wan 2001:db8:1::5",
    "vpn 198.51.100.2",
    "vpn 2001:db8:66::2",
  ]);
  expect(answers([LAN, LAN6])).toEqual([
    "lan 10.244.0.5",
    "lan 2001:db8:1::5",
    "lan 10.66.0.5",
    "lan fd66::5",
  ]);
  expect([ask(POD.default[0], FAR_LAN), ask(POD.vpn[0], FAR_LAN)]).toEqual([
    "wan 10.244.0.5",
    "wan 10.66.0.5",
  ]);
  // Not LAN, but the main table has an exact route to it.
  expect(ask(POD.vpn[0], "192.0.2.1")).toBe("wan 10.66.0.5");
  // Connections towards pods, from the LAN.
  for (const address of Object.values(POD).flat()) {
    expect(askFromLan(address)).toMatch(
      address.includes(":") ? /^node fd00:/ : /^node 192\.168\.0\.2$/,
    );
  }
});

test("a lost uplink stops its tenant and nobody else, and comes back with one more run", () => {
  expect(run(printed()).status).toBe(0);
  ip("router", "link", "set", "vpn0", "down");
  for (const [pod, to] of [
    [POD.vpn[0], INTERNET],
    [POD.vpn[1], INTERNET6],
  ] as const)
    expect(ask(pod, to)).toMatch(/^(?:no answer|ENETUNREACH|EHOSTUNREACH)$/);
  expect(ask(POD.default[0], INTERNET)).toBe("wan 192.0.2.2");
  expect(ask(POD.vpn[0], LAN)).toBe("lan 10.66.0.5");
  const again = run(printed());
  expect(again.status).toBe(1);
  expect(again.output).toContain(
    "ip -4 route replace default via 198.51.100.1 dev vpn0 table 200: failed",
  );
  ip("router", "link", "set", "vpn0", "up");
  ip("router", "-6", "addr", "replace", "2001:db8:66::2/64", "dev", "vpn0", "nodad");
  expect(run(printed())).toEqual({ status: 0, output: "" });
  expect(ask(POD.vpn[0], INTERNET)).toBe("vpn 198.51.100.2");
});

test("a tenant with a next hop in one family only is stopped in the other", () => {
  const vpn = uplinkWith({ dev: "vpn0", via: ["198.51.100.1"], snat6: "masquerade" });
  expect(run(printed({ uplinks: { ...ROUTER.uplinks, vpn } })).status).toBe(0);
  expect(ask(POD.vpn[0], INTERNET)).toBe("vpn 198.51.100.2");
  expect(ask(POD.vpn[1], INTERNET6)).toMatch(/^(?:no answer|ENETUNREACH|EHOSTUNREACH|EACCES)$/);
});

test("remove restores the router, and default routes of its own stay what they were", () => {
  const own = ["default", "via", "192.0.2.9", "dev", "wan0"];
  ip("router", "route", "add", ...own);
  ip("router", "-6", "route", "add", "default", "via", "2001:db8:2::9", "dev", "wan0");
  const before = snapshot();
  expect(run(printed())).toEqual({ status: 0, output: "" });
  expect(ip("router", "route", "show", "default").trim()).toBe(own.join(" "));
  expect(run(printed(), "remove")).toEqual({ status: 0, output: "" });
  expect(snapshot()).toBe(before);
  expect(run(printed(), "remove")).toEqual({ status: 0, output: "" });
  expect(run(printed(), "stop")).toEqual({
    status: 2,
    output: "usage: sh FILE [apply | remove]\n",
  });
});

test("the scripts of two nodes live side by side, and taking one away opens nothing for the other", () => {
  const second: JsonObject = {
    ipam: { ranges: [[{ subnet: "10.67.0.0/24" }], [{ subnet: "fd67::/64" }]] },
  };
  const delegate: JsonObject = {
    type: "ptp",
    ipam: { ranges: [[{ subnet: "10.245.0.0/24" }], [{ subnet: "2001:db8:3::/64" }]] },
  };
  const other = printed(
    { nodes: ["10.0.0.12", "fd00::12"] },
    { delegate, tenants: [tenantWith({ name: "vpn", table: 200, delegate: second })] },
  );
  expect(run(printed())).toEqual({ status: 0, output: "" });
  const before = snapshot();
  expect(run(other)).toEqual({ status: 0, output: "" });
  expect(ask(POD.vpn[0], INTERNET)).toBe("vpn 198.51.100.2");
  expect(run(printed(), "remove")).toEqual({ status: 0, output: "" });
  expect(ip("router", "route", "show", "table", "200")).toContain("unreachable default");
  expect(run(printed())).toEqual({ status: 0, output: "" });
  expect(run(other, "remove")).toEqual({ status: 0, output: "" });
  expect(snapshot().split("\n").sort()).toEqual(before.split("\n").sort());
  expect(ask(POD.vpn[0], INTERNET)).toBe("vpn 198.51.100.2");
});
