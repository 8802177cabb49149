import { temporaryOf } from "../../../../../lib/node/files";
import {
  changesFor,
  changesToRemove,
  type DiffInput,
  foreignNames,
} from "../../../../../lib/routes/changes/changes";
import { recordAfter } from "../../../../../lib/routes/changes/record";
import { EMPTY_RECORD, type RoutesPlan, type RoutesRecord } from "../../../../../lib/routes/model";
import { foreignNamesText } from "../../../../../lib/routes/text";
import { stateOf, TENANTS } from "../node-rig";
import { done, inputOf, NAMES, ownThings, texts } from "./rig";

test("a fresh node: stops before gateways, tables before rules, names last", () => {
  expect(texts(changesFor(inputOf()))).toEqual([
    "ip -4 route replace unreachable default table 100 metric 4294967295 protocol kernel",
    "ip -4 route replace unreachable default table 200 metric 4294967295 protocol kernel",
    "ip -4 route replace default via 192.0.2.1 dev eth1 table 100 protocol kernel",
    "ip -4 route replace default via 192.0.2.2 dev eth1 table 200 protocol kernel",
    "ip -4 rule add pref 32764 lookup main suppress_prefixlength 0 protocol kernel",
    "ip -4 rule add pref 32765 fwmark 0x10/0xff lookup 100 protocol kernel",
    "ip -4 rule add pref 32765 fwmark 0x10/0xff unreachable protocol kernel",
    "ip -4 rule add pref 32765 fwmark 0x20/0xff lookup 200 protocol kernel",
    "ip -4 rule add pref 32765 fwmark 0x20/0xff unreachable protocol kernel",
    "cat >/names/tenant-routing.conf <<'EOF'",
  ]);
});

test("a node that is as planned: nothing, and the same record", () => {
  const input = inputOf({
    tenants: { a: { ...TENANTS.a, snat: "none" } },
    routes: { acceptForward: true, podNetworks: ["10.200.0.0/16"] },
  });
  const after = done(input);
  expect(changesFor(after)).toEqual([]);
  expect(recordAfter(after)).toEqual(after.record);
});

test("a tenant gone: its rule before its routes; the other tenant is untouched", () => {
  const before = done(inputOf());
  const input = inputOf({
    tenants: { b: TENANTS.b },
    state: before.state,
    record: before.record,
    own: before.own,
  });
  expect(texts(changesFor(input))).toEqual([
    "ip -4 rule del pref 32765 fwmark 0x10/0xff unreachable protocol kernel",
    "ip -4 rule del pref 32765 fwmark 0x10/0xff lookup 100 protocol kernel",
    "ip -4 route del unreachable default table 100 metric 4294967295 protocol kernel",
    "ip -4 route del default via 192.0.2.1 dev eth1 table 100 protocol kernel",
    "cat >/names/tenant-routing.conf <<'EOF'",
  ]);
});

test("no tenant any more: the tenants' rules go before the one that keeps local traffic local", () => {
  const before = done(inputOf());
  const input = inputOf({
    tenants: { b: { fwmark: "0x20" } },
    state: before.state,
    record: before.record,
    own: before.own,
  });
  expect(
    texts(changesFor(input))
      .filter((text) => text.includes("rule del"))
      .at(-1),
  ).toContain("pref 32764");
});

test("another gateway replaces the old one in its place; sysctls only when asked for", () => {
  const before = done(inputOf());
  const state = {
    ...before.state,
    sysctl: (path: string) => (path.endsWith("ip_forward") ? "0" : before.state.sysctl(path)),
  };
  const tenants = { ...TENANTS, a: { ...TENANTS.a, gateways: [{ via: "192.0.2.7" }] } };
  const input = inputOf({ tenants, state, record: before.record, own: before.own });
  expect(texts(changesFor({ ...input, sysctl: false }))).toEqual([
    "ip -4 route replace default via 192.0.2.7 dev eth1 table 100 protocol kernel",
  ]);
  expect(texts(changesFor(input))).toContain("sysctl -w net.ipv4.ip_forward=1");
  expect(recordAfter({ ...input, sysctl: false }).sysctls).toEqual({});
  expect(recordAfter(input).sysctls).toEqual({
    "net/ipv4/ip_forward": { before: "0", written: "1" },
  });
});

test("a lookup that comes back is put before its stop: the stop is added anew", () => {
  const after = done(inputOf());
  const rules = after.state.rules.filter(({ table }) => table !== 100);
  expect(texts(changesFor({ ...after, state: { ...after.state, rules } }))).toEqual([
    "ip -4 rule add pref 32765 fwmark 0x10/0xff lookup 100 protocol kernel",
    "ip -4 rule del pref 32765 fwmark 0x10/0xff unreachable protocol kernel",
    "ip -4 rule add pref 32765 fwmark 0x10/0xff unreachable protocol kernel",
  ]);
});

