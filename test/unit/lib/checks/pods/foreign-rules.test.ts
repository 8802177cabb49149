/** Rules of others against the marks of pods. */
import { confWith, tenantWith } from "../../../../helpers/conf-object";
import {
  foreignMarks,
  untrackedPods,
  type MarkedPod,
} from "../../../../../lib/checks/pods/foreign-rules";
import { foreignRules } from "../../../../../lib/checks/foreign/model";
import { usesInSave } from "../../../../../lib/routes/kernel/mark-uses-iptables";
import { usesInNft } from "../../../../../lib/routes/kernel/mark-uses-nft";
import { readSave } from "../../../../../lib/text/iptables-save";

const A = { value: 0x10, mask: 0xff };
const POD: MarkedPod = {
  ...{ pod: "team-a/web-0", addresses: ["10.88.0.2", "fd00::2"], mark: A, markReplies: false },
};
const PLAIN: MarkedPod = { ...POD, pod: "plain/x", addresses: ["10.88.0.3"], mark: undefined };
const CONF = confWith({
  tenants: [
    tenantWith({ name: "a", mark: A }),
    tenantWith({ name: "b", mark: { value: 0x20, mask: 0xff } }),
  ],
});
const OURS =
  '-A PREROUTING -s 10.88.0.2/32 -m comment --comment "tenant-routing team-a/web-0 x" -j MARK --set-xmark 0x10/0xff';
const save = (table: string, lines: readonly string[]): string =>
  `*${table}\n:PREROUTING ACCEPT [0:0]\n${lines.join("\n")}\nCOMMIT\n`;
const rules = (table: string, lines: readonly string[]) =>
  readSave("iptables-nft", save(table, lines)).rules;
const found = (lines: readonly string[], pod = POD, program = "iptables-nft") =>
  foreignMarks(CONF, [pod], foreignRules(usesInSave(save("mangle", lines), program)));

const REPLY = OURS.replace("-m comment", "-m conntrack --ctdir REPLY -m comment");
const REPLY_FIRST = "-A PREROUTING -s 10.88.0.2/32 -j MARK --set-xmark 0x20/0xff";

test.each<[string, readonly string[], readonly string[]]>([
  ["ours alone", [OURS], []],
  ["behind ours", [OURS, "-A PREROUTING -s 10.88.0.2/32 -j MARK --set-xmark 0x20/0xff"], ["b"]],
  ["before ours", ["-A PREROUTING -s 10.88.0.2/32 -j MARK --set-xmark 0x20/0xff", OURS], []],
  ["for everybody", [OURS, "-A PREROUTING -j MARK --set-xmark 0x20/0xff"], ["b"]],
  ["the whole mark", [OURS, "-A PREROUTING -s 10.88.0.0/24 -j MARK --set-xmark 0x20"], ["b"]],
  ["other bits", [OURS, "-A PREROUTING -s 10.88.0.2/32 -j MARK --set-xmark 0x100/0x100"], []],
  ["the same mark", [OURS, "-A PREROUTING -s 10.88.0.2/32 -j MARK --set-xmark 0x10/0xff"], []],
  [
    "some of it",
    [OURS, "-A PREROUTING -s 10.88.0.2/32 -p tcp -j MARK --set-xmark 0x20/0xff"],
    ["b"],
  ],
  ["some of anybody's", [OURS, "-A PREROUTING -p tcp -j MARK --set-xmark 0x20/0xff"], []],
  ["bits that it has", [OURS, "-A PREROUTING -s 10.88.0.2/32 -j MARK --set-xmark 0x10/0x10"], []],
  ["before our rule for replies", [REPLY_FIRST, REPLY], ["b"]],
  ["another address", [OURS, "-A PREROUTING -s 10.9.0.0/24 -j MARK --set-xmark 0x20/0xff"], []],
  ["not its address", [OURS, "-A PREROUTING ! -s 10.88.0.2/32 -j MARK --set-xmark 0x20/0xff"], []],
  ["another chain", [OURS, "-A OUTPUT -s 10.88.0.2/32 -j MARK --set-xmark 0x20/0xff"], []],
  ["a jump", [OURS, "-A PREROUTING -s 10.88.0.2/32 -j KUBE"], []],
])("a foreign mark: %s", (_, lines, tenants) => {
  expect(found(lines).map(({ consequence }) => consequence)).toEqual(
    tenants.map((name) => expect.stringContaining(`as tenant ${name}`) as string),
  );
});

