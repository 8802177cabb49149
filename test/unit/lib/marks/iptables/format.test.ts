import { familyOf } from "../../../../../lib/net/family";
import { parseSave, restoreInput, ruleSpecs } from "../../../../../lib/marks/iptables/format";
import { attachmentTag } from "../../../../../lib/marks/tag";

const KEY = { network: "net", containerId: "c1", ifname: "eth0" };
const TAG = attachmentTag(KEY);
const RULE = {
  key: KEY,
  label: "team-a/web-0",
  mark: { value: 0x10, mask: 0xff },
  addresses: ["10.200.0.7", "fd00::7"],
  markReplies: false,
};
const COMMENT = `-m comment --comment "tenant-routing team-a/web-0 ${TAG}"`;

test("the two rules of an address, as DESIGN and iptables-save write them", () => {
  expect(ruleSpecs(RULE, 4)).toEqual([
    `PREROUTING -s 10.200.0.7/32 ${COMMENT} -j MARK --set-xmark 0x10/0xff`,
    `PREROUTING -s 10.200.0.7/32 -m conntrack --ctdir REPLY ${COMMENT} -j MARK --set-xmark 0x0/0xff`,
  ]);
  expect(ruleSpecs({ ...RULE, markReplies: true }, 6)).toEqual([
    `PREROUTING -s fd00::7/128 ${COMMENT} -j MARK --set-xmark 0x10/0xff`,
  ]);
});

test("one transaction: deletions before additions", () => {
  expect(restoreInput(["PREROUTING a"], ["PREROUTING b"])).toBe(
    "*mangle\n-D PREROUTING a\n-A PREROUTING b\nCOMMIT\n",
  );
});

test("reads back what it wrote, and nobody else's rules", () => {
  const listing = [
    "*mangle",
    ":PREROUTING ACCEPT [0:0]",
    ...ruleSpecs(RULE, 4).map((spec) => `-A ${spec}`),
    "-A PREROUTING -s 10.0.0.1/32 -j MARK --set-xmark 0x1/0x1",
    '-A PREROUTING -m comment --comment "tenant-routing is great" -j ACCEPT',
    `-A OUTPUT -s 10.0.0.1/32 ${COMMENT} -j ACCEPT`,
    "COMMIT",
    "",
  ].join("\n");
  const [mark, reply, ...rest] = parseSave(listing, "nft", 4);
  expect(rest).toEqual([]);
  expect(mark).toEqual({
    variant: "nft",
    family: 4,
    tag: TAG,
    label: "team-a/web-0",
    address: "10.200.0.7",
    kind: "mark",
    mark: { value: 16, mask: 255 },
    spec: ruleSpecs(RULE, 4)[0],
  });
  expect(reply).toMatchObject({ kind: "reply", mark: { value: 0, mask: 255 } });
});

test("a rule with our tag but another target has no mark", () => {
  expect(
    parseSave(`-A PREROUTING -s 10.0.0.1/32 ${COMMENT} -j ACCEPT\n`, "legacy", 4),
  ).toMatchObject([{ mark: undefined, address: "10.0.0.1" }]);
  expect(parseSave(`-A PREROUTING ${COMMENT} -j ACCEPT\n`, "legacy", 4)).toMatchObject([
    { address: "" },
  ]);
});

test("familyOf", () => {
  expect([familyOf("10.0.0.1"), familyOf("fd00::1")]).toEqual([4, 6]);
});
