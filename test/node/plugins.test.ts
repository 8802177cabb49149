/** Real ptp and bridge, every version they speak, every place for marks, both families. */
import { ASKS, annotated, createRuntime, ourList, type Conflist } from "../helpers/node-runtime";
import { useNode, type Pod } from "../helpers/node-world";
import { expectOk } from "../helpers/outcome";
import { PLACES, type Place, putIn } from "../helpers/firewall";

const world = useNode();
const DELEGATES = ["ptp", "bridge"] as const;
type Delegate = (typeof DELEGATES)[number];
const [FIRST = "nft"] = PLACES;
const V4 = "10.88.0.0/24";
const V6 = "fd00:10:88::/112";

function listFor(
  type: Delegate,
  cniVersion: string,
  place: Place,
  subnets: readonly string[] = [V4],
): Conflist {
  const more = type === "bridge" ? { bridge: "cni0", isGateway: true } : {};
  return ourList(
    world,
    {
      ...ASKS,
      ...putIn(place),
      delegate: { type, ...more, ipMasq: false, ipam: world.ipam(...subnets) },
    },
    cniVersion,
  );
}

/** The rules of an address as iptables-save prints them. */
function rulesOf(pod: Pod, address: string): RegExp[] {
  const source = `-A PREROUTING -s ${address.replaceAll(".", "\\.")}/${address.includes(":") ? 128 : 32}`;
  const comment = `-m comment --comment "tenant-routing ${pod.namespace}/${pod.name} [0-9a-f]{8}-[0-9a-f]{24}"`;
  return [
    new RegExp(`^${source} ${comment} -j MARK --set-xmark 0x10/0xff$`),
    new RegExp(`^${source} -m conntrack --ctdir REPLY ${comment} -j MARK --set-xmark 0x0/0xff$`),
  ];
}

function expectRules(pod: Pod, place: Place, addresses: readonly string[]): void {
  const expected = addresses.flatMap((address) => rulesOf(pod, address));
  const found = world.firewall.ours(place);
  expect(found).toHaveLength(expected.length);
  expected.forEach((pattern, n) => expect(found[n]).toMatch(pattern));
  expect(world.firewall.ours()).toHaveLength(expected.length);
}

function addressesOf(pod: Pod): readonly string[] {
  return world
    .inside(pod, "ip", "-o", "addr", "show", "dev", "eth0", "scope", "global")
    .split("\n")
    .flatMap((line) => /inet6? ([^/]+)\//.exec(line)?.[1] ?? []);
}

describe.each(PLACES)("on %s", (place) => {
  describe.each(DELEGATES)("%s", (type) => {
    test.each(["0.3.1", "0.4.0", "1.0.0"])(
      "at %s ADD, CHECK and DEL work, and DEL again when everything is gone",
      async (version) => {
        const runtime = createRuntime(world, listFor(type, version, place), annotated("0x10/0xff"));
        const pod = world.newPod();
        const added = expectOk(await runtime.add(pod));
        expect(added.json).toMatchObject({
          cniVersion: version,
          ips: [{ address: "10.88.0.2/24" }],
        });
        expect(addressesOf(pod)).toEqual(["10.88.0.2"]);
        expectRules(pod, place, ["10.88.0.2"]);
        expect([world.leases(), world.veths().length]).toEqual([[`10.88.0.2 ${pod.id}`], 1]);
        if (version !== "0.3.1") expect(expectOk(await runtime.check(pod)).stdout).toBe("");
        expect(expectOk(await runtime.del(pod)).stdout).toBe("");
        expect(world.everything()).toEqual([]);
        await world.vanish(pod);
        for (let n = 0; n < 2; n++)
          expectOk(await runtime.del(pod, { netns: "", forgetful: true }));
        expect(world.everything()).toEqual([]);
      },
    );

    test("DEL works when the netns is gone, and with it prevResult", async () => {
      const runtime = createRuntime(world, listFor(type, "1.0.0", place), annotated("0x10/0xff"));
      const pod = world.newPod();
      expectOk(await runtime.add(pod));
      await world.vanish(pod);
      expect(world.leases()).toHaveLength(1);
      for (let n = 0; n < 4; n++) {
        expectOk(await runtime.del(pod, { netns: n < 3 ? "" : pod.path, forgetful: true }));
        expect(world.everything()).toEqual([]);
      }
    });

    test.each([
      ["IPv6 only", [V6], ["fd00:10:88::2"]],
      ["dual stack", [V4, V6], ["10.88.0.2", "fd00:10:88::2"]],
    ])("%s", async (_, subnets, addresses) => {
      const runtime = createRuntime(
        world,
        listFor(type, "1.0.0", place, subnets),
        annotated("0x10/0xff"),
      );
      const pod = world.newPod();
      expectOk(await runtime.add(pod));
      expect(addressesOf(pod)).toEqual(addresses);
      expectRules(pod, place, addresses);
      expectOk(await runtime.check(pod));
      expectOk(await runtime.del(pod));
      expect(world.everything()).toEqual([]);
    });
  });
});

describe.each(DELEGATES)("%s", (type) => {
  test.each(["0.1.0", "0.2.0"])(
    "at %s the result has ip4, the rules exist, and DEL removes them",
    async (version) => {
      const runtime = createRuntime(world, listFor(type, version, FIRST), annotated("0x10/0xff"));
      const pod = world.newPod();
      const added = expectOk(await runtime.add(pod));
      expect(added.json).toMatchObject({ cniVersion: version, ip4: { ip: "10.88.0.2/24" } });
      expectRules(pod, FIRST, ["10.88.0.2"]);
      expectOk(await runtime.del(pod));
      expect(world.everything()).toEqual([]);
    },
  );

  test("a pod without a tenant has no rule, and the delegate's own bytes are the result", async () => {
    const list = listFor(type, "1.0.0", FIRST);
    const pod = world.newPod();
    const runtime = createRuntime(world, list, annotated(undefined));
    const added = expectOk(await runtime.add(pod));
    expect(world.firewall.ours()).toEqual([]);
    expectOk(await runtime.check(pod));
    expectOk(await runtime.del(pod));
    const delegate = list.plugins[0]?.["delegate"] as Record<string, unknown>;
    const bare = await createRuntime(world, { ...list, plugins: [delegate] }).add(pod);
    const shape = (text: string): string =>
      text.replace(/(veth)[0-9a-f]+|([0-9a-f]{2}:){5}[0-9a-f]{2}|10\.88\.0\.\d+/g, "$1");
    expect(shape(added.stdout)).toBe(shape(expectOk(bare).stdout));
    expect(world.everything()).not.toEqual([]);
  });
});
