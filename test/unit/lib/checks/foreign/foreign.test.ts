import { foreignRules, hitsOf, isGiven } from "../../../../../lib/checks/foreign/model";
import { usesInSave } from "../../../../../lib/routes/kernel/mark-uses-iptables";
import { usesInNft } from "../../../../../lib/routes/kernel/mark-uses-nft";

const TAG = "01234567-0123456789abcdef01234567";
const MARK = { value: 0x10, mask: 0xff };
const save = (...lines: string[]): string => ["*mangle", ...lines, "COMMIT"].join("\n");
const inSave = (...lines: string[]) => foreignRules(usesInSave(save(...lines), "iptables-nft"));

describe("iptables-save", () => {
  test("a rule that marks one address has its text, its bits and the command that removes it", () => {
    const [rule, ...more] = inSave("-A PREROUTING -s 10.1.0.5/32 -j MARK --set-xmark 0x20/0xff");
    expect(more).toEqual([]);
    expect(rule).toMatchObject({
      where: "iptables-nft mangle PREROUTING",
      text: "-s 10.1.0.5/32 -j MARK --set-xmark 0x20/0xff",
      removal:
        "iptables-nft -w -t mangle -D PREROUTING -s 10.1.0.5/32 -j MARK --set-xmark 0x20/0xff",
      mask: 0xff,
      value: 0x20,
    });
  });

  test("a comment is quoted for a shell, in which it would be a command", () => {
    const [rule] = inSave(
      `-A PREROUTING -s 10.1.0.5/32 -m comment --comment "it's \\"\$(id)\\"" -j MARK --set-xmark 0x20/0xff`,
    );
    expect(rule?.removal).toContain(`--comment 'it'\\''s "$(id)"' -j MARK`);
  });

  test.each([
    [
      "our own",
      `-A PREROUTING -s 10.1.0.5/32 -m comment --comment "tenant-routing a/b ${TAG}" -j MARK --set-xmark 0x10/0xff`,
    ],
    ["without a source", "-A PREROUTING -i eth0 -j MARK --set-xmark 0x20/0xff"],
    ["behind the choice of a route", "-A POSTROUTING -s 10.1.0.5/32 -j MARK --set-xmark 0x20/0xff"],
    ["for all but a source", "-A PREROUTING ! -s 10.1.0.5/32 -j MARK --set-xmark 0x20/0xff"],
    ["that only reads a mark", "-A PREROUTING -s 10.1.0.5/32 -m mark --mark 0x20/0xff -j ACCEPT"],
    ["that marks the connection", "-A PREROUTING -s 10.1.0.5/32 -j CONNMARK --set-xmark 0x20/0xff"],
    [
      "that saves the packet's mark",
      "-A PREROUTING -s 10.1.0.5/32 -j CONNMARK --save-mark --nfmask 0xff --ctmask 0xff",
    ],
  ])("a rule %s is none", (_, line) => {
    expect(inSave(line)).toEqual([]);
  });

  test("a mark that comes from the connection is one whose value nobody knows", () => {
    expect(
      inSave("-A PREROUTING -s 10.1.0.5/32 -j CONNMARK --restore-mark --nfmask 0xff --ctmask 0xff"),
    ).toMatchObject([{ mask: 0xff, value: undefined }]);
  });
});

const foreignInNft = (json: unknown) => foreignRules(usesInNft(json).uses);

describe("nft -j list ruleset", () => {
  const saddr = (right: unknown, op = "==") => ({
    match: { op, left: { payload: { protocol: "ip", field: "saddr" } }, right },
  });
  const sets = (value: unknown) => ({ mangle: { key: { meta: { key: "mark" } }, value } });
  const ruleset = (...expr: unknown[]) => ({
    nftables: [
      { rule: { family: "inet", table: "site", chain: "pre", handle: 7, expr } },
      { rule: { family: "inet", table: "tenant-routing-marks", chain: "m", handle: 8, expr } },
    ],
  });

  test.each([
    ["an address", "10.1.0.5", ["10.1.0.5"]],
    ["a network", { prefix: { addr: "10.1.0.0", len: 24 } }, ["10.1.0.9"]],
    ["a set", { set: ["10.1.0.5", { prefix: { addr: "10.2.0.0", len: 16 } }] }, ["10.2.3.4"]],
  ])("a rule that marks %s is found, and is removed by its handle", (_, right, addresses) => {
    const rules = foreignInNft(ruleset(saddr(right), sets(0x20)));
    expect(rules).toMatchObject([
      { removal: "nft delete rule inet site pre handle 7", mask: 0xffffffff, value: 0x20 },
    ]);
    expect(
      hitsOf(rules, [{ pod: "a/b", addresses, mark: MARK }], { marks: [], bits: 0xff }),
    ).toHaveLength(1);
  });

  test("only some bits", () => {
    const value = { "|": [{ "&": [{ meta: { key: "mark" } }, 0xffffff00] }, 0x20] };
    expect(foreignInNft(ruleset(saddr("10.1.0.5"), sets(value)))).toMatchObject([
      { mask: 0xff, value: 0x20 },
    ]);
  });

  test.each([
    ["all but an address", [saddr("10.1.0.5", "!="), sets(0x20)]],
    ["a named set", [saddr("@people"), sets(0x20)]],
    ["no mark", [saddr("10.1.0.5"), { counter: null }]],
    [
      "the connection's mark",
      [saddr("10.1.0.5"), { mangle: { key: { ct: { key: "mark" } }, value: 0x20 } }],
    ],
    ["no address", [sets(0x20)]],
  ])("a rule about %s is none", (_, expr) => {
    expect(foreignInNft(ruleset(...expr))).toEqual([]);
  });
});

test("only pods with an address among the sources, and only rules that write one of the bits", () => {
  const rules = inSave(
    "-A PREROUTING -s 10.1.0.0/24 -j MARK --set-xmark 0x20/0xff",
    "-A PREROUTING -s 10.1.0.0/24 -j MARK --set-xmark 0x4000/0x4000",
  );
  const pods = [
    { pod: "a/in", addresses: ["fd00::5", "10.1.0.5"], mark: MARK },
    { pod: "a/out", addresses: ["10.2.0.5"], mark: MARK },
  ];
  expect(hitsOf(rules, pods, { marks: [MARK], bits: 0xff })).toMatchObject([
    { pods: ["a/in"], rule: { value: 0x20 } },
  ]);
});

test.each([
  [{ mask: 0xffffffff, value: 0x20 }, true],
  [{ mask: 0xff, value: 0x20 }, true],
  [{ mask: 0xff, value: 0x30 }, false],
  [{ mask: 0xf0, value: 0x20 }, false],
  [{ mask: 0xff, value: undefined }, false],
])("a rule that writes %j gives the mark 0x20/0xff: %s", (rule, expected) => {
  expect(isGiven(rule, { value: 0x20, mask: 0xff })).toBe(expected);
});
