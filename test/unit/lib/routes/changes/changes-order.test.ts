/** The order of the changes, in which no packet takes a stranger's way for a moment. */
import { changesFor } from "../../../../../lib/routes/changes/changes";
import { done, inputOf, texts } from "./rig";
import { TENANTS, connected, stateOf } from "../node-rig";

test("a table of translations for both devices exists while the routes move from one to the other", () => {
  const after = done(inputOf({ tenants: { a: { ...TENANTS.a, snat: "none" } } }));
  const input = inputOf({
    tenants: {
      a: { ...TENANTS.a, snat: "none", gateways: [{ via: "198.51.100.7", dev: "eth0" }] },
    },
    state: {
      ...after.state,
      routes: [...after.state.routes, connected("198.51.100.0/24", "eth0")],
    },
    record: after.record,
    own: after.own,
  });
  const actions = changesFor({ ...input, natBetween: "both\n" });
  expect(actions.map(({ kind }) => kind)).toEqual(["nat", "route", "nat"]);
  expect(actions.flatMap((action) => (action.kind === "nat" ? [action.text] : []))).toEqual([
    "both\n",
    input.plan.nat,
  ]);
});

test("what lets packets through at all comes once the tenants' rules exist", () => {
  const input = inputOf({
    routes: { acceptForward: true, podNetworks: ["10.200.0.0/16"] },
    state: stateOf({ families: [4] }, { "net/ipv4/ip_forward": "0" }),
  });
  const lines = texts(changesFor(input));
  const lastRule = lines.findLastIndex((text) => text.includes(" rule add "));
  for (const word of ["-I FORWARD", "ip_forward=1"])
    expect(lines.findIndex((text) => text.includes(word))).toBeGreaterThan(lastRule);
});

test("tables that change their owner: no lookup of the old owner while the new one's routes are put in, and a stop meanwhile", () => {
  const before = done(inputOf());
  const swapped = { a: { ...TENANTS.a, table: 200 }, b: { ...TENANTS.b, table: 100 } };
  const input = inputOf({
    tenants: swapped,
    state: before.state,
    record: before.record,
    own: before.own,
  });
  expect(texts(changesFor(input))).toEqual([
    "ip -4 rule del pref 32765 fwmark 0x10/0xff lookup 100 protocol kernel",
    "ip -4 rule del pref 32765 fwmark 0x20/0xff lookup 200 protocol kernel",
    "ip -4 route replace default via 192.0.2.1 dev eth1 table 200 protocol kernel",
    "ip -4 route replace default via 192.0.2.2 dev eth1 table 100 protocol kernel",
    "ip -4 rule add pref 32765 fwmark 0x10/0xff lookup 200 protocol kernel",
    "ip -4 rule add pref 32765 fwmark 0x20/0xff lookup 100 protocol kernel",
    "ip -4 rule del pref 32765 fwmark 0x10/0xff unreachable protocol kernel",
    "ip -4 rule add pref 32765 fwmark 0x10/0xff unreachable protocol kernel",
    "ip -4 rule del pref 32765 fwmark 0x20/0xff unreachable protocol kernel",
    "ip -4 rule add pref 32765 fwmark 0x20/0xff unreachable protocol kernel",
    "cat >/names/tenant-routing.conf <<'EOF'",
  ]);
});

test("the old owner's stop is put in first where it has none yet", () => {
  const before = done(inputOf({ tenants: { a: { ...TENANTS.a, onGatewayLoss: "fallback" } } }));
  const input = inputOf({
    tenants: { a: { ...TENANTS.a, table: 300 }, b: { ...TENANTS.b, table: 100 } },
    state: before.state,
    record: before.record,
    own: before.own,
  });
  expect(texts(changesFor(input)).slice(0, 2)).toEqual([
    "ip -4 rule add pref 32765 fwmark 0x10/0xff unreachable protocol kernel",
    "ip -4 rule del pref 32765 fwmark 0x10/0xff lookup 100 protocol kernel",
  ]);
});
