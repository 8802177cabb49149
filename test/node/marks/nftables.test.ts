/** The nftables backend on real tables: what it writes, what it leaves alone, and many calls at once. */
import { markChain, ownerOf } from "../../../lib/marks/nftables/layout";
import { attachmentTag, formatComment } from "../../../lib/marks/tag";
import type { InstalledMark, MarkOrder } from "../../../lib/ports";
import type { Call, Reply } from "./driver";
import { useRig } from "./rig";

const rig = useRig();

const TABLE = "inet tenant-routing-marks";
const KEY = { network: "net", containerId: "c1", ifname: "eth0" };
const ORDER: MarkOrder = {
  key: KEY,
  label: "team-a/web-0",
  mark: { value: 0x10, mask: 0xff },
  addresses: ["10.0.0.5", "fd00::5"],
  markReplies: false,
};
const TAG = attachmentTag(KEY);
const other = (containerId: string, part: Partial<MarkOrder> = {}): MarkOrder => ({
  ...ORDER,
  key: { ...KEY, containerId },
  ...part,
});
const numbered = (n: number): MarkOrder =>
  other(`pod-${n}`, { addresses: [`10.1.${n >> 8}.${n & 255}`] });

/** Each element as `address tag chain`, and each owner as `address owner`. */
function present(): readonly string[] {
  return rig
    .inside(`nft list table ${TABLE} 2>/dev/null || true`)
    .split(/[\n,{}]/)
    .flatMap((piece) => {
      const element =
        /^\s*(\S+) comment "(?:\S+ )*(\S+)" : goto (\S+)\s*$/.exec(piece) ??
        /^\s*(\S+) : (0x\S+)\s*$/.exec(piece);
      return element === null
        ? []
        : [
            element
              .slice(1)
              .join(" ")
              .replace(/ 0x0+(?=.)/, " 0x"),
          ];
    })
    .sort();
}

function wanted(...orders: readonly MarkOrder[]): readonly string[] {
  return orders
    .flatMap(({ key, addresses, mark, markReplies }) =>
      addresses.flatMap((address) => [
        `${address} ${attachmentTag(key)} ${markChain(mark, markReplies).name}`,
        `${address} ${ownerOf(attachmentTag(key))}`,
      ]),
    )
    .sort();
}

const failures = (replies: readonly Reply[]): readonly Reply[] =>
  replies.filter((reply) => reply.message !== undefined);