test("remove: what lets packets through first, then the tenants' rules, then theirs that keep local traffic local, then all the rest", () => {
  const input = inputOf({
    tenants: { a: { ...TENANTS.a, snat: "masquerade" } },
    routes: { acceptForward: true, podNetworks: ["10.200.0.0/16"] },
    state: stateOf({ families: [4] }, { "net/ipv4/ip_forward": "0" }),
  });
  const after = done(input);
  const state = { ...after.state, sysctl: () => "1" };
  expect(texts(changesToRemove(after.record, state, after.own))).toEqual([
    "sysctl -w net.ipv4.ip_forward=0",
    'iptables -w -D FORWARD -s 10.200.0.0/16 -m comment --comment "tenant-routing routes" -j ACCEPT',
    'iptables -w -D FORWARD -d 10.200.0.0/16 -m comment --comment "tenant-routing routes" -j ACCEPT',
    "ip -4 rule del pref 32765 fwmark 0x10/0xff unreachable protocol kernel",
    "ip -4 rule del pref 32765 fwmark 0x10/0xff lookup 100 protocol kernel",
    "ip -4 rule del pref 32764 lookup main suppress_prefixlength 0 protocol kernel",
    "ip -4 route del unreachable default table 100 metric 4294967295 protocol kernel",
    "ip -4 route del default via 192.0.2.1 dev eth1 table 100 protocol kernel",
    "nft delete table inet tenant-routing",
    "rm -f /names/tenant-routing.conf",
  ]);
});

test("FORWARD rules: those that exist twice, are stale, or are in the variant that is not in use go", () => {
  const input = inputOf({ routes: { acceptForward: true, podNetworks: ["10.200.0.0/16"] } });
  const [from, to] = input.plan.forward.map(({ item }) => item) as [
    RoutesPlan["forward"][0]["item"],
    RoutesPlan["forward"][0]["item"],
  ];
  const forward = [
    from,
    from,
    { ...to, backend: "legacy" as const },
    { family: 4 as const, spec: "-s 10.1.0.0/16 -j ACCEPT" },
  ];
  const changes = texts(changesFor({ ...input, own: { ...input.own, forward } })).filter((text) =>
    text.includes("FORWARD"),
  );
  expect(changes).toEqual([
    `iptables -w -I FORWARD ${to.spec}`,
    `iptables -w -D FORWARD ${from.spec}`,
    `iptables-legacy -w -D FORWARD ${to.spec}`,
    "iptables -w -D FORWARD -s 10.1.0.0/16 -j ACCEPT",
  ]);
});

test("the nft table is written when it is not as it was listed, and removed when it is not wanted", () => {
  const after = done(inputOf({ tenants: { a: { ...TENANTS.a, snat: "none" } } }));
  const kinds = (input: DiffInput): string[] => changesFor(input).map(({ kind }) => kind);
  expect(kinds({ ...after, own: { ...after.own, natListing: "changed" } })).toEqual(["nat"]);
  expect(kinds({ ...after, own: { ...after.own, natListing: undefined } })).toEqual(["nat"]);
  expect(
    changesFor({ ...after, translationBetween: [], plan: { ...after.plan, translation: [] } }),
  ).toEqual([{ kind: "nat", text: undefined }]);
  expect(recordAfter({ ...after, plan: { ...after.plan, translation: ["other"] } }).nat).toEqual({
    text: expect.stringContaining("policy accept;\n    other\n"),
    listing: "",
  });
});

describe("the file with the tables' names", () => {
  const ours = "# Made by wrapper routes apply\n";
  const record: RoutesRecord = { ...EMPTY_RECORD, names: NAMES };
  const changes = (input: DiffInput): string[] =>
    texts(changesFor(input)).filter((text) => text.includes("/names"));

  test("moves with its directory, and a killed writer's file goes too", () => {
    const own = ownThings({ [NAMES]: ours, [temporaryOf(NAMES)]: "" });
    expect(changes(inputOf({ routes: { namesDir: "/names2" }, record, own }))).toEqual([
      `rm -f ${NAMES}`,
      `rm -f ${NAMES}.tmp`,
      "cat >/names2/tenant-routing.conf <<'EOF'",
    ]);
    expect(changes(inputOf({ routes: { namesDir: "" }, record, own }))).toEqual([
      `rm -f ${NAMES}`,
      `rm -f ${NAMES}.tmp`,
    ]);
    expect(texts(changesToRemove(record, stateOf(), own))).toEqual([
      `rm -f ${NAMES}`,
      `rm -f ${NAMES}.tmp`,
    ]);
  });

  test("goes with the directories that were made for it", () => {
    const input = inputOf({
      own: ownThings({}, { absent: () => ["/etc/iproute2", "/etc/iproute2/rt_tables.d"] }),
    });
    const after = done(input);
    expect(after.record.directories).toEqual(["/etc/iproute2", "/etc/iproute2/rt_tables.d"]);
    expect(recordAfter(after).directories).toEqual(after.record.directories);
    expect(texts(changesToRemove(after.record, after.state, after.own)).slice(-3)).toEqual([
      `rm -f ${NAMES}`,
      "rmdir --ignore-fail-on-non-empty /etc/iproute2/rt_tables.d",
      "rmdir --ignore-fail-on-non-empty /etc/iproute2",
    ]);
  });

  test("stays when it is foreign, and says why it is in the way", () => {
    const own = ownThings({ [NAMES]: "100 mine\n" });
    expect(texts(changesToRemove(record, stateOf(), own))).toEqual([]);
    const path = foreignNames(inputOf({ own })) ?? "";
    expect(foreignNamesText(path)).toContain(
      `${NAMES} was not made by wrapper routes apply, so it is not written: move it away`,
    );
    expect(foreignNames(inputOf({ own: ownThings({ [NAMES]: ours }) }))).toBeUndefined();
    expect(foreignNames(inputOf({ routes: { namesDir: "" }, own }))).toBeUndefined();
  });
});
