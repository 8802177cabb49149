/** What the agent shows of packets and gateways. */
import { join } from "node:path";
import type { Conf } from "../helpers/conf";
import { samplesOn } from "../helpers/exposition";
import { useAgents } from "../helpers/node-agent";
import { useFloods } from "../helpers/node-flood";
import { POD_NET, useGateways } from "../helpers/node-gateways";
import { addressesOf } from "../helpers/node-rules";
import { ASKS, annotated, createRuntime, ourList, type Conflist } from "../helpers/node-runtime";
import { useNode } from "../helpers/node-world";
import { expectOk } from "../helpers/outcome";

const world = useNode();
useGateways(world);
const agents = useAgents(world);
const floods = useFloods(() => ({
  default: `${world.netns}-default`,
  "gw-a": `${world.netns}-gw-a`,
}));

type Samples = Readonly<Record<string, number>>;

async function eventually(holds: (samples: Samples) => boolean): Promise<Samples> {
  const deadline = Date.now() + 120_000;
  for (;;) {
    const samples = await samplesOn(join(world.dir, "agent.sock"));
    if (holds(samples)) return samples;
    if (Date.now() > deadline) throw new Error(JSON.stringify(samples, undefined, 1));
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

function listWith(tenant: Conf, more: Conf): Conflist {
  const delegate = { type: "ptp", ipMasq: false, ipam: world.ipam(POD_NET) };
  const tenants = { "tenant-a": { fwmark: "0x10/0xff", ...tenant } };
  return ourList(world, { ...ASKS, delegate, tenants, ...more });
}

test.each([
  ["nft", { backend: "iptables", iptables: "nft" }],
  ["legacy", { backend: "iptables", iptables: "legacy" }],
  ["nftables", { backend: "nftables" }],
])(
  "packets and bytes of a tenant on %s; those of a deleted pod stay counted",
  async (_, backend) => {
    const list = listWith({}, backend);
    const runtime = createRuntime(world, list);
    const [one, other] = [world.newPod("team-a", "web-0"), world.newPod("team-a", "web-1")];
    for (const pod of [one, other])
      floods.start(
        pod.netns,
        addressesOf(expectOk(await runtime.add(pod, annotated("tenant-a")))),
        "gw-a",
      );
    await agents.start(list);
    await floods.flow();
    const packets = 'tenant_routing_tenant_packets_total{tenant="tenant-a"}';
    const bytes = 'tenant_routing_tenant_bytes_total{tenant="tenant-a"}';
    const shown = await eventually((samples) => (samples[packets] ?? 0) > 500);
    expect(shown[bytes]).toBeGreaterThan(28 * 500);
    floods.stop(one.netns);
    floods.stop(other.netns);
    // What both have sent has been read before one of them goes.
    let last = -1;
    const full = await eventually((samples) => {
      const now = samples[packets] ?? 0;
      const same = now === last && now > 500;
      last = now;
      return same;
    });
    expectOk(await runtime.del(one));
    await new Promise((resolve) => setTimeout(resolve, 6000));
    const after = await eventually(() => true);
    expect(after[packets]).toBeGreaterThanOrEqual(full[packets] ?? 0);
    expect(after[packets]).toBeLessThan((full[packets] ?? 0) + 250);
  },
);

/** The agent puts the rules back at once: they are deleted until the guard has stopped a packet of a pod that sends. */
async function deleteRulesUntilStopped(list: Conflist): Promise<void> {
  const pod = world.newPod("team-a", "web-0");
  const added = expectOk(await createRuntime(world, list).add(pod, annotated("tenant-a")));
  // By either gateway, until the rules are gone.
  floods.start(pod.netns, addressesOf(added), "gw-a");
  const stopped = 'tenant_routing_leaked_packets_total{tenant="tenant-a",reason="default_route"}';
  const remove = `for family in -4 -6; do
    ip $family rule | sed -n 's/^\\([0-9]*\\):.*fwmark 0x10.*/\\1/p' |
      while read -r priority; do ip $family rule del pref "$priority" 2>/dev/null || :; done
  done`;
  await eventually((all) => {
    if ((all[stopped] ?? 0) > 0) return true;
    world.inside(undefined, "sh", "-c", remove);
    return false;
  });
  floods.stop(pod.netns);
}

test("a gateway that is lost is down, and its tenant's packets have failed over once", async () => {
  // What the world itself has for its tenants would be in the way.
  world.inside(undefined, "sh", "-c", "ip rule del pref 32764; ip -6 rule del pref 32764");
  const remove =
    "while ip $f rule del pref 32765; do :; done 2>/dev/null; ip $f route flush table 100";
  for (const family of ["-4", "-6"])
    world.inside(
      undefined,
      "sh",
      "-c",
      `f=${family}; ${remove}; ip $f route flush table 200; true`,
    );
  const gateways = [{ via: "10.10.10.1" }, { via: "10.10.20.1", dev: "eth2" }];
  const list = listWith(
    { table: 100, gateways },
    { routes: { namesDir: "", watch: { statusFile: "" } } },
  );
  await agents.start(list);
  const up = (gateway: string): string =>
    `tenant_routing_gateway_up{tenant="tenant-a",gateway="${gateway}"}`;
  const [one, two] = [up("10.10.10.1"), up("10.10.20.1 dev eth2")];
  const failovers = 'tenant_routing_failovers_total{tenant="tenant-a"}';
  await eventually((all) => all[one] === 1 && all[two] === 1 && all[failovers] === 0);
  await deleteRulesUntilStopped(list);
  world.inside(undefined, "ip", "link", "set", "eth1", "down");
  await eventually((all) => all[one] === 0 && all[two] === 1 && all[failovers] === 1);
});
