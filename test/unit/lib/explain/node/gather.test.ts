/** What is found out about a pod's way. */
import { readGround, readPath } from "../../../../../lib/explain/node/gather";
import type { PathFacts } from "../../../../../lib/explain/model";
import { confOf, route, rule } from "../../routes/node-rig";
import { CONF, MARK, node, POD } from "../facts";
import { ATTACHMENT, INSTALLED, MARK_RULE, POD_FACTS, type Rig, rigOf, TO } from "./rig";

interface Asked {
  readonly from?: string | undefined;
  readonly to?: Parameters<typeof readPath>[2]["to"];
}

async function pathOf({ node: explain }: Rig, asked: Asked = {}): Promise<PathFacts> {
  const ground = await readGround(explain, POD_FACTS, ATTACHMENT);
  return readPath(explain, ground, { from: POD, to: TO, ...asked });
}

describe("what is the same for all destinations", () => {
  test("pod, firewalls and routes", async () => {
    const { node: explain } = rigOf();
    const ground = await readGround(explain, POD_FACTS, ATTACHMENT);
    expect(ground.pod).toEqual({ ...POD_FACTS, mtu: 1450 });
    expect(ground.attachment).toBe(ATTACHMENT);
    expect(ground.firewall).toEqual({
      saved: [
        { program: "iptables-nft", text: expect.stringContaining(MARK_RULE) },
        { program: "iptables-legacy", problem: "not readable" },
      ],
      nft: { nftables: [{ metainfo: { version: "1.0.6" } }] },
      nftProblem: undefined,
    });
    expect(ground.routes.plan.gateways.map(({ via }) => via)).toEqual(["192.0.2.1", "192.0.2.2"]);
    expect(ground.routes).toMatchObject({ findings: [], collisions: [], hasNat: false });
  });

  test("our translations are seen, and rules of others that disturb", async () => {
    const { node: explain, routes } = rigOf();
    routes.nat = "listed";
    const foreign = rule(50, { fwmark: { value: 0x10, mask: 0xff }, table: 77 });
    routes.change({ rules: [...node().rules, foreign] });
    const ground = await readGround(explain, POD_FACTS, ATTACHMENT);
    expect(ground.routes.hasNat).toBe(true);
    expect(ground.routes.collisions).not.toEqual([]);
  });

  test.each(["netns", "ifname"])(
    "a pod without %s has no MTU, and none is asked",
    async (field) => {
      const { node: explain, programs } = rigOf();
      const ground = await readGround(explain, { ...POD_FACTS, [field]: undefined }, undefined);
      expect(ground.pod.mtu).toBeUndefined();
      expect(programs.calls.filter((line) => line.startsWith("nsenter"))).toEqual([]);
    },
  );

  test.each([
    ["is missing", { missing: ["nft"] }, "nft is not installed"],
    ["prints nothing", { answers: { "nft -j list ruleset": "\n" } }, undefined],
    [
      "is refused",
      { answers: { "nft -j list ruleset": { ok: false, stdout: "{", said: "not permitted" } } },
      "not permitted",
    ],
  ])("no ruleset where nft %s", async (_, options, problem) => {
    const { node: explain } = rigOf(options);
    const { firewall } = await readGround(explain, POD_FACTS, undefined);
    expect([firewall.nft, firewall.nftProblem]).toEqual([undefined, problem]);
  });
});

