/** Where packets really go, in every place for marks. */
import type { Conf } from "../helpers/conf";
import {
  INTERNET,
  INTERNET6,
  NODE,
  POD_NET,
  POD_NET6,
  useGateways,
} from "../helpers/node-gateways";
import { ASKS, annotated, createRuntime, ourList, type Runtime } from "../helpers/node-runtime";
import { useNode, type Pod } from "../helpers/node-world";
import { expectOk } from "../helpers/outcome";
import { PLACES, type Place, putIn } from "../helpers/firewall";

const world = useNode();
const around = useGateways(world);

function runtimeFor(place: Place, change: Conf = {}, after: readonly Conf[] = []): Runtime {
  const delegate = { type: "ptp", ipMasq: false, ipam: world.ipam(POD_NET) };
  return createRuntime(
    world,
    ourList(world, { ...ASKS, ...putIn(place), delegate, ...change }, "1.0.0", ...after),
  );
}

async function attach(
  runtime: Runtime,
  mark: string | undefined,
  more: Conf = {},
): Promise<{ pod: Pod; ip: string }> {
  const pod = world.newPod();
  const { json } = expectOk(await runtime.add(pod, annotated(mark, more)));
  const [{ address }] = json?.["ips"] as [{ address: string }];
  return { pod, ip: address.replace(/\/.*/, "") };
}

/** An IPv6 neighbour may be unknown for some seconds after ptp has set its addresses; a wrong way is told at once. */
async function askSettled(pod: Pod, address: string): Promise<string> {
  let answer = "no answer";
  for (let n = 0; n < 5 && answer === "no answer"; n++) answer = await around.ask(pod, address);
  return answer;
}

describe.each(PLACES)("on %s", (place) => {
  test("each pod leaves by its tenant's gateway, from its first packet; everything local stays local", async () => {
    const runtime = runtimeFor(place);
    const ways = [
      ["0x10/0xff", "gw-a"],
      ["0x20/0xff", "gw-b"],
      [undefined, "default"],
    ] as const;
    const pods: { pod: Pod; ip: string }[] = [];
    for (const [mark, gateway] of ways) {
      const attached = await attach(runtime, mark);
      expect(await around.ask(attached.pod, INTERNET)).toBe(`${gateway} ${attached.ip}`);
      pods.push(attached);
    }
    await around.serve(undefined, "node");
    await Promise.all(pods.map(({ pod }, n) => around.serve(pod, `pod-${n}`)));
    for (const from of pods) {
      expect(await around.ask(from.pod, NODE)).toBe(`node ${from.ip}`);
      for (const [n, to] of pods.entries())
        if (to !== from) expect(await around.ask(from.pod, to.ip)).toBe(`pod-${n} ${from.ip}`);
    }
    for (const { pod } of pods) expectOk(await runtime.del(pod));
    expect(world.leftovers()).toEqual([]);
  });

  test("IPv6 and IPv4 of a dual-stack pod leave by the same gateway", async () => {
    const runtime = runtimeFor(place, {
      delegate: { type: "ptp", ipMasq: false, ipam: world.ipam(POD_NET, POD_NET6) },
    });
    const a = await attach(runtime, "0x10/0xff");
    const none = await attach(runtime, undefined);
    expect(await around.ask(a.pod, INTERNET)).toBe("gw-a 10.88.0.2");
    expect(await askSettled(a.pod, INTERNET6)).toBe("gw-a fd00:10:88::2");
    expect(await askSettled(none.pod, INTERNET6)).toBe("default fd00:10:88::3");
  });

  test("after DEL the address has no tenant any more", async () => {
    const runtime = runtimeFor(place, {
      delegate: {
        type: "ptp",
        ipMasq: false,
        ipam: {
          ...world.ipam(),
          ranges: [[{ subnet: POD_NET, rangeStart: "10.88.0.9", rangeEnd: "10.88.0.9" }]],
          routes: [{ dst: "0.0.0.0/0" }],
        },
      },
    });
    const a = await attach(runtime, "0x10/0xff");
    expect(await around.ask(a.pod, INTERNET)).toBe("gw-a 10.88.0.9");
    expectOk(await runtime.del(a.pod));
    const next = await attach(runtime, undefined);
    expect(await around.ask(next.pod, INTERNET)).toBe("default 10.88.0.9");
  });

  test("the bits beside the mask are as others left them", async () => {
    const runtime = runtimeFor(place);
    const variant = place === "nftables" ? "nft" : place;
    world.firewall.tables(
      variant,
      "iptables",
      `-A PREROUTING -s ${POD_NET} -j MARK --set-xmark 0x4000/0x4000`,
    );
    const { pod } = await attach(runtime, "0x10/0xff");
    for (const mark of ["0x4010/0xffffffff", "0x10/0xffffffff", "0x4000/0xffffffff"]) {
      world.firewall.tables(variant, "iptables", `-A FORWARD -s ${POD_NET} -m mark --mark ${mark}`);
    }
    expect(await around.ask(pod, INTERNET)).toBe("gw-a 10.88.0.2");
    const save = world.inside(undefined, `iptables-${variant}-save`, "-c", "-t", "mangle");
    const counts = [...save.matchAll(/^\[(\d+):\d+\] -A FORWARD .*--mark (\S+)/gm)].map(
      ([, packets, mark]) => [mark, Number(packets) > 0],
    );
    expect(counts).toEqual([
      ["0x4010", true],
      ["0x10", false],
      ["0x4000", false],
    ]);
  });
});

describe.each(PLACES)("who called the pod gets its answer, on %s", (place) => {
  const PORTMAP = { type: "portmap", capabilities: { portMappings: true }, snat: true };
  const MAPPING = { portMappings: [{ hostPort: 30080, containerPort: 80, protocol: "tcp" }] };

  test.each([
    [false, "by the way that the call came", "web 192.0.2.50"],
    [true, "by the tenant's gateway, which does not know the client", "no answer"],
  ])("with markReplies %s the answer goes %s", async (markReplies, _, answer) => {
    const runtime = runtimeFor(place, { markReplies }, [PORTMAP]);
    const { pod, ip } = await attach(runtime, "0x10/0xff", MAPPING);
    await around.serve(pod, "web");
    const patience = answer === "no answer" ? 2 : undefined;
    expect(await around.askAsClient(ip, 80, patience)).toBe(answer);
    expect(await around.askAsClient(NODE, 30080, patience)).toBe(answer);
    expect(await around.ask(pod, INTERNET)).toBe(`gw-a ${ip}`);
    expectOk(await runtime.check(pod));
    expectOk(await runtime.del(pod));
    expect(world.leftovers()).toEqual([]);
  });
});
