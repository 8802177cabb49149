import type { Action, IpRoute } from "../../../../lib/routes/model";
import { actionText, routeArguments, ruleArguments } from "../../../../lib/routes/text";
import { route, rule } from "./node-rig";

const words = (change: Partial<IpRoute>): string =>
  routeArguments(route("default", { table: 100, protocol: 2, ...change })).join(" ");

test("a rule as ip reads it", () => {
  expect(
    ruleArguments(
      rule(9, {
        not: true,
        from: "10.0.0.0/8",
        to: "192.0.2.1",
        fwmark: { value: 0x10, mask: 0xff },
        table: 100,
      }),
    ).join(" "),
  ).toBe("pref 9 not from 10.0.0.0/8 to 192.0.2.1 fwmark 0x10/0xff lookup 100 protocol kernel");
  expect(
    ruleArguments(rule(10, { table: 254, suppressPrefixLength: 0, protocol: 3 })).join(" "),
  ).toBe("pref 10 lookup main suppress_prefixlength 0 protocol 3");
  expect(
    [253, 255].map((table) => ruleArguments(rule(1, { table })).slice(2, 4).join(" ")),
  ).toEqual(["lookup default", "lookup local"]);
  expect(ruleArguments(rule(1, { unreachable: true })).join(" ")).toBe(
    "pref 1 unreachable protocol kernel",
  );
  expect(ruleArguments(rule(1)).join(" ")).toBe("pref 1 protocol kernel");
});

test("a route as ip reads it", () => {
  expect(words({})).toBe("default via 198.51.100.1 dev eth0 table 100 protocol kernel");
  expect(words({ nexthops: [{ dev: "tun0", weight: 1 }], mtu: 1400, metric: 5 })).toBe(
    "default dev tun0 table 100 metric 5 protocol kernel mtu 1400",
  );
  expect(
    words({
      nexthops: [
        { via: "192.0.2.1", weight: 3 },
        { dev: "eth2", weight: 1 },
      ],
    }),
  ).toBe(
    "default table 100 protocol kernel nexthop via 192.0.2.1 weight 3 nexthop dev eth2 weight 1",
  );
  expect(words({ family: 6, metric: 1024 })).toBe(
    "default via 198.51.100.1 dev eth0 table 100 protocol kernel",
  );
  expect(words({ family: 6, metric: 0 })).toContain("metric 0");
  expect(words({ type: "unreachable", nexthops: [], metric: 4294967295 })).toBe(
    "unreachable default table 100 metric 4294967295 protocol kernel",
  );
  expect(words({ other: "src 192.0.2.9 onlink", protocol: 3 })).toBe(
    "default via 198.51.100.1 dev eth0 table 100 protocol 3 src 192.0.2.9 onlink",
  );
});

test.each<[Action, string]>([
  [
    { kind: "rule", op: "add", rule: rule(9, { table: 100, family: 6 }) },
    "ip -6 rule add pref 9 lookup 100 protocol kernel",
  ],
  [
    { kind: "route", op: "del", route: route("192.0.2.0/24", { protocol: 2 }) },
    "ip -4 route del 192.0.2.0/24 via 198.51.100.1 dev eth0 table main protocol kernel",
  ],
  [
    { kind: "sysctl", path: "net/ipv4/conf/eth0.5/rp_filter", value: "2" },
    "sysctl -w net/ipv4/conf/eth0.5/rp_filter=2",
  ],
  [
    { kind: "forward", op: "insert", rule: { family: 6, spec: "-s fd00::/64 -j ACCEPT" } },
    "ip6tables -w -I FORWARD -s fd00::/64 -j ACCEPT",
  ],
  [
    { kind: "forward", op: "del", rule: { family: 4, spec: "-j ACCEPT", backend: "legacy" } },
    "iptables-legacy -w -D FORWARD -j ACCEPT",
  ],
  [{ kind: "nat", text: "table x {\n}\n" }, "nft -f - <<'EOF'\ntable x {\n}\nEOF"],
  [{ kind: "nat", text: undefined }, "nft delete table inet tenant-routing"],
  [{ kind: "file", path: "/etc/x", text: "1 a\n" }, "cat >/etc/x <<'EOF'\n1 a\nEOF"],
  [{ kind: "file", path: "/etc/x", text: undefined }, "rm -f /etc/x"],
])("%j is printed as a command", (action, text) => {
  expect(actionText(action)).toBe(text);
});
