/** Which iptables is used on a node, how long that is remembered, and that looking leaves no trace. */
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Conf } from "../helpers/conf";
import { VARIANTS, type Variant } from "../helpers/firewall";
import { ASKS, annotated, createRuntime, ourList, type Runtime } from "../helpers/node-runtime";
import { useNode } from "../helpers/node-world";
import { expectOk } from "../helpers/outcome";

const world = useNode();
const OTHER = { nft: "legacy", legacy: "nft" } as const;
const CHANGES = [
  ["nft", "legacy"],
  ["legacy", "nft"],
] as const;

function runtimeFor(change: Conf = {}): Runtime {
  const delegate = { type: "ptp", ipMasq: false, ipam: world.ipam("10.88.0.0/24") };
  return createRuntime(
    world,
    ourList(world, { ...ASKS, delegate, ...change }),
    annotated("0x10/0xff"),
  );
}

/** What a kubelet does at its start. */
const hint = (variant: Variant): void =>
  world.firewall.tables(variant, "iptables", "-N KUBE-IPTABLES-HINT");
const unhint = (variant: Variant): void =>
  world.firewall.tables(variant, "iptables", "-X KUBE-IPTABLES-HINT");
const where = (): Readonly<Record<Variant, number>> => ({
  nft: world.firewall.ours("nft").length,
  legacy: world.firewall.ours("legacy").length,
});
const only = (variant: Variant, count: number): Readonly<Record<Variant, number>> =>
  ({ [variant]: count, [OTHER[variant]]: 0 }) as Record<Variant, number>;
const memory = (): string => join(world.dataDir, "iptables-backend");

test.each(VARIANTS)(
  "the kubelet's hint in %s decides, and its decision is kept for this boot",
  async (variant) => {
    hint(variant);
    const runtime = runtimeFor();
    const [first, second, third] = [world.newPod(), world.newPod(), world.newPod()];
    expectOk(await runtime.add(first));
    expect(where()).toEqual(only(variant, 2));
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    expect(readFileSync(memory(), "utf8")).toBe(`${boot} ${variant}\n`);
    unhint(variant);
    hint(OTHER[variant]);
    expectOk(await runtime.add(second));
    expect(where()).toEqual(only(variant, 4));
    writeFileSync(memory(), `another-boot ${variant}\n`);
    expectOk(await runtime.add(third));
    expect(where()).toEqual({ [variant]: 4, [OTHER[variant]]: 2 });
    for (const pod of [first, second, third]) expectOk(await runtime.check(pod));
    for (const pod of [first, second, third]) expectOk(await runtime.del(pod));
    expect(world.everything()).toEqual([]);
  },
);

test.each(CHANGES)(
  "ADD in %s, DEL after the configuration has changed to %s",
  async (before, after) => {
    const pod = world.newPod();
    expectOk(await runtimeFor({ iptables: before }).add(pod));
    expect(where()).toEqual(only(before, 2));
    await world.vanish(pod);
    expectOk(await runtimeFor({ iptables: after }).del(pod, { netns: "" }));
    expect(world.everything()).toEqual([]);
  },
);

test.each(CHANGES)(
  "ADD in %s, DEL when the node has come to use %s and the journal is lost",
  async (before, after) => {
    const runtime = runtimeFor();
    hint(before);
    const pod = world.newPod();
    expectOk(await runtime.add(pod));
    unhint(before);
    hint(after);
    rmSync(world.dataDir, { recursive: true });
    expectOk(await runtime.del(pod));
    expect(world.everything()).toEqual([]);
  },
);

test("with nft chosen, no legacy table comes into being", async () => {
  const legacyTables = (): string =>
    world.inside(
      undefined,
      "sh",
      "-c",
      "cat /proc/net/ip_tables_names /proc/net/ip6_tables_names 2>/dev/null || :",
    );
  const runtime = runtimeFor();
  hint("nft");
  const pod = world.newPod();
  expectOk(await runtime.add(pod));
  expectOk(await runtime.check(pod));
  expectOk(
    await world.run("STATUS", {
      conf: { ...ASKS, cniVersion: "1.1.0", name: "tr-node", type: "tenant-routing-wrapper" },
      id: "",
    }),
  );
  expectOk(await runtime.del(pod));
  expectOk(await runtime.del(pod));
  expect(existsSync(memory())).toBe(true);
  expect(legacyTables()).toBe("");
  // The same look sees it when one does.
  expectOk(await runtimeFor({ iptables: "legacy" }).add(world.newPod()));
  expect(legacyTables()).toContain("mangle");
});
