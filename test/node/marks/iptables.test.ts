/** The iptables backend on real tables: what it writes, what it leaves alone, and many calls at once. */
import { restoreInput, ruleSpecs } from "../../../lib/marks/iptables/format";
import { attachmentTag } from "../../../lib/marks/tag";
import type { MarkOrder } from "../../../lib/ports";
import { VARIANTS } from "../../helpers/firewall";
import type { Call, Reply } from "./driver";
import { useRig } from "./rig";

const rig = useRig();

const KEY = { network: "net", containerId: "c1", ifname: "eth0" };
const RULE: MarkOrder = {
  key: KEY,
  label: "team-a/web-0",
  mark: { value: 0x10, mask: 0xff },
  addresses: ["10.0.0.5", "fd00::5"],
  markReplies: false,
};
const numbered = (n: number): MarkOrder => ({
  ...RULE,
  key: { ...KEY, containerId: `pod-${n}` },
  addresses: [`10.1.${n >> 8}.${n & 255}`],
});
const lines = (rule: MarkOrder): readonly string[] =>
  [...ruleSpecs(rule, 4), ...ruleSpecs(rule, 6)].map((spec) => `-A ${spec}`);
const failures = (replies: readonly Reply[]): readonly Reply[] =>
  replies.filter((reply) => reply.message !== undefined);

