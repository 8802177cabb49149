import { chainsInSave, usesInSave } from "../../../../../lib/routes/kernel/mark-uses-iptables";
import { useOf } from "../node-rig";

const ALL = 0xffffffff;

/** Mask and value of each use in one rule of mangle PREROUTING. */
function uses(rule: string) {
  return usesInSave(
    `*mangle\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING ${rule}\nCOMMIT\n`,
    "iptables-nft",
  ).map(({ mask, value }) => [mask, value]);
}

test.each([
  ["-m mark --mark 0x40/0x60 -j ACCEPT", [[0x60, 0x40]]],
  ["-m mark ! --mark 0x40/0x60 -j ACCEPT", [[0x60, 0x40]]],
  ["-m mark --mark 0x40 -j ACCEPT", [[ALL, 0x40]]],
  ["-m connmark --mark 0x80/0x80 -j ACCEPT", [[0x80, 0x80]]],
  ["-m connmark ! --mark 0x0 -j ACCEPT", []],
  ["-j MARK --set-xmark 0x10/0xffffffff", [[ALL, 0x10]]],
  ["-j MARK --set-xmark 0x4/0x4", [[4, 4]]],
  ["-j MARK --set-xmark 0x0/0xff00", [[0xff00, 0]]],
  ["-j MARK --set-xmark 0x8/0x0", [[8, undefined]]],
  ["-j MARK --set-mark 0x10/0x1", [[0x11, 0x10]]],
  ["-j MARK --set-mark 16", [[ALL, 16]]],
  ["-j MARK --or-mark 0x4", [[4, 4]]],
  ["-j MARK --and-mark 0xffff00ff", [[0xff00, 0]]],
  ["-j MARK --xor-mark 0x4", [[4, undefined]]],
  ["-j CONNMARK --set-xmark 0x3/0xf", [[0xf, 3]]],
  ["-j CONNMARK --set-mark 0x3", []],
  ["-j CONNMARK --save-mark --nfmask 0xff00 --ctmask 0xff", [[0xff00, undefined]]],
  ["-j CONNMARK --restore-mark --nfmask 0xf0 --ctmask 0xf", [[0xff, undefined]]],
  ["-j CONNMARK --restore-mark --mask 0xf0", [[0xf0, undefined]]],
  ["-j CONNMARK --restore-mark", [[ALL, undefined]]],
  ["-p tcp -j TPROXY --on-port 1 --on-ip 127.0.0.1 --tproxy-mark 0x200/0xf00", [[0xf00, 0x200]]],
  ["-p tcp -j TPROXY --on-port 1 --on-ip 0.0.0.0 --tproxy-mark 0x0/0x0", []],
  ["-m socket --transparent --restore-skmark -j ACCEPT", [[ALL, undefined]]],
  [
    "-m mark --mark 0x1/0x1 -m connmark --mark 0x2/0x2 -j MARK --set-xmark 0x4/0x4",
    [
      [1, 1],
      [2, 2],
      [4, 4],
    ],
  ],
  ["-s 10.0.0.1/32 -j ACCEPT", []],
])("%s", (rule, expected) => {
  expect(uses(rule)).toEqual(expected);
});

test("the wrapper's own rules and the node routes' are nobody's use", () => {
  expect(
    uses(
      '-s 10.0.0.1/32 -m comment --comment "tenant-routing a/b 0-1" -j MARK --set-xmark 0x10/0xff',
    ),
  ).toEqual([]);
  expect(
    uses('-s 10.0.0.1/32 -m comment --comment "my tenant-routing" -j MARK --set-xmark 0x10/0xff'),
  ).toEqual([[0xff, 0x10]]);
});

test("a comment is text, whatever it looks like", () => {
  expect(
    uses('-m comment --comment "he said \\"-j MARK --set-xmark 0x99/0x99\\"" -j ACCEPT'),
  ).toEqual([]);
  expect(uses("-m mark -m comment --comment --mark --mark 0x7/0x7 -j ACCEPT")).toEqual([]);
});

test("a use says in which program, table and chain it is", () => {
  const text =
    "*nat\n:CNI-HOSTPORT-MASQ - [0:0]\n-A CNI-HOSTPORT-MASQ -m mark --mark 0x2000/0x2000 -j MASQUERADE\nCOMMIT\n*mangle\n-A X -m mark --mark 0x1 -j ACCEPT\nCOMMIT\n";
  expect(usesInSave(text, "iptables-legacy")).toMatchObject([
    useOf("iptables-legacy nat CNI-HOSTPORT-MASQ", 0x2000, 0x2000),
    useOf("iptables-legacy mangle X", ALL, 1),
  ]);
});

test("chains are listed once, of whatever table", () => {
  expect(
    chainsInSave(
      "*nat\n:PREROUTING ACCEPT [0:0]\n:KUBE-MARK-MASQ - [0:0]\n*mangle\n:PREROUTING ACCEPT [1:2]\nCOMMIT\n",
    ),
  ).toEqual(["PREROUTING", "KUBE-MARK-MASQ"]);
});

test("what a rule reads and what it writes are told apart", () => {
  const text =
    "*mangle\n-A X -m comment --comment -j -m mark --mark 0x1/0x1 -j MARK --set-xmark 0x2/0x2\nCOMMIT\n";
  expect(usesInSave(text, "iptables-nft").map(({ rule }) => rule?.writes)).toEqual([false, true]);
});
