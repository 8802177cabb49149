/** Foreign rules and chains stay as they are, whatever we do. */
import { VARIANTS, type Variant } from "../helpers/firewall";
import { ASKS, annotated, createRuntime, ourList, type Runtime } from "../helpers/node-runtime";
import { useNode } from "../helpers/node-world";
import { expectOk } from "../helpers/outcome";

const world = useNode();

/** Foreign rules: some look like ours, some match our addresses, some stand around ours, and one is a native nft rule in iptables' own table. */
function plant(): void {
  const rules = [
    "-A PREROUTING -s 10.88.0.2/32 -j MARK --set-xmark 0x4000/0x4000",
    `-A PREROUTING -m comment --comment "tenant-routing" -j MARK --or-mark 0x8000`,
    `-A PREROUTING -m comment --comment "tenant-routing team-a/web-0 not-a-tag" -s 10.88.0.2/32 -j MARK --set-xmark 0x10/0xff`,
    "-N KUBE-KUBELET-CANARY",
    "-A FORWARD -s 10.88.0.0/24 -j ACCEPT",
  ];
  for (const variant of VARIANTS) {
    for (const rule of rules) world.firewall.tables(variant, "iptables", rule);
    world.firewall.tables(
      variant,
      "ip6tables",
      "-A PREROUTING -s fd00:10:88::2 -j MARK --set-xmark 0x4000/0x4000",
    );
  }
  const nft = [
    "add set ip mangle others { type ipv4_addr; elements = { 10.88.0.2 } }",
    "add rule ip mangle PREROUTING ip saddr @others counter",
    "add table inet canary",
    "add chain inet canary prerouting { type filter hook prerouting priority mangle; policy accept; }",
    `add rule inet canary prerouting ip saddr 10.88.0.2 meta mark set meta mark or 0x200 comment "tenant-routing"`,
  ];
  for (const command of nft) world.inside(undefined, "nft", command);
}

/** Both variants as their save programs show them, and the native table; counters and rules of ours left out. */
function others(): readonly string[] {
  const text = world.inside(
    undefined,
    "sh",
    "-c",
    "for each in nft legacy; do iptables-$each-save; ip6tables-$each-save; done; nft -s list table inet canary",
  );
  const ours = /tenant-routing team-[ab]\/\S+ [0-9a-f]{8}-[0-9a-f]{24}/;
  return text
    .split("\n")
    .filter((line) => !ours.test(line) && !line.startsWith("#"))
    .map((line) => line.replace(/\[\d+:\d+\]/, ""));
}

/** The rules of nft as the kernel has them, natively written ones in iptables' table too. */
const ruleset = (): string => world.inside(undefined, "nft", "-s", "list", "ruleset");

function runtimeFor(iptables: Variant, mark: string): Runtime {
  const delegate = {
    type: "ptp",
    ipMasq: false,
    ipam: world.ipam("10.88.0.0/24", "fd00:10:88::/112"),
  };
  return createRuntime(world, ourList(world, { ...ASKS, iptables, delegate }), annotated(mark));
}

test("others() sees each kind of change", () => {
  plant();
  const before = others();
  expect(before.filter((line) => line.includes("10.88.0.2")).length).toBe(5);
  for (const variant of VARIANTS) {
    world.firewall.tables(variant, "iptables", "-D PREROUTING 1");
    expect(others()).not.toEqual(before);
    world.firewall.tables(
      variant,
      "iptables",
      "-I PREROUTING 1 -s 10.88.0.2/32 -j MARK --set-xmark 0x4000/0x4000",
    );
    expect(others()).toEqual(before);
  }
  world.inside(undefined, "nft", "flush chain inet canary prerouting");
  expect(others()).not.toEqual(before);
});

test.each(VARIANTS)(
  "ADD, CHECK, DEL and a refused ADD leave foreign rules alone, on %s",
  async (variant) => {
    plant();
    const [before, native] = [others(), ruleset()];
    const runtime = runtimeFor(variant, "0x10/0xff");
    const [a, b] = [world.newPod("team-a", "web-0"), world.newPod("team-b", "api-0")];
    for (const pod of [a, b]) expectOk(await runtime.add(pod));
    expect(
      world.firewall.ours().filter((line) => /team-[ab]\/\S+ [0-9a-f]{8}-/.test(line)),
    ).toHaveLength(8);
    expect(others()).toEqual(before);
    for (const pod of [a, b]) expectOk(await runtime.check(pod));
    expect((await runtime.add(a)).exit).toBe(1);
    for (const pod of [a, b]) expectOk(await runtime.del(pod));
    expectOk(await runtime.del(a, { netns: "", forgetful: true }));
    expect([others(), ruleset()]).toEqual([before, native]);
    expect(world.firewall.ours().filter((line) => /[0-9a-f]{8}-[0-9a-f]{24}/.test(line))).toEqual(
      [],
    );
  },
);

test.each(VARIANTS)(
  "GC takes our stale rules, and only those of its network, on %s",
  async (iptables) => {
    plant();
    const before = others();
    // Chained: the plugins here are older than GC.
    const chained = (name: string, ip: string) => ({
      cniVersion: "1.1.0",
      name,
      type: "tenant-routing-wrapper",
      iptables,
      ...ASKS,
      runtimeConfig: {
        "io.kubernetes.cri.pod-annotations": { "tenant.routing/fwmark": "0x10/0xff" },
      },
      prevResult: { cniVersion: "1.1.0", ips: [{ address: `${ip}/24` }] },
    });
    const [net, other] = [chained("net", "10.88.0.2"), chained("other", "10.88.0.3")];
    for (const conf of [net, other]) expectOk(await world.run("ADD", { conf }));
    const count = (): number =>
      world.firewall.ours().filter((line) => /[0-9a-f]{8}-[0-9a-f]{24}/.test(line)).length;
    expect(count()).toBe(4);
    expectOk(
      await world.run("GC", {
        conf: {
          ...net,
          prevResult: undefined,
          runtimeConfig: undefined,
          "cni.dev/valid-attachments": [],
        },
        id: "",
      }),
    );
    expect(count()).toBe(2);
    expect(world.records().filter((name) => name.endsWith(".json"))).toHaveLength(1);
    expect(others()).toEqual(before);
  },
);
