/** Who uses which mark bits, read from what the real iptables of both variants and nft print. */
import { execFileSync } from "node:child_process";
import { translationRules } from "../../lib/routes/plan/nat";
import { tableText } from "../../lib/routes/plan/nft-table";
import { chainsInSave, usesInSave } from "../../lib/routes/kernel/mark-uses-iptables";
import { usesInNft } from "../../lib/routes/kernel/mark-uses-nft";
import { detected } from "../../lib/routes/conflicts/known-users";
import { VARIANTS } from "../helpers/firewall";
import { sh } from "../helpers/shell";
import { confOf } from "../unit/lib/routes/node-rig";
import { markUserText } from "../../lib/routes/conflicts/text";

const NETNS = `tr-marks-${process.pid}`;
const ALL = 0xffffffff;
type Use = readonly [mask: number, value: number | undefined];

beforeEach(() => void sh("ip", "netns", "add", NETNS));
afterEach(() => void sh("ip", "netns", "del", NETNS));

const inside = (...command: string[]): string => sh("ip", "netns", "exec", NETNS, ...command);
const nft = (text: string): void =>
  void execFileSync("ip", ["netns", "exec", NETNS, "nft", "-f", "-"], {
    input: text,
    stdio: ["pipe", "ignore", "pipe"],
  });
const ruleset = (): unknown => JSON.parse(inside("nft", "-j", "list", "ruleset"));

/** Rules as people and programs write them, and what they use. */
const WRITTEN: readonly (readonly [rule: string, uses: readonly Use[]])[] = [
  [
    "-m mark ! --mark 0x40/0x60 -j MARK --set-mark 0x10",
    [
      [0x60, 0x40],
      [ALL, 0x10],
    ],
  ],
  [
    "-m mark --mark 0x40 -j MARK --or-mark 0x4",
    [
      [ALL, 0x40],
      [4, 4],
    ],
  ],
  ["-j MARK --and-mark 0xffff00ff", [[0xff00, 0]]],
  ["-j MARK --xor-mark 0x8", [[8, undefined]]],
  ["-j MARK --set-mark 0x10/0xff", [[0xff, 0x10]]],
  ["-j MARK --set-mark 0x30/0x11", [[0x31, 0x30]]],
  [
    "-m connmark --mark 0x1/0xf -j CONNMARK --restore-mark --nfmask 0xf0 --ctmask 0xf",
    [
      [0xf, 1],
      [0xff, undefined],
    ],
  ],
  ["-m connmark ! --mark 0 -j CONNMARK --save-mark", [[ALL, undefined]]],
  ["-j CONNMARK --restore-mark", [[ALL, undefined]]],
  ["-j CONNMARK --restore-mark --mask 0xf0", [[0xf0, undefined]]],
  ["-j CONNMARK --save-mark --mask 0xf0", [[0xf0, undefined]]],
  ["-j CONNMARK --set-mark 0x3", []],
  ["-j CONNMARK --set-mark 0x3/0xf", [[0xf, 3]]],
  ["-p tcp -j TPROXY --on-port 1 --tproxy-mark 0x200/0xf00", [[0xf00, 0x200]]],
  ["-p tcp -j TPROXY --on-port 1", []],
  ["-p tcp -m socket --transparent --restore-skmark -j ACCEPT", [[ALL, undefined]]],
  ["-s 10.0.0.1 -m comment --comment 'tenant-routing a/b 0-1' -j MARK --set-mark 0x10/0xff", []],
  ["-m comment --comment 'he said \"-j MARK --set-xmark 0x99/0x99\"' -j ACCEPT", []],
];

test.each(VARIANTS)("what iptables-%s prints of every form of use", (variant) => {
  for (const [rule] of WRITTEN)
    inside("sh", "-c", `iptables-${variant} -w 5 -t mangle -A PREROUTING ${rule}`);
  inside(
    "sh",
    "-c",
    `iptables-${variant} -w 5 -t nat -N CNI-HOSTPORT-MASQ && iptables-${variant} -w 5 -t nat -A CNI-HOSTPORT-MASQ -m mark --mark 0x2000/0x2000 -j MASQUERADE`,
  );
  const saved = inside(`iptables-${variant}-save`);
  const uses = usesInSave(saved, `iptables-${variant}`);
  expect(
    uses
      .filter(({ by }) => markUserText(by) === `iptables-${variant} mangle PREROUTING`)
      .map(({ mask, value }) => [mask, value]),
  ).toEqual(WRITTEN.flatMap((each) => each[1]));
  expect(
    uses
      .filter(({ by }) => markUserText(by) === `iptables-${variant} nat CNI-HOSTPORT-MASQ`)
      .map(({ mask }) => mask),
  ).toEqual([0x2000]);
  const chains = chainsInSave(saved);
  expect(detected({ chains, nftTables: [] }, []).map(({ by }) => markUserText(by))).toEqual([
    "portmap (chain CNI-HOSTPORT-MASQ)",
  ]);
});

