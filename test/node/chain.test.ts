/** portmap after us in the chain, driven as libcni does it. */
import { join } from "node:path";
import type { Conf } from "../helpers/conf";
import { onlyIpv4 } from "../helpers/node-files";
import { ASKS, annotated, createRuntime, ourList, type Runtime } from "../helpers/node-runtime";
import { useNode } from "../helpers/node-world";
import { expectError, expectOk } from "../helpers/outcome";
import { PLACES, type Place, putIn } from "../helpers/firewall";

const world = useNode();
const MAPPINGS = {
  portMappings: [
    { hostPort: 30080, containerPort: 80, protocol: "tcp" },
    { hostPort: 30053, containerPort: 53, protocol: "udp" },
  ],
};
const OFFERS = annotated("0x10/0xff", MAPPINGS);

const PORTMAP = { type: "portmap", capabilities: { portMappings: true } };
const V4 = "10.88.0.0/24";
const V6 = "fd00:10:88::/112";

interface Chain {
  readonly type?: string;
  readonly version?: string;
  readonly place?: Place;
  readonly subnets?: readonly string[];
  readonly after?: readonly Conf[];
}

function runtimeFor({
  type = "ptp",
  version = "1.0.0",
  place = PLACES[0] ?? "nft",
  subnets = [V4],
  after = [PORTMAP],
}: Chain): Runtime {
  const delegate = { type, isGateway: true, ipMasq: false, ipam: world.ipam(...subnets) };
  return createRuntime(
    world,
    ourList(world, { ...ASKS, ...putIn(place), delegate }, version, ...after),
    {
      ...OFFERS,
      env: { PATH: onlyIpv4(world) },
    },
  );
}

/** What portmap has mapped, with the node's plain iptables: `<port> <destination>`. */
function mapped(): readonly string[] {
  const lines = world
    .inside(undefined, "sh", "-c", "iptables-save -t nat; ip6tables-save -t nat")
    .split("\n");
  return lines
    .flatMap(
      (line) => /--dport (\d+) .*--to-destination (\S+)/.exec(line)?.slice(1).join(" ") ?? [],
    )
    .sort();
}

describe.each(PLACES)("on %s", (place) => {
  test.each([
    ["ptp", "0.3.1"],
    ["ptp", "0.4.0"],
    ["ptp", "1.0.0"],
    ["bridge", "1.0.0"],
  ])(
    "with %s at %s ports are mapped, CHECK passes and DEL leaves nothing",
    async (type, version) => {
      const runtime = runtimeFor({ type, version, place });
      const [one, two] = [world.newPod("team-a", "one"), world.newPod("team-a", "two")];
      const added = expectOk(await runtime.add(one));
      expect(added.json).toMatchObject({ cniVersion: version, ips: [{ address: "10.88.0.2/24" }] });
      expect(mapped()).toEqual(["30053 10.88.0.2:53", "30080 10.88.0.2:80"]);
      if (version !== "0.3.1") expectOk(await runtime.check(one));
      expectOk(await runtime.add(two, annotated("0x20/0xff")));
      expectOk(await runtime.del(one));
      expect([mapped(), world.firewall.ours().length, world.leases().length]).toEqual([[], 2, 1]);
      expectOk(await runtime.del(one, { netns: "" }));
      expectOk(await runtime.del(two));
      expect(world.everything()).toEqual([]);
    },
  );

  test("a dual-stack pod has its ports mapped in both families", async () => {
    const runtime = runtimeFor({ place, subnets: [V4, V6] });
    const pod = world.newPod();
    const env = { PATH: "/usr/sbin:/usr/bin" };
    expectOk(await runtime.add(pod, { env }));
    expect(mapped()).toEqual([
      "30053 10.88.0.2:53",
      "30053 [fd00:10:88::2]:53",
      "30080 10.88.0.2:80",
      "30080 [fd00:10:88::2]:80",
    ]);
    expect(world.firewall.ours()).toHaveLength(4);
    expectOk(await runtime.del(pod, { env }));
    expect([mapped(), world.everything()]).toEqual([[], []]);
  });
});

test("when portmap fails its ADD, the runtime's DEL without prevResult leaves nothing", async () => {
  const runtime = runtimeFor({});
  const pod = world.newPod();
  const failed = await runtime.add(pod, { env: { PATH: world.dir } });
  expect(failed).toMatchObject({ exit: 1, stdout: expect.stringContaining("iptables") });
  expect(world.firewall.ours()).toHaveLength(2);
  expectOk(await runtime.del(pod));
  expect(world.everything()).toEqual([]);
});

test("a later plugin's changes to the result do not disturb CHECK and DEL", async () => {
  const runtime = runtimeFor({
    after: [
      { type: "tuning", mac: "02:00:00:00:00:01", dataDir: join(world.dir, "tuning") },
      PORTMAP,
    ],
  });
  const pod = world.newPod();
  expect(JSON.stringify(expectOk(await runtime.add(pod)).json)).toContain("02:00:00:00:00:01");
  expectOk(await runtime.check(pod));
  expectOk(await runtime.del(pod));
  expect(world.everything()).toEqual([]);
});

test("CHECK of the chain fails when our rule is gone, and when the delegate's route is", async () => {
  const runtime = runtimeFor({});
  const pod = world.newPod();
  expectOk(await runtime.add(pod));
  world.inside(pod, "ip", "route", "del", "default");
  expect((await runtime.check(pod)).stdout).toContain('delegate \\"ptp\\"');
  world.inside(pod, "ip", "route", "add", "default", "via", "10.88.0.1");
  expectOk(await runtime.check(pod));
  world.firewall.flush();
  expectError(await runtime.check(pod), "ruleDrift", "team-a/web-0");
});
