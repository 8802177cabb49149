/** Rules of others against the marks of pods. */
import {
  foreignMarks,
  untrackedPods,
  type MarkedPod,
} from "../../../../../lib/checks/pods/foreign-rules";
import { savedRules } from "../../../../../lib/checks/pods/save";

const A = { value: 0x10, mask: 0xff };
const POD: MarkedPod = {
  ...{ pod: "team-a/web-0", addresses: ["10.88.0.2", "fd00::2"], mark: A, markReplies: false },
};
const PLAIN: MarkedPod = { ...POD, pod: "plain/x", addresses: ["10.88.0.3"], mark: undefined };
const TENANTS = [
  { name: "a", mark: A },
  { name: "b", mark: { value: 0x20, mask: 0xff } },
];
const OURS =
  '-A PREROUTING -s 10.88.0.2/32 -m comment --comment "tenant-routing team-a/web-0 x" -j MARK --set-xmark 0x10/0xff';
const rules = (table: string, lines: readonly string[], program = "iptables-nft") =>
  savedRules({
    program,
    text: `*${table}\n:PREROUTING ACCEPT [0:0]\n${lines.join("\n")}\nCOMMIT\n`,
  });

test.each<[string, readonly string[], readonly string[]]>([
  ["ours alone", [OURS], []],
  ["behind ours", [OURS, "-A PREROUTING -s 10.88.0.2/32 -j MARK --set-xmark 0x20/0xff"], ["b"]],
  ["before ours", ["-A PREROUTING -s 10.88.0.2/32 -j MARK --set-xmark 0x20/0xff", OURS], []],
  ["for everybody", [OURS, "-A PREROUTING -j MARK --set-xmark 0x20/0xff"], ["b"]],
  ["the whole mark", [OURS, "-A PREROUTING -s 10.88.0.0/24 -j MARK --set-xmark 0x20"], ["b"]],
  ["other bits", [OURS, "-A PREROUTING -s 10.88.0.2/32 -j MARK --set-xmark 0x100/0x100"], []],
  ["the same mark", [OURS, "-A PREROUTING -s 10.88.0.2/32 -j MARK --set-xmark 0x10/0xff"], []],
  ["narrowed", [OURS, "-A PREROUTING -s 10.88.0.2/32 -p tcp -j MARK --set-xmark 0x20/0xff"], []],
  ["another address", [OURS, "-A PREROUTING -s 10.9.0.0/24 -j MARK --set-xmark 0x20/0xff"], []],
  ["not its address", [OURS, "-A PREROUTING ! -s 10.88.0.2/32 -j MARK --set-xmark 0x20/0xff"], []],
  ["another chain", [OURS, "-A OUTPUT -s 10.88.0.2/32 -j MARK --set-xmark 0x20/0xff"], []],
  ["a jump", [OURS, "-A PREROUTING -s 10.88.0.2/32 -j KUBE"], []],
])("a foreign mark: %s", (_, lines, tenants) => {
  const found = foreignMarks(rules("mangle", lines), [POD], TENANTS);
  expect(found.map(({ consequence }) => consequence)).toEqual(
    tenants.map((name) => expect.stringContaining(`as tenant ${name}`) as string),
  );
});

test("in the other variant its place says nothing", () => {
  const foreign = rules(
    "mangle",
    ["-A PREROUTING -s 10.88.0.2/32 -j MARK --set-xmark 0x20/0xff"],
    "iptables-legacy",
  );
  expect(foreignMarks([...foreign, ...rules("mangle", [OURS])], [POD], TENANTS)).toHaveLength(1);
});

test("a pod without a tenant is hit by a tenant's mark alone", () => {
  const marked = (mark: string) =>
    foreignMarks(
      rules("mangle", [`-A PREROUTING -s 10.88.0.3/32 -j MARK --set-xmark ${mark}`]),
      [PLAIN],
      TENANTS,
    );
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
  const [found] = foreignMarks(rules("mangle", [line]), [PLAIN], TENANTS);
  expect(found?.remedy).toBe(
    `iptables-nft -w -t mangle -D PREROUTING -s 10.88.0.3/32 -m comment --comment 'it is $(theirs) "so"' -j MARK --set-xmark 0x20/0xff`,
  );
});
