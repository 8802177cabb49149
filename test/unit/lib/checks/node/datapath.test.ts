/** What goes around the marks, from facts, and facts from what the programs print. */
import {
  bridgeFindings,
  bypassFindings,
  podDevices,
  type Datapath,
} from "../../../../../lib/checks/node/datapath";
import { datapathChecks } from "../../../../../lib/checks/node/datapath-checks";
import {
  filtersIn,
  flowtablesIn,
  readDatapath,
} from "../../../../../lib/checks/node/read-datapath";
import type { Programs } from "../../../../../lib/node/programs";
import { confWith, tenantWith } from "../../../../helpers/conf-object";

const WEB = { pod: "team-a/web-0", addresses: ["10.88.0.2", "fd00::2"] };
const API = { pod: "team-b/api-0", addresses: ["10.99.0.3"] };
const NOTHING: Datapath = {
  links: [
    { name: "veth1", kind: "veth", master: undefined },
    { name: "cni0", kind: "bridge", master: undefined },
    { name: "veth2", kind: "veth", master: "cni0" },
    { name: "eth0", kind: "", master: undefined },
  ],
  routes: [
    { to: "default", dev: "eth0" },
    { to: "10.88.0.0/16", dev: "eth0" },
    { to: "10.88.0.2", dev: "veth1" },
    { to: "10.99.0.0/24", dev: "cni0" },
    { to: "fd00::2", dev: "veth1" },
  ],
  ...{ filters: [], flowtables: [], hostRouting: undefined },
};
const filter = { dev: "veth1", pref: 7, kind: "bpf", name: undefined, to: undefined };
const found = (change: Partial<Datapath>, pods = [WEB, API]) =>
  bypassFindings(pods, { ...NOTHING, ...change });

test("the node's side of a pod: by the narrowest route, and with a bridge all its ports", () => {
  expect([...podDevices([WEB, API], NOTHING)]).toEqual([
    ["veth1", ["team-a/web-0"]],
    ["cni0", ["team-b/api-0"]],
    ["veth2", ["team-b/api-0"]],
  ]);
  const strange = [{ pod: "a/b", addresses: ["no address", "192.0.2.1"] }];
  expect([...podDevices(strange, NOTHING)]).toEqual([]);
});

test("nothing is wrong with a node as it should be, nor with one without pods", () => {
  expect(found({})).toEqual([]);
  expect(found({ hostRouting: "/f", filters: [filter] }, [])).toEqual([]);
});

test.each<[string, Partial<Datapath>, code: string, says: readonly [RegExp, RegExp]]>([
  [
    "Cilium says so",
    { hostRouting: "/run/cilium/x.h" },
    "TR0707",
    [
      /is on \(\/run\/cilium\/x\.h\)$/,
      /^kubectl -n kube-system patch configmap cilium-config .*rollout restart daemonset\/cilium$/,
    ],
  ],
  [
    "a netkit interface",
    { links: [{ name: "veth1", kind: "netkit", master: undefined }] },
    "TR0707",
    [/\(veth1 is a netkit interface\)$/, /^kubectl /],
  ],
  [
    "a redirection",
    { filters: [{ ...filter, kind: "u32", to: "eth0" }] },
    "TR0708",
    [
      /^filter 7 of tc at the ingress of veth1 \(pod team-a\/web-0\) sends packets to eth0$/,
      /^tc filter del dev veth1 ingress pref 7$/,
    ],
  ],
  [
    "a program on the bridge's port",
    { filters: [{ ...filter, dev: "veth2", name: "spy.o:[cls]" }] },
    "TR0709",
    [
      /^the BPF program spy\.o:\[cls\], filter 7 .* \(pod team-b\/api-0\), sees packets first$/,
      /^tc filter del dev veth2 ingress pref 7$/,
    ],
  ],
  [
    "a program without a name",
    { filters: [filter] },
    "TR0709",
    [/^a BPF program, filter 7/, /^tc /],
  ],
  [
    "a flowtable",
    {
      flowtables: [
        {
          ...{ table: "inet t", name: "ft", devices: ["eth0", "veth1"] },
          rule: { chain: "fwd", handle: 4 },
        },
      ],
    },
    "TR0710",
    [
      /^flowtable ft of nft table inet t carries packets of veth1$/,
      /^nft delete rule inet t fwd handle 4$/,
    ],
  ],
  [
    "a flowtable without a rule",
    { flowtables: [{ table: "ip t", name: "ft", devices: ["cni0"], rule: undefined }] },
    "TR0710",
    [/packets of cni0$/, /^nft delete flowtable ip t ft$/],
  ],
])("%s is named with what ends it", (_, change, code, [fault, remedy]) => {
  expect(found(change)).toMatchObject([
    {
      code,
      fault: expect.stringMatching(fault) as string,
      remedy: expect.stringMatching(remedy) as string,
    },
  ]);
});

