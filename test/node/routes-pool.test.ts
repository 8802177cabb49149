/** Rules for address pools that are a tenant's alone: they lead its packets when the whole firewall is gone. */
import { useFloods } from "../helpers/node-flood";
import { INTERNET, NETS, TENANTS, useRoutesNode } from "../helpers/routes-node";
import { sh } from "../helpers/shell";

const node = useRoutesNode();
const patch = (n: number): object => ({
  delegate: {
    ipam: { ranges: [[{ subnet: `10.88.0.${n}/30` }], [{ subnet: `fd00:88::${n}:0/112` }]] },
  },
});
/** Pods 5 and 9 have addresses of the tenants' pools, pod 2 has none of theirs. */
const [A, B] = [
  { ...TENANTS["tenant-a"], ...patch(5) },
  {
    ...TENANTS["tenant-b"],
    gateways: [...TENANTS["tenant-b"].gateways, { via: "fd00:20::1" }],
    ...patch(9),
  },
];
const FIELDS = {
  capabilities: { "io.kubernetes.cri.pod-annotations": true },
  delegate: { type: "ptp", ipam: { type: "host-local", subnet: "10.88.0.0/30" } },
};
const FLUSH = `nft flush ruleset; for t in iptables ip6tables; do $t-legacy -t mangle -F; done`;
const addresses = (n: number): readonly string[] => [`10.88.0.${n}`, `fd00:88::${n}:0`];

function apply(poolRule: string | undefined, fields: object = {}): void {
  const more = poolRule === undefined ? {} : { poolRule };
  node.configure({ "tenant-a": { ...A, ...more }, "tenant-b": { ...B, ...more } }, undefined, {
    ...FIELDS,
    ...fields,
  });
  expect(node.routes("apply", "--sysctl")).toMatchObject({ status: 0, stderr: "" });
}

describe("with floods counted at every gateway", () => {
  const floods = useFloods(() => ({
    eth0: node.gateway("eth0"),
    eth1: node.gateway("eth1"),
    eth2: node.gateway("eth2"),
  }));

  /** Pods of nobody and of each tenant that send by both families. */
  function send(): void {
    for (const [n, mark, way] of [
      [2, "0", "eth0"],
      [5, "0x10/0xff", "eth1"],
      [9, "0x20/0xff", "eth2"],
    ] as const)
      floods.start(node.pod(n, mark), addresses(n), way);
  }

  test("with them, a flush of the whole ruleset sends no packet to a wrong gateway, in both families", async () => {
    apply("on");
    send();
    await floods.flow();
    for (let n = 0; n < 3; n++) {
      node.run(FLUSH);
      await floods.flow();
    }
    expect(node.run("nft list ruleset").trim()).toBe("");
    expect(await floods.strays()).toBe(0);
  });

  test("without them the same flush sends the tenants' packets by the node's default route", async () => {
    apply("off");
    send();
    await floods.flow();
    expect(await floods.strays()).toBe(0);
    node.run(FLUSH);
    for (let n = 0; (await floods.strays()) === 0 && n < 600; n++)
      await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await floods.strays()).toBeGreaterThan(0);
  });
});

test("what is local stays local without a mark, and a tenant whose gateway is lost is stopped", async () => {
  apply("on");
  const [pod, other] = [node.pod(5, "0"), node.pod(9, "0")];
  await node.serve("eth0", "eth1", "eth2", other);
  expect(node.ask(pod, "10.88.0.9")).toBe(`${other} 10.88.0.5`);
  expect(node.ask(pod, "fd00:88::9:0")).toBe(`${other} fd00:88::5:0`);
  expect(node.ask(pod, `${NETS.eth0[0]}.1`)).toBe("eth0 10.88.0.5");
  expect(node.run(`ip netns exec ${pod} ping -c 1 -W 5 10.0.0.2`)).toContain("1 received");
  expect(node.ask(pod, INTERNET)).toBe("eth1 10.88.0.5");
  node.ip("route", "flush", "table", "100");
  expect(node.ask(pod, INTERNET)).toBe("no answer");
  expect(node.ask(other, INTERNET)).toBe("eth2 10.88.0.9");
});

test("another tenant's mark decides, wherever the packet comes from", async () => {
  apply("on");
  const pod = node.pod(5, "0x20/0xff");
  await node.serve("eth1", "eth2");
  expect(node.ask(pod, INTERNET)).toBe("eth2 10.88.0.5");
});

describe("who calls a pod from beyond the default route gets its answer", () => {
  test.each<[string, string | undefined, object, boolean]>([
    ["by default", undefined, {}, true],
    ["not with the rule, which was asked for", "on", {}, false],
    [
      "not with markReplies, as before; the rule comes by itself",
      undefined,
      { markReplies: true },
      false,
    ],
    ["with markReplies and no rule, where nothing is marked", "off", { markReplies: true }, true],
  ])("%s", async (_, poolRule, fields, answered) => {
    apply(poolRule, fields);
    const pod = node.pod(5, "0");
    await node.serve(pod);
    const client = node.gateway("eth0");
    sh("ip", "-n", client, "route", "replace", "default", "via", "10.0.0.2", "src", INTERNET);
    expect(node.ask(client, "10.88.0.5")).toBe(answered ? `${pod} ${INTERNET}` : "no answer");
    const rules = node.ip("rule").split("\n");
    expect(rules.filter((rule) => rule.includes("fwmark 0/0xff")).length > 0).toBe(!answered);
  });
});

test("plan, show, apply and remove treat them as rules of ours", () => {
  node.configure({ "tenant-a": A, "tenant-b": B }, undefined, FIELDS);
  const before = node.snapshot();
  apply("on");
  expect(node.routes("show").status).toBe(0);
  const rule = "pref 32765 from 10.88.0.4/30 fwmark 0x0/0xff lookup 100 protocol kernel";
  node.ip(..."rule del".split(" "), ...rule.split(" "));
  expect(node.routes("show").status).toBe(1);
  expect(node.routes("plan").stdout).toContain(`ip -4 rule add ${rule}`);
  expect(node.routes("apply").stdout).toContain(`ip -4 rule add ${rule}`);
  expect(node.routes("show").status).toBe(0);
  expect(node.routes("remove").status).toBe(0);
  expect(node.snapshot()).toBe(before);
});
