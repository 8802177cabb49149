/** Bits of the mark that are not the tenant's come through our rule as they went in. */
import type { Family } from "../../net/family";
import { formatMark, hex } from "../../net/mark";
import { call, target } from "../../lab/kit/calls";
import { MARKED } from "../addresses";
import { PORT } from "../topology";
import { forEachFamily, pick, type Fixture, type Tested } from "../fixture";

const TABLE = "inet selftest-mark";
const ALL = 0xffffffff;
/** Whom a tenant's mask meets on most nodes: they write between our rule and the packet's end, and read what went before. */
const USERS = [
  { bits: 0xc000, who: "kube-proxy" },
  { bits: 0x2000, who: "portmap" },
] as const;

/** Around mangle PREROUTING (-150): all bits are set before it, and looked at after it. */
export async function checkMask(fixture: Fixture): Promise<void> {
  const { results, topology, portmap } = fixture;
  await forEachFamily(fixture.tested, async (one, family) => {
    const about = { tenant: one.name, family };
    const { seen, kept } = await send(fixture, one, family);
    if (!seen)
      return results.skip("mask", about, "its pod's packets do not pass the node's PREROUTING");
    const taken = USERS.filter(
      ({ bits, who }) => (one.mark.mask & bits) !== 0 && (who !== "portmap" || portmap),
    );
    const remedy =
      'give all tenants values under one small "mask", such as 0xff; wrapper routes plan proposes a free one';
    if (taken.length > 0)
      results.fail(
        "mask",
        about,
        `its mask covers bits of ${taken.map(({ who, bits }) => `${who} (${hex(bits)})`).join(" and ")}: whatever they set is wiped`,
        remedy,
      );
    else if (kept) results.ok("mask", about);
    else
      results.fail(
        "mask",
        about,
        `after the rule for ${formatMark(one.mark)} the mark is not what it should be: its value in its mask, and every other bit as before`,
        "see the rules of this pod: iptables -t mangle -S PREROUTING; another rule may come before or after",
      );
  });
  await topology.node.run(["nft", "delete", "table", ...TABLE.split(" ")]);
}

async function send(
  fixture: Fixture,
  one: Tested,
  family: Family,
): Promise<{ readonly seen: boolean; readonly kept: boolean }> {
  const { setup, topology, plain } = fixture;
  const ip = family === 4 ? "ip" : "ip6";
  // Beyond the node; a pod without a default route only gets as far as its neighbours.
  const goals = [pick(MARKED, family), plain.addresses[family]].filter(
    (address) => address !== undefined,
  );
  const packet = `${ip} saddr ${one.attached.addresses[family] ?? ""} ${ip} daddr { ${goals.join(", ")} }`;
  const [seen, kept] = [
    `seen${family}-${one.attached.pod.name}`,
    `kept${family}-${one.attached.pod.name}`,
  ];
  const expected = ((ALL & ~one.mark.mask) | one.mark.value) >>> 0;
  await topology.node.must(["nft", "-f", "-"], {
    stdin: [
      `add table ${TABLE}`,
      `add chain ${TABLE} before { type filter hook prerouting priority -160; }`,
      `add chain ${TABLE} after { type filter hook prerouting priority -149; }`,
      ...[seen, kept].map((name) => `add counter ${TABLE} ${name}`),
      `add rule ${TABLE} before ${packet} meta mark set ${ALL}`,
      `add rule ${TABLE} after ${packet} counter name ${seen}`,
      `add rule ${TABLE} after ${packet} meta mark ${expected} counter name ${kept}`,
      "",
    ].join("\n"),
  });
  for (const goal of goals)
    await call(setup, one.attached.pod, target(goal, PORT), { quiet: true, timeoutMs: 500 });
  const read = async (name: string): Promise<number> =>
    Number(
      /packets (\d+)/.exec(
        await topology.node.must(["nft", "list", "counter", ...TABLE.split(" "), name]),
      )?.[1] ?? 0,
    );
  const [all, right] = [await read(seen), await read(kept)];
  return { seen: all > 0, kept: all === right };
}