describe("the way of a pod's packet", () => {
  test("by the mark into the tenant's table, and back", async () => {
    const rig = rigOf();
    const path = await pathOf(rig);
    expect(path).toMatchObject({
      option: " --conf /c",
      packet: { family: 4, from: POD, to: TO.address, port: 443, iif: "veth1" },
      marked: { value: 0x10, spoiltBy: undefined },
      way: { dev: "eth1", via: "192.0.2.1", table: 100, local: false },
      back: { dev: "veth1", via: undefined, local: false },
      gateway: { neighbour: "STALE", carrier: true, answer: "answered", why: undefined },
    });
    expect(path.conf).toBe(CONF);
    expect(rig.programs.calls).toContain(
      `ip -j -N -4 route get ${POD} from ${TO.address} iif eth1`,
    );
  });

  test("the gateway is asked as the watcher asks it: with the tenant's mark and its time", async () => {
    const rig = rigOf();
    await pathOf(rig);
    expect(rig.asked).toMatchObject([
      {
        gateway: { tenant: "a", via: "192.0.2.1", dev: "eth1" },
        mark: MARK,
        timeoutMs: confOf().routes.watch.timeoutMs,
        links: [{ name: "eth0" }, { name: "eth1" }],
      },
    ]);
  });

  test("without a rule that marks it goes by main, to a gateway of no tenant", async () => {
    const rig = rigOf({ rules: [] });
    const path = await pathOf(rig);
    expect(path.marked.value).toBe(0);
    expect(path.way).toMatchObject({ dev: "eth0", via: "198.51.100.1", table: undefined });
    expect(path.gateway).toMatchObject({ neighbour: undefined, carrier: false });
    expect(path.back).toEqual({ refused: "Network is unreachable" });
    expect(rig.asked).toMatchObject([
      {
        gateway: { tenant: "", family: 4, via: "198.51.100.1", dev: "eth0", check: undefined },
        mark: { value: 0, mask: 0xffffffff },
      },
    ]);
  });

  test("a gateway that is silent says why", async () => {
    const verdict = { kind: "silent", why: "no answer from 192.0.2.99" } as const;
    const { gateway } = await pathOf(rigOf({ verdict }));
    expect(gateway).toMatchObject({ answer: "silent", why: "no answer from 192.0.2.99" });
  });

  test("a device without a gateway has no neighbour to look for", async () => {
    const line = `ip -j -N -4 route get ${TO.address} from ${POD} iif veth1 mark 16`;
    const rig = rigOf({ answers: { [line]: '[{"dst":"203.0.113.9","dev":"eth1"}]' } });
    expect((await pathOf(rig)).gateway).toMatchObject({ neighbour: undefined, carrier: true });
    expect(rig.programs.calls.filter((each) => each.includes("neigh"))).toEqual([]);
  });

  test("nothing is asked behind a device that is gone", async () => {
    const rig = rigOf({ devices: ["eth0"] });
    expect((await pathOf(rig)).gateway).toBeUndefined();
    expect(rig.asked).toEqual([]);
  });

  test("the pod's cable is where main leads, whatever rules come before", async () => {
    const rig = rigOf();
    const { rules, routes } = node();
    const nexthops = [{ dev: "eth0", weight: 1 }];
    rig.routes.change({
      rules: [rule(1, { table: 77 }), ...rules],
      routes: [route("default", { table: 77, nexthops }), ...routes],
    });
    expect((await pathOf(rig)).packet.iif).toBe("veth1");
  });

  test("a pod that no route leads to has no way at all", async () => {
    const rig = rigOf();
    rig.routes.change({ routes: [] });
    const path = await pathOf(rig);
    expect(path.packet.iif).toBeUndefined();
    expect(path.way).toEqual({
      refused: `no route of this node leads to the pod's address ${POD}`,
    });
    expect([path.gateway, path.back]).toEqual([undefined, undefined]);
    expect(rig.programs.calls.filter((each) => each.includes("route get"))).toEqual([]);
  });

  test("a pod on the host's network: the node sends, no mark, no way back", async () => {
    const rig = rigOf();
    const path = await pathOf(rig, { from: undefined });
    expect(path.packet).toMatchObject({ from: undefined, iif: undefined });
    expect(path.marks).toBeUndefined();
    expect(path.way).toMatchObject({ dev: "eth0" });
    expect(path.back).toBeUndefined();
    expect(path.gateway).toMatchObject({ answer: "answered" });
  });

  test("what the node has itself has neither gateway nor way back", async () => {
    const address = "192.0.2.9";
    const rig = rigOf({
      answers: { [`ip -j -N -4 route get ${address}`]: '[{"type":"2","dev":"lo","table":"255"}]' },
    });
    const path = await pathOf(rig, { to: { ...TO, address } });
    expect(path.way).toMatchObject({ dev: "lo", local: true });
    expect([path.gateway, path.back]).toEqual([undefined, undefined]);
  });

  test("a pod without a record is asked for no marks", async () => {
    const { node: explain } = rigOf({ installed: [INSTALLED] });
    const ground = await readGround(explain, POD_FACTS, undefined);
    expect((await readPath(explain, ground, { from: POD, to: TO })).marks).toBeUndefined();
  });
});