describe.each(VARIANTS)("on %s", (variant) => {
  test.each<[string, Partial<MarkOrder>]>([
    ["a mark under a mask", {}],
    ["a full mask", { mark: { value: 0xdeadbeef, mask: 0xffffffff } }],
    ["replies marked", { markReplies: true }],
    ["a label as long as may be", { label: `${"n".repeat(63)}/${"p".repeat(253)}` }],
    ["a label of odd characters", { label: 'a" -j ACCEPT\n\u001b[31m\\' }],
    [
      "IPv6 forms",
      { addresses: ["2001:db8::1:0:0:1", "fe80::a:b", "2001:db8:0:1:1:1:1:1", "64:ff9b::a00:1"] },
    ],
  ])("%s: the table has exactly what was written, and it reads back", async (_name, part) => {
    const rule = { ...RULE, ...part };
    expect(await rig.ok(variant, ["install", rule])).toEqual({ place: variant, evicted: [] });
    expect(rig.firewall.prerouting()).toEqual(lines(rule));
    const listed = await rig.list();
    expect(listed.map((each) => `-A ${each.text}`)).toEqual(lines(rule));
    for (const each of listed) {
      expect(each).toMatchObject({
        backend: variant,
        tag: attachmentTag(KEY),
        mark: { value: each.piece === "mark rule" ? rule.mark.value : 0, mask: rule.mark.mask },
      });
    }
    await rig.ok(variant, ["remove", [attachmentTag(KEY)]]);
    expect(rig.firewall.prerouting()).toEqual([]);
  });

  test("a rerun changes nothing: the counters go on", async () => {
    await rig.ok(variant, ["install", RULE]);
    rig.inside(
      `ip link set lo up; ip addr add 10.0.0.5 dev lo; ping -c 3 -i 0.01 -I 10.0.0.5 10.0.0.5`,
    );
    const counted = (): string =>
      rig.inside(
        `iptables-${variant}-save -c -t mangle | grep tenant-routing | head -n 1 | cut -d' ' -f1`,
      );
    const before = counted();
    expect(before).not.toMatch(/^\[0:/);
    await rig.ok(variant, ["install", RULE]);
    expect(counted()).toBe(before);
  });

  test("IDs of 300 characters that share a prefix are two attachments", async () => {
    const ending = (end: string): MarkOrder => ({
      ...RULE,
      key: { ...KEY, containerId: "x".repeat(299) + end },
      addresses: [`10.0.0.${end}`],
    });
    const [a, b] = [ending("1"), ending("2")];
    await rig.run(variant, ["install", a], ["install", b]);
    await rig.ok(variant, ["remove", [attachmentTag(a.key)]]);
    expect(rig.firewall.prerouting()).toEqual(lines(b));
  });

  test("rules of others keep their place; duplicates and what was made of ours by hand go", async () => {
    const foreign = [
      "-A PREROUTING -s 10.0.0.5/32 -j MARK --set-xmark 0x4000/0x4000",
      '-A PREROUTING -m comment --comment "tenant-routing \\"x\\" y" -j ACCEPT',
    ];
    for (const rule of foreign) rig.firewall.tables(variant, "iptables", rule);
    const [mark] = ruleSpecs(RULE, 4) as [string];
    for (const spec of [
      mark,
      mark,
      mark.replace("-j MARK --set-xmark 0x10/0xff", "-p tcp -m tcp --dport 80 -j RETURN"),
    ])
      rig.firewall.tables(variant, "iptables", `-A ${spec}`);
    await rig.ok(variant, ["install", RULE]);
    expect(rig.firewall.prerouting()).toEqual([...foreign, ...lines(RULE)]);
    rig.firewall.tables(variant, "iptables", `-A ${mark}`);
    await rig.ok(variant, ["remove", [attachmentTag(KEY)]]);
    expect(rig.firewall.prerouting()).toEqual(foreign);
  });

  test("a reused address inherits nothing, whichever variant it was marked in", async () => {
    const stale = numbered(1);
    for (const old of VARIANTS) {
      await rig.ok(old, ["install", stale]);
      expect(await rig.ok(variant, ["install", { ...RULE, addresses: stale.addresses }])).toEqual({
        place: variant,
        evicted: [attachmentTag(stale.key)],
      });
      expect(rig.firewall.prerouting()).toEqual(lines({ ...RULE, addresses: stale.addresses }));
      await rig.ok(old, ["install", { ...stale, addresses: ["10.0.0.99"] }]);
      expect(
        await rig.ok(variant, [
          "evict",
          { ...KEY, containerId: "new" },
          [...stale.addresses, "10.0.0.99"],
        ]),
      ).toEqual(expect.arrayContaining([attachmentTag(stale.key), attachmentTag(KEY)]));
      expect(rig.firewall.prerouting()).toEqual([]);
    }
  });

  test("40 installs of one attachment at once, in 4 processes: one set of rules; 40 removes: none, no error", async () => {
    const inFour = async (call: Call): Promise<readonly Reply[]> =>
      (
        await Promise.all(
          [1, 2, 3, 4].map(() => rig.run(variant, ...Array.from({ length: 10 }, () => call))),
        )
      ).flat();
    expect(failures(await inFour(["install", RULE]))).toEqual([]);
    expect(rig.firewall.prerouting()).toEqual(lines(RULE));
    expect(failures(await inFour(["remove", [attachmentTag(KEY)]]))).toEqual([]);
    expect(rig.firewall.prerouting()).toEqual([]);
  });

  test("150 attachments at once, in 3 processes: all there, once; then all gone", async () => {
    const rules = Array.from({ length: 150 }, (_, n) => numbered(n + 1));
    const inThree = async (call: (rule: MarkOrder) => Call): Promise<readonly Reply[]> =>
      (
        await Promise.all(
          [0, 1, 2].map((part) =>
            rig.run(variant, ...rules.filter((_, n) => n % 3 === part).map(call)),
          ),
        )
      ).flat();
    expect(failures(await inThree((rule) => ["install", rule]))).toEqual([]);
    expect([...rig.firewall.prerouting()].sort()).toEqual(rules.flatMap(lines).sort());
    expect(failures(await inThree((rule) => ["remove", [attachmentTag(rule.key)]]))).toEqual([]);
    expect(rig.firewall.prerouting()).toEqual([]);
  });

  test("somebody deletes our rules by hand while we remove them: fine", async () => {
    const rules = Array.from({ length: 40 }, (_, n) => numbered(n + 1));
    await rig.run(variant, ...rules.map((rule): Call => ["install", rule]));
    const byHand = rules
      .flatMap((rule) => ruleSpecs(rule, 4))
      .map((spec) => `iptables-${variant} -w 5 -t mangle -D ${spec} 2>/dev/null`)
      .join("; ");
    const deleting = new Promise((resolve) =>
      setTimeout(() => resolve(rig.inside(`(${byHand}) & sleep 0.15`)), 0),
    );
    const replies = await rig.run(
      variant,
      ...rules.map((rule): Call => ["remove", [attachmentTag(rule.key)]]),
    );
    await deleting;
    expect(failures(replies)).toEqual([]);
    expect(rig.firewall.prerouting()).toEqual([]);
  });

  test("a flush or a missing table is no obstacle to remove", async () => {
    await rig.ok(variant, ["install", RULE]);
    rig.firewall.flush();
    if (variant === "nft") rig.inside("nft flush ruleset");
    await rig.ok(variant, ["remove", [attachmentTag(KEY)]]);
    await rig.ok(variant, ["install", RULE]);
    expect(rig.firewall.prerouting()).toEqual(lines(RULE));
  });
});

test("to look, evict and remove creates no table of either variant", async () => {
  for (const configured of ["auto", "nft", "legacy"] as const) {
    expect(
      failures(
        await rig.run(
          configured,
          ["list"],
          ["probe"],
          ["remove", ["x"]],
          ["evict", KEY, RULE.addresses],
        ),
      ),
    ).toEqual([]);
  }
  expect(
    rig.inside("cat /proc/net/ip_tables_names /proc/net/ip6_tables_names; nft list ruleset"),
  ).toBe("");
});

test("native nftables rules in the mangle table: said so with the remedy, never taken for an empty table", async () => {
  await rig.ok("nft", ["install", RULE]);
  rig.inside("nft add rule ip mangle PREROUTING ip saddr 10.9.9.9 meta mark set ct mark or 0x5");
  for (const call of [
    ["list"],
    ["probe"],
    ["install", numbered(1)],
    ["remove", [attachmentTag(KEY)]],
  ] as Call[]) {
    expect(await rig.run("nft", call)).toEqual([
      {
        code: 110,
        message: expect.stringMatching(
          /ip mangle .*iptables-nft cannot read.*nft list table ip mangle/,
        ),
      },
    ]);
  }
});

test("what our own restore input says is what the tool does: deletions and additions in one transaction", () => {
  rig.inside(
    `cat <<'END' | iptables-nft-restore --noflush -w 5\n${restoreInput([], ruleSpecs(RULE, 4))}END`,
  );
  expect(() =>
    rig.inside(
      `cat <<'END' | iptables-nft-restore --noflush -w 5\n${restoreInput(["PREROUTING -s 10.9.9.9/32 -j ACCEPT"], ruleSpecs(numbered(1), 4))}END`,
    ),
  ).toThrow();
  expect(rig.firewall.prerouting()).toEqual(ruleSpecs(RULE, 4).map((spec) => `-A ${spec}`));
});
