/** A pod that sends until its interface is gone: nothing of it takes another way than its tenant's. */
import { spawn } from "node:child_process";
import { useAgents } from "../helpers/node-agent";
import { ASKS, annotated, createRuntime, ourList } from "../helpers/node-runtime";
import { useNode } from "../helpers/node-world";
import { expectOk } from "../helpers/outcome";
import { until } from "../helpers/shell";

const world = useNode();
const agents = useAgents(world);
const FAR = "10.8.0.2";
const BACKENDS = [
  ["nftables", { backend: "nftables" }],
  ["iptables-nft", { backend: "iptables", iptables: "nft" }],
] as const;
/** A packet takes 2 ms to come after the one before, and a DEL of ptp longer than several of them. */
const PODS = 6;
const EVERY_S = "0.002";
/** What comes through behind the guard. */
const OBSERVER = `table ip observer {
  counter marked { }
  counter unmarked { }
  chain forward {
    type filter hook forward priority filter + 10;
    ip saddr 10.88.0.0/16 meta mark & 0xff == 0x10 counter name marked accept
    ip saddr 10.88.0.0/16 counter name unmarked
  }
}`;
/** A way that leads somewhere; nobody answers. */
const NETWORK = `ip link add eth8 type veth peer name eth9
ip addr add 10.8.0.1/24 dev eth8
ip link set eth8 up
ip link set eth9 up
ip neigh add ${FAR} lladdr 02:00:00:00:00:01 dev eth8`;

function counted(name: "marked" | "unmarked"): number {
  const text = world.inside(undefined, "nft", "list", "counter", "ip", "observer", name);
  return Number(/packets (\d+)/.exec(text)?.[1]);
}

test.each(BACKENDS)(
  "marks by %s: no packet without a mark during a DEL",
  async (_name, backend) => {
    const list = ourList(world, {
      ...ASKS,
      ...backend,
      delegate: { type: "ptp", ipMasq: false, ipam: world.ipam("10.88.0.0/24") },
    });
    await agents.start(list);
    world.inside(undefined, "sh", "-ec", `${NETWORK}\nnft '${OBSERVER}'`);
    const runtime = createRuntime(world, list, annotated("0x10/0xff"));
    for (let n = 0; n < PODS; n++) {
      const pod = world.newPod("team-a", `web-${n}`);
      expectOk(await runtime.add(pod));
      const before = counted("marked");
      const ping = ["netns", "exec", pod.netns, "ping", "-q", "-n", "-i", EVERY_S, FAR];
      const sender = spawn("ip", ping, { stdio: "ignore" });
      try {
        await until("it sends", () => counted("marked") > before + 10);
        expectOk(await runtime.del(pod));
      } finally {
        sender.kill("SIGKILL");
      }
    }
    expect(counted("unmarked")).toBe(0);
  },
);
