/** The way of a packet through chains, as iptables-save -c prints them. */
import type { HookPacket } from "../../../../../lib/explain/firewall/matches";
import { parseSaved } from "../../../../../lib/explain/firewall/saved";
import { walk, type Walk } from "../../../../../lib/explain/firewall/walk";

const PACKET: HookPacket = {
  family: 4,
  from: "10.88.0.2",
  to: "203.0.113.9",
  port: 443,
  iif: "veth1",
  oif: "eth1",
  mark: 0x10,
  own: ["10.0.0.2"],
};

function through(
  rules: readonly string[],
  change: Partial<HookPacket> = {},
  policy = "ACCEPT",
): Walk {
  const text = [
    "*filter",
    `:FORWARD ${policy} [0:0]`,
    ":USER - [0:0]",
    ...rules.map((rule) => `[3:180] -A ${rule}`),
    "COMMIT",
  ].join("\n");
  return walk(parseSaved("iptables-nft", text).get("filter"), "FORWARD", { ...PACKET, ...change });
}

test("a rule has its place, its counters and the command that removes it", () => {
  const { seen } = through(['FORWARD -m comment --comment "a b" -j DROP']);
  expect(seen[0]?.rule).toMatchObject({
    where: "iptables-nft filter FORWARD",
    text: '-A FORWARD -m comment --comment "a b" -j DROP',
    removal: "iptables-nft -w -t filter -D FORWARD -m comment --comment 'a b' -j DROP",
    counted: { packets: 3, bytes: 180 },
  });
});

test("a shell runs nothing that a rule's comment holds", () => {
  const { seen } = through([
    String.raw`FORWARD -m comment --comment "$(id) it's \"so\"; \\" -j DROP`,
  ]);
  expect(seen[0]?.rule.removal).toBe(
    String.raw`iptables-nft -w -t filter -D FORWARD -m comment --comment '$(id) it'\''s "so"; \' -j DROP`,
  );
});

test.each([
  ["-s 10.88.0.0/24", "drop"],
  ["! -s 10.88.0.0/24", "pass"],
  ["-d 203.0.113.9/32", "drop"],
  ["-i veth+", "drop"],
  ["-i eth0", "pass"],
  ["! -o eth1", "pass"],
  ["-p tcp -m tcp --dport 443", "drop"],
  ["-p tcp -m tcp --dport 80", "pass"],
  ["-p tcp -m multiport --dports 80,440:450", "drop"],
  ["-p udp", "pass"],
  ["-m mark --mark 0x10/0xff", "drop"],
  ["-m mark ! --mark 0x10/0xff", "pass"],
  ["-m conntrack --ctstate NEW,RELATED", "drop"],
  ["-m conntrack --ctstate RELATED,ESTABLISHED", "pass"],
  ["-m conntrack --ctdir REPLY", "pass"],
  ["-m addrtype --dst-type LOCAL", "pass"],
  ["-m addrtype ! --dst-type LOCAL", "drop"],
  ["", "drop"],
] as const)("a rule with %s: %s", (matches, verdict) => {
  expect(through([`FORWARD ${matches} -j DROP`]).verdict).toBe(verdict);
});

test.each(["-m connmark --mark 0x10", "-m set --match-set x src", "-m length --length 0:9"])(
  "whether %s matches is not known, and the packet goes on",
  (matches) => {
    const { verdict, seen } = through([`FORWARD ${matches} -j DROP`]);
    expect(verdict).toBe("pass");
    expect(seen).toMatchObject([{ effect: "drop", certain: false }]);
  },
);

test("without a port a rule for one protocol may match", () => {
  expect(through(["FORWARD -p tcp -j DROP"], { port: undefined }).seen).toMatchObject([
    { certain: false },
  ]);
});

test("the first verdict counts, in chains of the user's own too", () => {
  expect(through(["FORWARD -j USER", "USER -j ACCEPT", "FORWARD -j DROP"]).verdict).toBe("pass");
  expect(through(["FORWARD -j USER", "USER -j RETURN", "FORWARD -j DROP"]).verdict).toBe("drop");
  expect(through(["FORWARD -g USER", "FORWARD -j DROP"]).verdict).toBe("pass");
});

test("what a chain does that may not be called is not certain", () => {
  const { verdict, seen } = through(["FORWARD -m set --match-set x src -j USER", "USER -j DROP"]);
  expect([verdict, seen[0]?.certain]).toEqual(["pass", false]);
});

test("the policy counts when no rule decides, also behind a goto", () => {
  expect(through([], {}, "DROP")).toMatchObject({ verdict: "drop", byPolicy: true });
  expect(through(["FORWARD -g USER"], {}, "DROP")).toMatchObject({ byPolicy: true });
  expect(through(["FORWARD -j ACCEPT"], {}, "DROP").verdict).toBe("pass");
});

test.each([
  ["MARK --set-xmark 0x20/0xff", 0x20],
  ["MARK --set-xmark 0x20/0x0", 0x30],
  ["MARK --set-mark 0x20", 0x20],
  ["CONNMARK --restore-mark --nfmask 0xf0 --ctmask 0xf0", 0],
  ["CONNMARK --save-mark --nfmask 0xffffffff --ctmask 0xffffffff", 0x10],
])("-j %s makes the mark %d", (target, mark) => {
  expect(through([`FORWARD -j ${target}`]).mark).toBe(mark);
});

test("a later rule sees the mark of an earlier one", () => {
  const rules = ["FORWARD -j MARK --set-xmark 0x1/0xff", "FORWARD -m mark --mark 0x1/0xff -j DROP"];
  expect(through(rules).verdict).toBe("drop");
});

test("chains that call each other end", () => {
  expect(through(["FORWARD -j USER", "USER -j USER"]).verdict).toBe("pass");
});

test("a table or chain that is not there lets everything pass", () => {
  expect(walk(undefined, "FORWARD", PACKET)).toEqual({
    mark: 0x10,
    verdict: "pass",
    seen: [],
    byPolicy: false,
  });
});
