/** `wrapper selftest` on nodes that do not keep a promise: what is wrong there is found. */
import { conditions, run, sabotaged, useDirectory, writeConflist } from "../helpers/selftest";

// One run takes some 6 s on a quiet machine of two cores.
const dir = useDirectory();

/** Runs with a ptp that does `script` to the node first. */
function conditionsWith(script: string): readonly string[] {
  const { status, answer } = run(writeConflist(dir(), {}), "--cni-path", sabotaged(dir(), script));
  expect(status).toBe(1);
  return conditions(answer);
}

const MARK_REPLIES =
  "nft 'add table inet sab; add chain inet sab c { type filter hook prerouting priority -140; }; flush chain inet sab c; add rule inet sab c ct direction reply meta mark set 0x10'";
const MARK_EVERYTHING =
  "iptables -t mangle -C PREROUTING -j MARK --set-mark 0x99 || iptables -t mangle -I PREROUTING -j MARK --set-mark 0x99";
const MARK_HEIR =
  "case $CNI_COMMAND$CNI_ARGS in ADD*heir*) iptables -t mangle -A PREROUTING -s 10.202.0.0/24 -j MARK --set-xmark 0x10/0xff;; esac";
const OLD_RULE = "ip rule del pref 50; ip rule add pref 50 fwmark 0x10/0xff lookup 100";
const NO_STOP =
  "for f in -4 -6; do ip $f route del unreachable default table 100 metric 4294967295; ip $f rule del pref 32765 unreachable; done";
const LEGACY_RULE =
  "[ $CNI_COMMAND = DEL ] || iptables-legacy -t mangle -A FORWARD -m comment --comment 'tenant-routing blue/left 0-0' -j ACCEPT";
const NO_DELETE = "[ $CNI_COMMAND = ADD ] || exit 0";

/** What does not hide each other happens to one node: each has its own pattern, which no other one of the case causes. */
const CASES: readonly (readonly [string, string, readonly RegExp[]])[] = [
  [
    "the rule for what the main table knows is gone",
    "ip rule del pref 32764; ip -6 rule del pref 32764",
    [
      /^FAILED cluster traffic stays blue: its pods do not reach another pod of the node .*, a pod of another node/,
    ],
  ],
  [
    "somebody marks replies; somebody marks everything; the mark of a pod that is gone stays",
    [MARK_REPLIES, MARK_EVERYTHING, MARK_HEIR].join("\n"),
    [
      /^FAILED reply path blue: a client beyond the default gateway gets no answer from its pod/,
      /^FAILED foreign marks survive blue: after the rule for 0x10\/0xff the mark is not what it should be/,
      /^FAILED address reuse blue: .*does not leave by the default gateway: answered by gw/,
    ],
  ],
  [
    "the old rule at 50 exists; there is no stop behind the gateway",
    [OLD_RULE, NO_STOP].join("\n"),
    [
      /^FAILED local rule at 100 blue: .*its pod does not reach the node/,
      /^FAILED lost gateway stops blue: with the interface to its gateway down its packets leave elsewhere \([1-9]/,
    ],
  ],
  [
    "a legacy rule stays; the delegate does not delete",
    [LEGACY_RULE, NO_DELETE].join("\n"),
    [
      /^FAILED DEL leaves nothing : left on the node: .*lease selftest\/10\.202\.0\.\d/,
      /^FAILED DEL leaves nothing : left on the node: .*rule -A FORWARD .*tenant-routing blue\/left/,
    ],
  ],
  [
    "the delegate does not add",
    "[ $CNI_COMMAND = DEL ] || exit 1",
    [/^FAILED pods are attached : a pod without a tenant does not start/],
  ],
];

test.each(CASES)("%s", (_, script, expected) => {
  const found = conditionsWith(script);
  for (const pattern of expected)
    expect(found).toContainEqual(expect.stringMatching(pattern) as string);
});