describe.each(["nftables", "spawned"] as const)("%s", (how) => {
  test.each<[string, Partial<MarkOrder>]>([
    ["a mark under a mask", {}],
    ["a full mask", { mark: { value: 0xdeadbeef, mask: 0xffffffff } }],
    ["a mark of all bits of its mask", { mark: { value: 0xff00, mask: 0xff00 } }],
    ["the highest bit", { mark: { value: 0x80000000, mask: 0xf0000000 } }],
    ["replies marked", { markReplies: true }],
    ["a label as long as may be", { label: `${"n".repeat(63)}/${"p".repeat(253)}` }],
    ["a label of odd characters", { label: 'a" : drop }\n\u001b[31m\\' }],
    [
      "IPv6 forms",
      { addresses: ["2001:db8::1:0:0:1", "fe80::a:b", "2001:db8:0:1:1:1:1:1", "64:ff9b::a00:1"] },
    ],
  ])("%s: the maps have exactly what was written, and it reads back", async (_name, part) => {
    const order = { ...ORDER, ...part };
    expect(await rig.ok(how, ["install", order])).toEqual({ place: "nftables", evicted: [] });
    expect(present()).toEqual(wanted(order));
    const listed = await rig.list(how);
    expect(listed.map(({ address }) => address).sort()).toEqual([...order.addresses].sort());
    for (const each of listed)
      expect(each).toMatchObject({ backend: "nftables", tag: TAG, mark: order.mark });
    await rig.ok(how, ["remove", [TAG]]);
    expect(present()).toEqual([]);
  });

  test("a reused address inherits nothing, with a mark of its own and without one", async () => {
    const stale = other("stale", { mark: { value: 0x20, mask: 0xff } });
    await rig.ok(how, ["install", stale]);
    expect(await rig.ok(how, ["install", ORDER])).toEqual({
      place: "nftables",
      evicted: [attachmentTag(stale.key)],
    });
    expect(present()).toEqual(wanted(ORDER));
    expect(await rig.ok(how, ["evict", other("new").key, ORDER.addresses])).toEqual([TAG]);
    expect(present()).toEqual([]);
  });

  test("a late removal by the address's former owner leaves its new owner alone", async () => {
    const late = other("late");
    await rig.ok(how, ["install", ORDER]);
    await rig.ok(how, [
      "remove",
      [attachmentTag(late.key)],
      { backend: "nftables", addresses: ORDER.addresses },
    ]);
    expect(present()).toEqual(wanted(ORDER));
    await rig.ok(how, ["remove", [TAG], { backend: "nftables", addresses: ORDER.addresses }]);
    expect(present()).toEqual([]);
  });

  test("the mark of a running pod changes in place", async () => {
    await rig.ok(how, ["install", ORDER]);
    const changed = { ...ORDER, mark: { value: 0x30, mask: 0xff } };
    expect(await rig.ok(how, ["install", changed])).toMatchObject({ evicted: [] });
    expect(present()).toEqual(wanted(changed));
  });

  test("one address is taken by somebody else's element: nothing is written in either family", async () => {
    await rig.ok(how, ["install", numbered(1)]);
    rig.inside(`nft 'add element ${TABLE} pods6 { fd00::5 comment "mine" : accept }'`);
    expect(await rig.run(how, ["install", ORDER])).toEqual([
      {
        code: 110,
        message: expect.stringMatching(/pods6 .*fd00::5.*not ours.*nft delete element/),
      },
    ]);
    await rig.ok(how, ["remove", [TAG]]);
    expect(present()).toEqual(wanted(numbered(1)));
    expect(rig.inside(`nft list map ${TABLE} pods6`)).toContain('fd00::5 comment "mine" : accept');
    expect(await rig.list(how)).toHaveLength(1);
  });

  test("40 installs of one attachment at once, in 4 processes: one set; 40 removes: none, no error", async () => {
    const inFour = async (call: Call): Promise<readonly Reply[]> =>
      (
        await Promise.all(
          [1, 2, 3, 4].map(() => rig.run(how, ...Array.from({ length: 10 }, () => call))),
        )
      ).flat();
    expect(failures(await inFour(["install", ORDER]))).toEqual([]);
    expect(present()).toEqual(wanted(ORDER));
    expect(failures(await inFour(["remove", [TAG]]))).toEqual([]);
    expect(present()).toEqual([]);
  });

  test("150 attachments at once, in 3 processes: all there, once; then all gone", async () => {
    const orders = Array.from({ length: 150 }, (_, n) => numbered(n + 1));
    const inThree = async (call: (order: MarkOrder) => Call): Promise<readonly Reply[]> =>
      (
        await Promise.all(
          [0, 1, 2].map((part) =>
            rig.run(how, ...orders.filter((_, n) => n % 3 === part).map(call)),
          ),
        )
      ).flat();
    expect(failures(await inThree((order) => ["install", order]))).toEqual([]);
    expect(present()).toEqual(wanted(...orders));
    expect(failures(await inThree(({ key }) => ["remove", [attachmentTag(key)]]))).toEqual([]);
    expect(present()).toEqual([]);
  });
});

const DAMAGE: readonly (readonly [string, string])[] = [
  ["the mark's chain is flushed", `nft flush chain ${TABLE} m_10_ff`],
  [
    "the mark's chain has one rule more",
    `nft insert rule ${TABLE} m_10_ff ip daddr 10.0.0.9 return`,
  ],
  ["the base chain is flushed", `nft flush chain ${TABLE} prerouting`],
  [
    "the base chain has lost its hook",
    `nft 'flush chain ${TABLE} prerouting; delete chain ${TABLE} prerouting; add chain ${TABLE} prerouting'`,
  ],
  ["the table is dormant", `nft 'add table ${TABLE} { flags dormant; }'`],
];