test.each<[string, Partial<Datapath>]>([
  ["Cilium's own program", { filters: [{ ...filter, name: "cil_from_container" }] }],
  ["Cilium's own program in old releases", { filters: [{ ...filter, name: "bpf_lxc.o:[x]" }] }],
  ["a filter that neither redirects nor runs a program", { filters: [{ ...filter, kind: "u32" }] }],
  ["a program at another interface", { filters: [{ ...filter, dev: "eth0" }] }],
  [
    "a flowtable of other interfaces",
    { flowtables: [{ table: "ip t", name: "ft", devices: ["eth0"], rule: undefined }] },
  ],
])("%s is nothing", (_, change) => {
  expect(found(change)).toEqual([]);
});

test.each([
  [["bridge"], "0", [/net\.bridge\.bridge-nf-call-iptables is 0$/, /^sysctl -w net\./]],
  [["ptp", "bridge"], undefined, [/br_netfilter is not loaded$/, /^modprobe br_netfilter && /]],
] as const)("a delegate %j with the setting %j", (types, value, [fault, remedy]) => {
  const sysctl = jest.fn(() => value);
  expect(bridgeFindings(types, sysctl)).toMatchObject([
    {
      ...{ code: "TR0711", severity: "warning" },
      fault: expect.stringMatching(fault) as string,
      remedy: expect.stringMatching(remedy) as string,
    },
  ]);
  expect(sysctl.mock.calls).toEqual([["net/bridge/bridge-nf-call-iptables"]]);
});

test("a bridge that is filtered, and other delegates, are nothing", () => {
  expect(bridgeFindings(["bridge"], () => "1")).toEqual([]);
  expect(bridgeFindings(["ptp"], () => undefined)).toEqual([]);
});

const PRINTED = [
  { protocol: "ip", pref: 9, kind: "u32", chain: 0 },
  { protocol: "ip", pref: 9, kind: "u32", chain: 0, options: { fh: "800:", ht_divisor: 1 } },
  {
    ...{ protocol: "ip", pref: 9, kind: "u32", chain: 0 },
    options: { actions: [{ kind: "mirred", mirred_action: "redirect", to_dev: "v1" }] },
  },
  { pref: 1, kind: "bpf", options: { handle: "0x1", bpf_name: "cil_from_container" } },
  { pref: 2, kind: "u32", options: { actions: [{ kind: "mirred", mirred_action: "mirror" }] } },
];

test("filters as tc prints them", () => {
  expect(filtersIn("v0", PRINTED).map(({ pref, name, to }) => [pref, name, to])).toEqual([
    ...[
      [9, undefined, undefined],
      [9, undefined, "v1"],
    ],
    ...[
      [1, "cil_from_container", undefined],
      [2, undefined, undefined],
    ],
  ]);
});

const RULESET = JSON.stringify({
  nftables: [
    { metainfo: { version: "1.0.6" } },
    { flowtable: { family: "inet", table: "t", name: "ft", handle: 2, dev: ["v0", "v1"] } },
    { flowtable: { family: "ip", table: "t", name: "one", handle: 3, dev: "veth1" } },
    { rule: { family: "inet", table: "t", chain: "f", handle: 3, expr: [{ counter: {} }] } },
    {
      rule: {
        ...{ family: "inet", table: "t", chain: "f", handle: 5 },
        expr: [{ flow: { op: "add", flowtable: "@ft" } }],
      },
    },
  ],
});

test("flowtables as nft prints them, with the rule that adds to each", () => {
  expect(flowtablesIn(RULESET)).toEqual([
    { table: "inet t", name: "ft", devices: ["v0", "v1"], rule: { chain: "f", handle: 5 } },
    { table: "ip t", name: "one", devices: ["veth1"], rule: undefined },
  ]);
  expect(flowtablesIn("{}")).toEqual([]);
});

