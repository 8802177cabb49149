/** A reboot takes the journal and the rules, and leaves the leases of every tenant's address pool on disk. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { ASKS, annotated, createRuntime, ourList } from "../helpers/node-runtime";
import { useNode } from "../helpers/node-world";
import { expectOk } from "../helpers/outcome";

const world = useNode();

test("DEL of pods from before the reboot gives back the addresses of all pools", async () => {
  const pool = (name: string, subnet: string) => ({
    ...world.ipam(subnet),
    dataDir: join(world.dir, "ipam", name),
  });
  const list = ourList(world, {
    ...ASKS,
    tenants: {
      plain: { fwmark: "0x10" },
      vpn: { fwmark: "0x20", delegate: { ipam: pool("vpn", "10.89.0.0/24") } },
      lan: {
        fwmark: "0x30",
        delegate: {
          type: "bridge",
          bridge: "cni0",
          isGateway: true,
          ipam: pool("lan", "10.90.0.0/24"),
        },
      },
    },
    delegate: { type: "ptp", ipMasq: false, ipam: pool("base", "10.88.0.0/24") },
  });
  const pods = ["plain", "vpn", "lan"].map((tenant) => ({
    pod: world.newPod(),
    runtime: createRuntime(world, list, annotated(tenant)),
  }));
  for (const { pod, runtime } of pods) expectOk(await runtime.add(pod));
  expect(world.leases()).toEqual(
    ["10.88.0.2", "10.89.0.2", "10.90.0.2"].map((ip, n) => `${ip} ${pods[n]?.pod.id}`),
  );

  for (const { pod } of pods) await world.vanish(pod);
  world.firewall.flush();
  rmSync(world.dataDir, { recursive: true });
  for (const { pod, runtime } of pods)
    expectOk(await runtime.del(pod, { netns: "", forgetful: true }));
  expect(world.everything()).toEqual([]);
});
