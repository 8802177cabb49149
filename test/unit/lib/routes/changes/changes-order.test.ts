/** The order of the changes, in which no packet takes a stranger's way for a moment. */
import { changesFor } from "../../../../../lib/routes/changes/changes";
import { tableText } from "../../../../../lib/routes/plan/nft-table";
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
  const translationBetween = ["to both", "devices"];
  const actions = changesFor({ ...input, translationBetween });
  expect(actions.map(({ kind }) => kind)).toEqual(["nat", "route", "nat"]);
  expect(actions.flatMap((action) => (action.kind === "nat" ? [action.text] : []))).toEqual([
    expect.stringMatching(/policy accept;\n {4}to both\n {4}devices\n {2}\}\n\}\n$/),
    tableText(input.plan),
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

describe("rules for address pools", () => {
  const pool = (subnet: string): object => ({
    poolRule: "on",
    delegate: { ipam: { subnet } },
  });
  const [a, b] = [
    { ...TENANTS.a, ...pool("10.66.0.0/24") },
    { ...TENANTS.b, ...pool("10.67.0.0/24") },
  ];
  const from = (next: object, before = done(inputOf({ tenants: { a, b } }))): readonly string[] =>
    texts(
      changesFor(
        inputOf({
          tenants: next,
          state: before.state,
          record: before.record,
          own: before.own,
        }),
      ),
    );

  test("go before their table passes to another tenant, stopped meanwhile", () => {
    const lines = from({ a: { ...a, table: 200 }, b: { ...b, table: 100 } });
    const at = (text: string): number => lines.findIndex((line) => line.includes(text));
    const gone = at("rule del pref 32765 from 10.66.0.0/24 fwmark 0x0/0xff lookup 100");
    const passed = at("route replace default via 192.0.2.2 dev eth1 table 100");
    const back = at("rule add pref 32765 from 10.66.0.0/24 fwmark 0x0/0xff lookup 200");
    expect([gone >= 0, gone < passed, passed < back]).toEqual([true, true, true]);
    const stop = at("rule del pref 32765 from 10.66.0.0/24 fwmark 0x0/0xff unreachable");
    expect(stop).toBeGreaterThan(back);
  });

  test("stay where another tenant's mask changes what counts as unmarked: the new one first", () => {
    const lines = from({ a, b: { ...b, fwmark: "0x200/0xf00" } }).filter((line) =>
      line.includes("10.66.0.0/24"),
    );
    expect(lines).toEqual([
      "ip -4 rule add pref 32765 from 10.66.0.0/24 fwmark 0x0/0xfff lookup 100 protocol kernel",
      "ip -4 rule add pref 32765 from 10.66.0.0/24 fwmark 0x0/0xfff unreachable protocol kernel",
      "ip -4 rule del pref 32765 from 10.66.0.0/24 fwmark 0x0/0xff unreachable protocol kernel",
      "ip -4 rule del pref 32765 from 10.66.0.0/24 fwmark 0x0/0xff lookup 100 protocol kernel",
    ]);
  });

  test("come back in the right order when somebody deletes one", () => {
    const before = done(inputOf({ tenants: { a, b } }));
    const rules = before.state.rules.filter(
      ({ from: pools, table }) => pools !== "10.66.0.0/24" || table === undefined,
    );
    expect(from({ a, b }, { ...before, state: { ...before.state, rules } })).toEqual([
      "ip -4 rule add pref 32765 from 10.66.0.0/24 fwmark 0x0/0xff lookup 100 protocol kernel",
      "ip -4 rule del pref 32765 from 10.66.0.0/24 fwmark 0x0/0xff unreachable protocol kernel",
      "ip -4 rule add pref 32765 from 10.66.0.0/24 fwmark 0x0/0xff unreachable protocol kernel",
    ]);
  });
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

describe("a network with gateways of its own", () => {
  const entry = {
    to: ["203.0.113.0/24"],
    gateways: [{ via: "192.0.2.2", dev: "eth1" }],
    onGatewayLoss: "fallback",
  };
  const without = { a: TENANTS.a };
  const withEntry = { a: { ...TENANTS.a, routes: [entry] } };
  const from = (before: ReturnType<typeof done>, tenants: object): string[] =>
    texts(
      changesFor(inputOf({ tenants, state: before.state, record: before.record, own: before.own })),
    );

  test("comes with its gateways, and what is behind them follows: no packet is lost", () => {
    expect(from(done(inputOf({ tenants: without })), withEntry)).toEqual([
      "ip -4 route replace 203.0.113.0/24 via 192.0.2.2 dev eth1 table 100 protocol kernel",
      "ip -4 route replace 203.0.113.0/24 via 192.0.2.1 dev eth1 table 100 metric 2048 protocol kernel",
      "ip -4 route replace unreachable 203.0.113.0/24 table 100 metric 4294967295 protocol kernel",
    ]);
  });

  test("goes the other way round", () => {
    expect(from(done(inputOf({ tenants: withEntry })), without)).toEqual([
      "ip -4 route del unreachable 203.0.113.0/24 table 100 metric 4294967295 protocol kernel",
      "ip -4 route del 203.0.113.0/24 via 192.0.2.1 dev eth1 table 100 metric 2048 protocol kernel",
      "ip -4 route del 203.0.113.0/24 via 192.0.2.2 dev eth1 table 100 protocol kernel",
    ]);
  });

  test("other gateways take its place in one step", () => {
    const moved = { a: { ...TENANTS.a, routes: [{ ...entry, gateways: TENANTS.b.gateways }] } };
    const other = { ...entry, gateways: [{ via: "192.0.2.3", dev: "eth1" }] };
    expect(
      from(done(inputOf({ tenants: moved })), { a: { ...TENANTS.a, routes: [other] } }),
    ).toEqual([
      "ip -4 route replace 203.0.113.0/24 via 192.0.2.3 dev eth1 table 100 protocol kernel",
    ]);
  });
});