/** Programs that print these texts, by their words. */
function programs(texts: Readonly<Record<string, string>>, has = true): Programs {
  const run = async (name: string, args: readonly string[]): Promise<string> =>
    texts[[name, ...args].join(" ")] ?? "[]";
  return {
    has: () => has,
    run,
    try: async (name, args) => {
      const stdout = await run(name, args);
      return stdout.startsWith("!")
        ? { ok: false, stdout: "", said: stdout.slice(1) }
        : { ok: true, stdout, said: "" };
    },
  };
}
const TEXTS = {
  "ip -j -d link show": JSON.stringify([
    { ifname: "lo" },
    { ifname: "veth1", master: "cni0", linkinfo: { info_kind: "veth" } },
  ]),
  "ip -j -4 route show": '[{"dst":"10.88.0.2","dev":"veth1"},{"dst":"default","nexthops":[]}]',
  "tc -j qdisc show": '[{"kind":"noqueue","dev":"lo"},{"kind":"clsact","dev":"veth1"}]',
  "tc -j filter show dev veth1 ingress": JSON.stringify(PRINTED),
  "nft -j list flowtables": '{"nftables":[{"flowtable":{"name":"ft"}}]}',
  "nft -j -a list ruleset": RULESET,
};

const PODS = [{ pod: "team-a/web-0", addresses: ["10.88.0.2"] }];

describe("the look", () => {
  test("filters at an interface of no pod are not asked for", async () => {
    const qdiscs = '[{"kind":"clsact","dev":"veth1"},{"kind":"clsact","dev":"eth0"}]';
    const wrong = { "tc -j filter show dev eth0 ingress": "!not this one" };
    const { filters } = await readDatapath(
      programs({ ...TEXTS, ...wrong, "tc -j qdisc show": qdiscs }),
      PODS,
    );
    expect(filters).toHaveLength(4);
  });

  test("asks for filters where there can be some, and for the ruleset where there are flowtables", async () => {
    const { links, routes, filters, flowtables } = await readDatapath(programs(TEXTS), PODS);
    expect(links).toEqual([
      { name: "lo", kind: "", master: undefined },
      { name: "veth1", kind: "veth", master: "cni0" },
    ]);
    expect(routes).toEqual([{ to: "10.88.0.2", dev: "veth1" }]);
    expect(filters).toHaveLength(4);
    expect(flowtables).toHaveLength(2);
    const few = { ...TEXTS, "nft -j list flowtables": '{"nftables":[]}' };
    expect((await readDatapath(programs(few), PODS)).flowtables).toEqual([]);
    expect((await readDatapath(programs(TEXTS, false), PODS)).flowtables).toEqual([]);
  });

  test("a pod that ends meanwhile is nothing; what else goes wrong is told", async () => {
    const gone = { "tc -j filter show dev veth1 ingress": '!Cannot find device "veth1"' };
    expect((await readDatapath(programs({ ...TEXTS, ...gone }), PODS)).filters).toEqual([]);
    const wrong = { "tc -j filter show dev veth1 ingress": "!it hurts" };
    await expect(readDatapath(programs({ ...TEXTS, ...wrong }), PODS)).rejects.toThrow(
      "tc -j filter show dev veth1 ingress failed: it hurts",
    );
  });

  test("without pods nothing is run; the delegates of tenants count", async () => {
    const broken = { ...programs({}), run: () => Promise.reject(new Error("not this one")) };
    const [around, bridge] = datapathChecks({
      ...{ pods: () => [], programs: broken, sysctl: () => "0" },
      conf: () =>
        confWith({
          delegate: { type: "ptp" },
          tenants: [tenantWith(), tenantWith({ name: "l2", delegate: { type: "bridge" } })],
        }),
    });
    expect(await around?.look()).toEqual({ findings: [], skipped: "" });
    expect(await bridge?.look()).toMatchObject({ findings: [{ code: "TR0711" }] });
  });

  test("with pods what it sees is judged; without a delegate no bridge is", async () => {
    const [around, bridge] = datapathChecks({
      ...{ pods: () => [WEB], programs: programs(TEXTS), sysctl: () => "0" },
      conf: () => confWith({ delegate: undefined }),
    });
    const { findings = [] } = (await around?.look()) ?? {};
    expect(findings.map(({ code }) => code)).toEqual(["TR0708", "TR0710"]);
    expect(await bridge?.look()).toEqual({ findings: [] });
  });
});
