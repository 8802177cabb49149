/** The mark of a packet when it is routed. */
import { blindSpots, markedBy } from "../../../../lib/explain/marked";
import type { Packet } from "../../../../lib/explain/model";

const PACKET: Packet = {
  family: 4,
  from: "10.88.0.2",
  to: "203.0.113.9",
  port: undefined,
  iif: "veth1",
};
const OURS =
  '-s 10.88.0.2/32 -m comment --comment "tenant-routing team-a/web-0 0-0" -j MARK --set-xmark 0x10/0xff';

function marked(
  rules: readonly string[],
  change: { nft?: unknown; table?: string; inNftables?: boolean } = {},
) {
  const { nft, table = "mangle", inNftables = false } = change;
  const lines = rules.map((rule) => `[0:0] -A PREROUTING ${rule}`);
  const text = [`*${table}`, ":PREROUTING ACCEPT [0:0]", ...lines, "COMMIT"].join("\n");
  return markedBy({
    packet: PACKET,
    pod: { mark: { value: 0x10, mask: 0xff }, backend: "nft" },
    firewall: {
      saved: [
        { program: "iptables-nft", text },
        { program: "ip6tables-nft", text: text.replaceAll("10.88.0.2/32", "fd00::2/128") },
        { program: "iptables-legacy", problem: "not readable" },
      ],
      nft,
      nftProblem: undefined,
    },
    own: [],
    inNftables,
  });
}

test("ours alone", () => {
  expect(marked([OURS])).toEqual({
    value: 0x10,
    spoiltBy: undefined,
    maybe: [],
    dropped: undefined,
    untracked: undefined,
  });
});

test("in nftables it is there before iptables", () => {
  expect(marked([], { inNftables: true })).toMatchObject({ value: 0x10, spoiltBy: undefined });
  expect(marked(["-j MARK --set-xmark 0x20/0xffffffff"], { inNftables: true })).toMatchObject({
    value: 0x20,
    spoiltBy: { text: "-A PREROUTING -j MARK --set-xmark 0x20/0xffffffff" },
  });
});

test.each([
  ["behind ours", [OURS, "-j MARK --set-xmark 0x20/0xff"], 0x20, "0x20"],
  ["before ours", ["-j MARK --set-xmark 0x20/0xff", OURS], 0x10, undefined],
  ["of other bits", [OURS, "-j MARK --set-xmark 0x100/0x100"], 0x110, undefined],
  ["for another pod", [OURS, "-s 10.88.0.3 -j MARK --set-xmark 0x20/0xff"], 0x10, undefined],
  ["that restores a connection's", [OURS, "-j CONNMARK --restore-mark"], 0, "CONNMARK"],
  ["that accepts before ours", ["-s 10.88.0.2 -j ACCEPT", OURS], 0, "ACCEPT"],
])("a foreign rule %s", (_, rules, value, spoilt) => {
  const found = marked(rules);
  expect(found.value).toBe(value);
  if (spoilt === undefined) expect(found.spoiltBy).toBeUndefined();
  else expect(found.spoiltBy?.text).toContain(spoilt);
});

test("a rule that may match is told, and does not count", () => {
  const found = marked([OURS, "-m set --match-set x src -j MARK --set-xmark 0x20/0xff"]);
  expect(found.value).toBe(0x10);
  expect(found.maybe.map(({ text }) => text)).toEqual([
    "-A PREROUTING -m set --match-set x src -j MARK --set-xmark 0x20/0xff",
  ]);
});

describe("rules of nftables", () => {
  const rule = (...expr: readonly object[]) => ({
    nftables: [
      { chain: { family: "inet", table: "site", name: "pre", hook: "prerouting", prio: -100 } },
      { rule: { family: "inet", table: "site", chain: "pre", handle: 4, expr } },
    ],
  });
  const MARK = { meta: { key: "mark" } };
  const set = (value: unknown) => ({ mangle: { key: MARK, value } });
  const perhaps = { match: { op: "==", left: { meta: { key: "length" } }, right: 60 } };

  test("a mark that is worked out from the one before", () => {
    const others = marked([OURS], {
      nft: rule(set({ "|": [{ "&": [MARK, 0xffff00ff] }, 0x700] })),
    });
    expect(others).toMatchObject({ value: 0x710, spoiltBy: undefined, maybe: [] });
    const ours = marked([OURS], { nft: rule(set({ "|": [{ "&": [MARK, 0xffffff00] }, 0x20] })) });
    expect(ours).toMatchObject({ value: 0x20, spoiltBy: { where: "nft inet site pre" } });
  });

  test("a mark that is not known, and what may drop, are told", () => {
    for (const expr of [[set({ numgen: {} })], [perhaps, set(32)], [perhaps, { drop: null }]]) {
      const found = marked([OURS], { nft: rule(...expr) });
      expect(found).toMatchObject({
        value: 0x10,
        maybe: [{ text: "handle 4" }],
        dropped: undefined,
      });
    }
  });

  test("dropped before it is routed", () => {
    expect(marked([OURS], { nft: rule({ drop: null }) }).dropped).toMatchObject({
      text: "handle 4",
    });
  });
});

test("what could not be read, and what is not followed, is said", () => {
  const chain = (family: string, name: string, hook: string) => [
    { chain: { family, table: "t", name, hook } },
    { rule: { family, table: "t", chain: name, handle: 1, expr: [] } },
  ];
  const nft = {
    nftables: [
      ...chain("netdev", "in", "ingress"),
      ...chain("inet", "early", "ingress"),
      ...chain("bridge", "b", "forward"),
      ...chain("inet", "f", "forward"),
      { chain: { family: "netdev", table: "t", name: "empty", hook: "ingress" } },
    ],
  };
  const saved = [
    { program: "iptables-nft", text: "" },
    { program: "iptables-legacy", problem: "not readable" },
  ];
  expect(blindSpots({ saved, nft, nftProblem: undefined })).toEqual([
    "iptables-legacy: not readable",
    "chains of devices and bridges are not followed: nft netdev t in, nft inet t early, nft bridge t b",
  ]);
  expect(blindSpots({ saved: [], nft: undefined, nftProblem: "nft is not installed" })).toEqual([
    "nftables itself: nft is not installed",
  ]);
});

test("dropped, and kept from tracking", () => {
  expect(marked([OURS, "-j DROP"]).dropped?.text).toBe("-A PREROUTING -j DROP");
  expect(marked(["-j CT --notrack"], { table: "raw" }).untracked?.text).toContain("--notrack");
});