test.each(DAMAGE)(
  "%s: its marks are not intact; an install makes it whole",
  async (_name, command) => {
    await rig.ok("nftables", ["install", ORDER]);
    expect((await rig.list("nftables")).map(({ mark }) => mark)).toEqual([ORDER.mark, ORDER.mark]);
    rig.inside(command);
    expect((await rig.list("nftables")).map(({ mark }) => mark)).toEqual([undefined, undefined]);
    await rig.ok("nftables", ["install", ORDER]);
    expect((await rig.list("nftables")).map(({ mark }) => mark)).toEqual([ORDER.mark, ORDER.mark]);
    expect(present()).toEqual(wanted(ORDER));
  },
);

test("the table or the whole ruleset is gone: no obstacle to remove, and an install makes it again", async () => {
  for (const command of [`nft delete table ${TABLE}`, "nft flush ruleset"]) {
    await rig.ok("nftables", ["install", ORDER]);
    rig.inside(command);
    expect(await rig.list("nftables")).toEqual([]);
    await rig.ok("nftables", [
      "remove",
      [TAG],
      { backend: "nftables", addresses: ORDER.addresses },
    ]);
    await rig.ok("nftables", ["install", ORDER]);
    expect(present()).toEqual(wanted(ORDER));
  }
});

test("a map that was emptied by hand is no obstacle", async () => {
  await rig.ok("nftables", ["install", ORDER]);
  rig.inside(`nft 'flush map ${TABLE} pods4; flush map ${TABLE} owners6'`);
  await rig.ok("nftables", ["install", ORDER]);
  expect(present()).toEqual(wanted(ORDER));
  rig.inside(`nft flush map ${TABLE} pods4`);
  expect(await rig.ok("nftables", ["install", other("next")])).toMatchObject({ evicted: [TAG] });
  expect(present()).toEqual(wanted(other("next")));
});

test("to look, evict and remove makes no table, and the kernel's other tables stay as they are", async () => {
  expect(
    failures(
      await rig.run(
        "nftables",
        ["list"],
        ["probe"],
        ["remove", ["net-1"]],
        ["evict", KEY, ORDER.addresses],
      ),
    ),
  ).toEqual([]);
  expect(rig.inside("nft list ruleset")).toBe("");
  rig.inside("nft 'add table inet mine; add chain inet mine prerouting'");
  const before = rig.inside("nft list ruleset");
  await rig.ok("nftables", ["install", ORDER]);
  await rig.ok("nftables", ["remove", [TAG]]);
  rig.inside(`nft delete table ${TABLE}`);
  expect(rig.inside("nft list ruleset")).toBe(before);
});

test("a rerun changes nothing: the counters go on, and chains that nobody uses go with a removal everywhere", async () => {
  await rig.ok("nftables", ["install", ORDER]);
  rig.inside(
    "ip link set lo up; ip addr add 10.0.0.5 dev lo; ping -c 3 -i 0.01 -I 10.0.0.5 10.0.0.5",
  );
  const counted = (): string => rig.inside(`nft list counter ${TABLE} m_10_ff | grep packets`);
  const before = counted();
  expect(before).not.toMatch(/packets 0 /);
  await rig.ok("nftables", ["install", ORDER]);
  await rig.ok("nftables", ["install", other("next", { addresses: ["10.0.0.6"] })]);
  expect(counted()).toBe(before);
  await rig.ok("nftables", ["remove", [TAG, attachmentTag(other("next").key)]]);
  expect(rig.inside(`nft list table ${TABLE}`)).not.toContain("chain m_10_ff");
});

test("the comment is ours, so nothing but the table is needed to find a mark", async () => {
  await rig.ok("nftables", ["install", ORDER]);
  const [first] = (await rig.list("nftables")) as readonly [InstalledMark];
  expect(first).toMatchObject({ label: "team-a/web-0", tag: TAG });
  expect(first.text).toContain(formatComment("team-a/web-0", TAG));
});
