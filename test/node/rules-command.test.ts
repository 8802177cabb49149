/** `wrapper rules`: marks in force with real packets counted, in every backend, and foreign rules at the end. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { command } from "../helpers/command";
import { ASKS, annotated, createRuntime, ourList, type Runtime } from "../helpers/node-runtime";
import { useNode, type Pod } from "../helpers/node-world";
import { expectOk } from "../helpers/outcome";

const world = useNode();
const conflist = (): string => join(world.dir, "10-tr.conflist");
const BACKENDS = [
  ["nft", { iptables: "nft" }],
  ["legacy", { iptables: "legacy" }],
  ["nftables", { backend: "nftables" }],
] as const;

interface Row {
  readonly tenant: string | null;
  readonly backend: string | null;
  readonly mark: string;
  readonly pods: number;
  readonly packets: number | null;
  readonly bytes: number | null;
}

function runtimeWith(more: object): Runtime {
  const list = ourList(world, {
    ...ASKS,
    ...more,
    tenants: { "tenant-a": { fwmark: "0x10/0xff" }, "tenant-b": { fwmark: "0x20/0xff" } },
    delegate: { type: "ptp", ipMasq: false, ipam: world.ipam("10.88.0.0/24") },
  });
  writeFileSync(conflist(), JSON.stringify(list));
  return createRuntime(world, list);
}

const rules = (...args: string[]) => command(world, "rules", "--conf", conflist(), ...args);

async function addPods(runtime: Runtime): Promise<{ readonly web: Pod; readonly plain: Pod }> {
  const [web, plain] = [world.newPod("team-a", "web-0"), world.newPod("plain", "client-0")];
  expectOk(await runtime.add(web, annotated("tenant-a")));
  expectOk(await runtime.add(plain, annotated(undefined)));
  return { web, plain };
}

/** Five packets out of the pod; nobody need answer. */
function send(pod: Pod): void {
  world.inside(pod, "sh", "-c", "ping -c 5 -i 0.05 -W 1 203.0.113.9 >/dev/null || :");
}

test.each(BACKENDS)("on %s the pods' packets are counted by tenant", async (backend, more) => {
  const { web } = await addPods(runtimeWith(more));
  send(web);
  const { exit, json, stderr } = await rules("-o", "json");
  expect([exit, stderr]).toEqual([0, ""]);
  const [a, b, ...others] = json?.["tenants"] as [Row, Row];
  expect(others).toEqual([]);
  expect(a).toMatchObject({ tenant: "tenant-a", mark: "0x10/0xff", backend, pods: 1, packets: 5 });
  expect(a.bytes).toBe(5 * 84);
  expect(b).toMatchObject({ tenant: "tenant-b", backend: null, pods: 0, packets: 0 });
  expect(json?.["pods"]).toMatchObject([
    {
      pod: "team-a/web-0",
      tenant: "tenant-a",
      mark: "0x10/0xff",
      addresses: ["10.88.0.2"],
      packets: backend === "nftables" ? null : 5,
      recorded: true,
    },
  ]);
  expect(json).toMatchObject({ podsWithoutMark: 1, foreignRules: [], couldNotLook: [] });
});

test("for people: tenants, pods, and at the end foreign rules with the command that removes them", async () => {
  await addPods(runtimeWith({ iptables: "nft" }));
  world.firewall.tables("nft", "iptables", "-A PREROUTING -s 10.88.0.3 -j MARK --set-mark 0x20");
  world.inside(
    undefined,
    "nft",
    "add table inet site; add chain inet site pre { type filter hook prerouting priority 0; }; add rule inet site pre ip saddr 10.88.0.0/24 meta mark set 0x30",
  );
  const { exit, stdout } = await rules();
  expect(exit).toBe(1);
  expect(stdout).toMatch(/^tenant-a +0x10\/0xff +nft +1 +0 +0 B$/m);
  expect(stdout).toMatch(/^team-a\/web-0 +tenant-a +0x10\/0xff +10\.88\.0\.2 +2 +0 +0 B$/m);
  expect(stdout).toContain("1 more without a mark");
  expect(stdout.replaceAll(/\s+/g, " ")).toMatch(
    /marks packets of pod plain\/client-0; it goes with mark 0x20\S*, as tenant tenant-b /,
  );
  // The commands are right: they end it.
  const fixes = new Set([...stdout.matchAll(/^ {2}fix: (.*)$/gm)].map(([, fix = ""]) => fix));
  expect(fixes.size).toBe(2);
  for (const fix of fixes) world.inside(undefined, "sh", "-c", fix);
  expect((await rules()).exit).toBe(0);
});

test("marks without a record are there, and say so; a rule that was changed does too", async () => {
  const { web } = await addPods(runtimeWith({ iptables: "nft" }));
  const [rule = ""] = world.firewall.ours("nft");
  world.firewall.tables("nft", "iptables", rule.replace("-A ", "-D "));
  world.firewall.tables("nft", "iptables", rule.replace("-m comment", "-p tcp -m comment"));
  expect((await rules()).stdout).toMatch(/^team-a\/web-0 +tenant-a +DAMAGED/m);
  await world.attempt(undefined, "sh", "-c", `rm ${world.dataDir}/*.json`);
  expect((await rules()).stdout).toMatch(/^team-a\/web-0 \(no record\)/m);
  expect(web.name).toBe("web-0");
});

test("rules that cannot be listed are status 2, with the reason", async () => {
  runtimeWith({ iptables: "nft" });
  world.inside(
    undefined,
    "nft",
    "add table ip mangle; add chain ip mangle PREROUTING { type filter hook prerouting priority mangle; }; add rule ip mangle PREROUTING meta mark set numgen inc mod 2",
  );
  const { exit, stdout, stderr } = await rules();
  expect([exit, stdout]).toEqual([2, ""]);
  expect(stderr).toContain("wrapper rules: ");
});