const NATIVE: readonly (readonly [rule: string, uses: readonly Use[]])[] = [
  ["meta mark & 0xff == 0x10 accept", [[0xff, 0x10]]],
  ["meta mark 0x11 accept", [[ALL, 0x11]]],
  [
    "meta mark { 0x13, 0x17-0x18 } accept",
    [
      [ALL, 0x13],
      [ALL, 0x17],
      [ALL, 0x18],
    ],
  ],
  [
    "meta mark & 0xf0 != { 0x10, 0x20 } accept",
    [
      [0xf0, 0x10],
      [0xf0, 0x20],
    ],
  ],
  ["meta mark @marks accept", [[ALL, undefined]]],
  ["meta mark > 5 accept", [[ALL, undefined]]],
  ["ip saddr . meta mark { 10.0.0.1 . 0x7 } accept", [[ALL, undefined]]],
  ["meta mark and 0xff vmap { 0x8 : accept, 0x9 : drop }", [[0xff, undefined]]],
  ["meta mark set 0x40", [[ALL, 0x40]]],
  ["meta mark set meta mark and 0xffffff00 or 0x40", [[0xff, 0x40]]],
  ["meta mark set meta mark or 0x40", [[0x40, 0x40]]],
  ["meta mark set meta mark and 0xffffff0f", [[0xf0, 0]]],
  ["meta mark set meta mark xor 0x40", [[0x40, undefined]]],
  ["ct mark set meta mark", [[ALL, undefined]]],
  ["ct mark set meta mark and 0xff", [[0xff, undefined]]],
  ["meta mark set ct mark", [[ALL, undefined]]],
  ["ct mark set 0x5", []],
  ["ct mark and 0xf == 0x3 accept", [[0xf, 3]]],
  ["ct mark set ct mark and 0xfffffff0 or 0x3", [[0xf, 3]]],
  ["meta mark set ip saddr map { 10.0.0.1 : 0x5 }", [[ALL, 5]]],
  ["meta mark set numgen inc mod 2", [[ALL, undefined]]],
  ["ip saddr 10.0.0.1 accept", []],
];

test("what nft prints of every form of use", () => {
  const rules = NATIVE.map(([rule]) => `add rule inet vpn marks ${rule}\n`).join("");
  nft(
    `add table inet vpn\nadd set inet vpn marks { type mark; elements = { 0x66 }; }\nadd chain inet vpn marks { type filter hook prerouting priority mangle; }\n${rules}`,
  );
  const { uses, tables } = usesInNft(ruleset());
  expect(uses.map(({ mask, value }) => [mask, value])).toEqual(NATIVE.flatMap((each) => each[1]));
  expect(new Set(uses.map(({ by }) => markUserText(by)))).toEqual(new Set(["nft inet vpn marks"]));
  expect(tables).toEqual(["inet vpn"]);
});

test("nft shows neither the rules of iptables-nft nor our own table as somebody's", () => {
  inside(
    "iptables-nft",
    "-t",
    "mangle",
    "-A",
    "PREROUTING",
    "-m",
    "mark",
    "--mark",
    "0x1/0x1",
    "-j",
    "ACCEPT",
  );
  inside(
    "ip6tables-nft",
    "-t",
    "nat",
    "-A",
    "POSTROUTING",
    "-m",
    "mark",
    "--mark",
    "0x1/0x1",
    "-j",
    "MASQUERADE",
  );
  const tenants = {
    a: {
      fwmark: "0x10/0xff",
      table: 100,
      gateways: [{ dev: "lo", via: "192.0.2.1" }],
      snat: "masquerade",
    },
  };
  const gateway = {
    tenant: "a",
    family: 4,
    via: "192.0.2.1",
    dev: "lo",
    weight: 1,
    check: undefined,
    unusable: undefined,
  } as const;
  const translation = translationRules(confOf({ tenants }), [gateway]);
  nft(tableText({ translation, ways: [] }) ?? "");
  expect(inside("nft", "list", "ruleset")).toContain("table inet tenant-routing");
  expect(usesInNft(ruleset())).toEqual({ uses: [], tables: [] });
});

test("an empty namespace has no uses", () => {
  expect(usesInNft(ruleset())).toEqual({ uses: [], tables: [] });
  for (const variant of VARIANTS)
    expect(usesInSave(inside(`iptables-${variant}-save`), variant)).toEqual([]);
});