test("a pod without a tenant is hit by a tenant's mark alone", () => {
  const marked = (mark: string) =>
    found([`-A PREROUTING -s 10.88.0.3/32 -j MARK --set-xmark ${mark}`], PLAIN);
  expect(marked("0x20/0xff")).toHaveLength(1);
  expect(marked("0x20")).toHaveLength(1);
  expect(marked("0x4000/0x4000")).toEqual([]);
});

test.each<[string, string, number]>([
  ["from the pod", "-A PREROUTING -s 10.88.0.0/24 -j NOTRACK", 1],
  ["to the pod", "-A PREROUTING -d 10.88.0.2/32 -j CT --notrack", 1],
  ["everything", "-A PREROUTING -j NOTRACK", 1],
  ["to another", "-A PREROUTING -d 10.9.0.1/32 -j NOTRACK", 0],
  ["a zone", "-A PREROUTING -s 10.88.0.2/32 -j CT --zone 4", 0],
])("not tracked: %s", (_, line, count) => {
  expect(untrackedPods(rules("raw", [line]), [POD, PLAIN])).toHaveLength(count);
  expect(untrackedPods(rules("raw", [line]), [{ ...POD, markReplies: true }])).toEqual([]);
});

test("the command that removes a rule has each of its words, whatever they hold", () => {
  const line =
    '-A PREROUTING -s 10.88.0.3/32 -m comment --comment "it is $(theirs) \\"so\\"" -j MARK --set-xmark 0x20/0xff';
  expect(found([line], PLAIN)[0]?.remedy).toBe(
    `iptables-nft -w -t mangle -D PREROUTING -s 10.88.0.3/32 -m comment --comment 'it is $(theirs) "so"' -j MARK --set-xmark 0x20/0xff`,
  );
});

test("one finding for a rule and all pods that it hits, with where it is and what follows", () => {
  const lines = ["-A PREROUTING -s 10.88.0.0/24 -j MARK --set-xmark 0x20/0xff"];
  const all = foreignRules(usesInSave(save("mangle", lines), "iptables-nft"));
  expect(foreignMarks(CONF, [POD, PLAIN], all)).toEqual([
    {
      ...{ kind: "foreign-mark", code: "TR0611", category: "pods", severity: "failed" },
      fault:
        'the foreign rule "-s 10.88.0.0/24 -j MARK --set-xmark 0x20/0xff" (iptables-nft mangle PREROUTING) marks packets of pod team-a/web-0 and 1 more',
      consequence: "they go with mark 0x20/0xff, as tenant b",
      remedy:
        "iptables-nft -w -t mangle -D PREROUTING -s 10.88.0.0/24 -j MARK --set-xmark 0x20/0xff",
      subject: "team-a/web-0",
    },
  ]);
});

test("a value that is not known leads astray, perhaps", () => {
  const line =
    "-A PREROUTING -s 10.88.0.2/32 -j CONNMARK --restore-mark --nfmask 0xff --ctmask 0xff";
  expect(found([line])).toMatchObject([
    { consequence: "it goes by another gateway than the tenant's, perhaps" },
  ]);
});

test("where there is no mark at all, the bits of the default mask matter", () => {
  const conf = confWith({ tenants: undefined, defaultMask: 0xff00 });
  const of = (mark: string) =>
    foreignMarks(
      conf,
      [PLAIN],
      foreignRules(
        usesInSave(
          save("mangle", [`-A PREROUTING -s 10.88.0.3/32 -j MARK --set-xmark ${mark}`]),
          "iptables-nft",
        ),
      ),
    );
  expect(of("0x20/0xff")).toEqual([]);
  expect(of("0x100/0x100")).toHaveLength(1);
});

test("native nftables are read too", () => {
  const match = {
    match: {
      op: "==",
      left: { payload: { protocol: "ip", field: "saddr" } },
      right: "10.88.0.2",
    },
  };
  const expr = [match, { mangle: { key: { meta: { key: "mark" } }, value: 0x20 } }];
  const rule = { family: "inet", table: "site", chain: "pre", handle: 7, expr };
  const native = foreignRules(usesInNft({ nftables: [{ rule }] }).uses);
  expect(foreignMarks(CONF, [POD], native)).toMatchObject([
    { remedy: "nft delete rule inet site pre handle 7", subject: "team-a/web-0" },
  ]);
});
