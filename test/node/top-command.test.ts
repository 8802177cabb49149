/** `wrapper top` on a node whose pods send: rates, gateways as the kernel sees them, leaks. */
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { command } from "../helpers/command";
import { BINARY } from "../helpers/harness";
import { useAgents } from "../helpers/node-agent";
import { ASKS, annotated, createRuntime, ourList } from "../helpers/node-runtime";
import { useNode, type Pod } from "../helpers/node-world";
import { expectOk } from "../helpers/outcome";
import { until } from "../helpers/shell";

const world = useNode();
const agents = useAgents(world);
const conflist = (): string => join(world.dir, "10-tr.conflist");

interface Tenant {
  readonly tenant: string;
  readonly pods: number;
  readonly packets: number;
  readonly packetsPerSecond: number;
  readonly leaked: number | null;
  readonly gateways: readonly { readonly gateway: string; readonly state: string }[];
}

/** A pod of tenant-a, whose gateway answers; tenant-b's does not. */
async function start(more: object = {}): Promise<Pod> {
  const gateways = (host: number) => [{ via: `10.99.0.${host}`, dev: "eth8" }];
  const list = ourList(world, {
    ...ASKS,
    iptables: "nft",
    tenants: {
      "tenant-a": { fwmark: "0x10/0xff", table: 100, gateways: gateways(2) },
      "tenant-b": { fwmark: "0x20/0xff", table: 101, gateways: gateways(3) },
    },
    routes: {
      namesDir: join(world.dir, "names"),
      watch: { statusFile: join(world.dir, "status") },
    },
    delegate: { type: "ptp", ipMasq: false, ipam: world.ipam("10.88.0.0/24") },
    ...more,
  });
  writeFileSync(conflist(), JSON.stringify(list));
  world.inside(
    undefined,
    "sh",
    "-ec",
    `ip link add eth8 type veth peer name eth9; ip addr add 10.99.0.1/24 dev eth8
     ip link set eth8 up; ip link set eth9 up
     ip neigh add 10.99.0.2 lladdr 02:00:00:00:00:02 dev eth8 nud reachable`,
  );
  const pod = world.newPod("team-a", "web-0");
  expectOk(await createRuntime(world, list).add(pod, annotated("tenant-a")));
  return pod;
}

async function sending<T>(pod: Pod, body: () => Promise<T>): Promise<T> {
  const args = ["netns", "exec", pod.netns, "ping", "-i", "0.05", "-W", "1", "203.0.113.9"];
  const child = spawn("ip", args, { stdio: "ignore" });
  try {
    return await body();
  } finally {
    child.kill("SIGKILL");
  }
}

test.each([
  ["iptables", {}],
  ["nftables", { backend: "nftables" }],
])("rates, pods and gateways on %s", async (_, more) => {
  const pod = await start(more);
  const { exit, json, stderr } = await sending(pod, () =>
    command(world, "top", "--conf", conflist(), "-o", "json"),
  );
  expect([exit, stderr]).toEqual([0, ""]);
  const [a, b] = json?.["tenants"] as [Tenant, Tenant];
  expect(a).toMatchObject({ tenant: "tenant-a", pods: 1, leaked: null });
  expect(a.packetsPerSecond).toBeGreaterThan(0);
  expect(a.packets).toBeGreaterThanOrEqual(1);
  expect(a.gateways).toEqual([{ tenant: "tenant-a", gateway: "10.99.0.2", state: "REACHABLE" }]);
  expect(b).toMatchObject({ tenant: "tenant-b", pods: 0, packetsPerSecond: 0 });
  expect(b.gateways).toEqual([{ tenant: "tenant-b", gateway: "10.99.0.3", state: "none" }]);
});

test("one table for people where there is no terminal", async () => {
  await start();
  const { exit, stdout } = await command(world, "top", "--conf", conflist());
  expect(exit).toBe(0);
  expect(stdout.split("\n").filter((line) => line !== "")).toEqual([
    expect.stringMatching(/^TENANT +MARK +PODS +PACKETS\/s +BYTES\/s +PACKETS +LEAKED +GATEWAYS$/),
    expect.stringMatching(/^tenant-a +0x10\/0xff +1 +0 +0 B +0 +- +10\.99\.0\.2 REACHABLE$/),
    expect.stringMatching(/^tenant-b +0x20\/0xff +0 +0 +0 B +0 +- +10\.99\.0\.3 none$/),
  ]);
});

test("packets that the guard has dropped are leaks of their tenant", async () => {
  const pod = await start();
  // No interval: the agent must not put the mark back before the packets are dropped.
  await agents.start(
    ourList(world, {
      ...ASKS,
      iptables: "nft",
      tenants: { "tenant-a": { fwmark: "0x10/0xff" } },
      delegate: { type: "ptp", ipMasq: false, ipam: world.ipam("10.88.0.0/24") },
      agent: { reconcileInterval: "10m" },
    }),
  );
  const guarded = (): string =>
    world.inside(undefined, "sh", "-c", "nft list table inet tenant-routing-guard 2>&1 || :");
  await until("the guard has the pod", () => guarded().includes("10.88.0.2"));
  const leaked = async (): Promise<number | null> => {
    const { json } = await command(world, "top", "--conf", conflist(), "-o", "json");
    return (json?.["tenants"] as [Tenant])[0].leaked;
  };
  expect(await leaked()).toBe(0);
  world.inside(undefined, "sysctl", "-qw", "net.ipv4.ip_forward=1");
  world.inside(undefined, "ip", "route", "add", "203.0.113.0/24", "via", "10.99.0.2");
  // As if the pod had a mark of another tenant: what is forwarded does not carry its own.
  world.inside(
    undefined,
    "nft",
    "add table ip late; add chain ip late pre { type filter hook prerouting priority 0; }; add rule ip late pre ip saddr 10.88.0.2 meta mark set 0x20",
  );
  world.inside(pod, "sh", "-c", "ping -c 3 -i 0.05 -W 1 203.0.113.9 >/dev/null || :");
  expect(await leaked()).toBe(3);
});

test("on a terminal it goes on until it is told to stop", async () => {
  await start();
  const args = ["netns", "exec", world.netns, "script", "-qec"];
  const child = spawn("ip", [...args, `exec ${BINARY} top --conf ${conflist()}`, "/dev/null"], {
    env: { PATH: process.env["PATH"], TERM: "xterm" },
  });
  let said = "";
  child.stdout.on("data", (piece: Buffer) => (said += piece.toString()));
  const ended = new Promise((resolve) => child.on("exit", resolve));
  try {
    await until(`three tables`, () => said.split("every second").length > 3);
    // Ctrl-C.
    child.stdin.write("\u0003");
    expect(await ended).toBe(0);
  } finally {
    child.kill("SIGKILL");
  }
});
