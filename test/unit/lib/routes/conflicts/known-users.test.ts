import { KNOWN_USERS, detected, remedyFor } from "../../../../../lib/routes/conflicts/known-users";
import { markUserText } from "../../../../../lib/routes/conflicts/text";
import { useOf } from "../node-rig";

const nothing = { chains: [], nftTables: [] };
const links = (...names: string[]) => names.map((name) => ({ name }));

/** A name that a node has when the user is there, as its source or its documents show it. */
const SIGNS: readonly (readonly [user: string, kind: "link" | "chain" | "table", name: string])[] =
  [
    ["kube-proxy", "chain", "KUBE-MARK-MASQ"],
    ["kube-proxy", "link", "kube-ipvs0"],
    ["kube-proxy", "table", "ip kube-proxy"],
    ["Cilium", "link", "cilium_host"],
    ["Cilium", "chain", "CILIUM_PRE_mangle"],
    ["Calico", "chain", "cali-PREROUTING"],
    ["Calico", "link", "cali0ef24ba1234"],
    ["Calico", "table", "ip calico"],
    ["Antrea", "link", "antrea-gw0"],
    ["Antrea", "chain", "ANTREA-MANGLE"],
    ["AWS VPC CNI", "chain", "AWS-CONNMARK-CHAIN-0"],
    ["AWS VPC CNI", "table", "ip aws-cni"],
    ["Tailscale", "link", "tailscale0"],
    ["Tailscale", "chain", "ts-forward"],
    ["Talos KubeSpan", "link", "kubespan"],
    ["NetBird", "link", "wt0"],
    ["NetBird", "table", "ip netbird"],
    ["kube-vip egress", "chain", "KUBE-VIP-EGRESS"],
    ["portmap", "chain", "CNI-HOSTPORT-SETMARK"],
    ["flannel", "link", "flannel.1"],
    ["flannel", "table", "ip flannel-ipv4"],
    ["kube-router", "chain", "KUBE-ROUTER-INPUT"],
    ["kube-router", "link", "kube-bridge"],
    ["Weave", "chain", "WEAVE-NPC-EGRESS"],
    ["Weave", "link", "weave"],
    ["OVN-Kubernetes", "link", "ovn-k8s-mp0"],
    ["OVN-Kubernetes", "table", "inet ovn-kubernetes"],
    ["kube-ovn", "chain", "OVN-POSTROUTING"],
    ["kube-ovn", "link", "ovn0"],
    ["egressgateway", "link", "egress.vxlan"],
    ["egressgateway", "chain", "EGRESSGATEWAY-MARK-REQUEST"],
    ["Istio", "chain", "ISTIO_PRERT"],
    ["AWS App Mesh", "chain", "APPMESH_INGRESS"],
    ["wg-quick", "table", "ip wg-quick-wg0"],
  ];

test.each(SIGNS)("%s is recognised by its %s %s, and nobody else is", (user, kind, name) => {
  const uses = detected(
    { chains: kind === "chain" ? [name] : [], nftTables: kind === "table" ? [name] : [] },
    kind === "link" ? links(name) : [],
  );
  expect(new Set(uses.map(({ by }) => markUserText(by)))).toEqual(
    new Set([
      `${user} (${{ link: "interface", chain: "chain", table: "nftables table" }[kind]} ${name})`,
    ]),
  );
});

test("a plain node has no known user", () => {
  const names = links(
    "lo",
    "eth0",
    "wg0",
    "docker0",
    "br-0123456789ab",
    "veth1a2b3c4d",
    "cni0",
    "bond0.100",
  );
  expect(
    detected(
      {
        chains: ["PREROUTING", "INPUT", "DOCKER", "DOCKER-USER"],
        nftTables: ["inet firewalld", "inet filter"],
      },
      names,
    ),
  ).toEqual([]);
});

test("every known user but the one that only its rule shows can be recognised", () => {
  const unseen = KNOWN_USERS.filter(({ name }) => !SIGNS.some(([user]) => user === name)).map(
    ({ name }) => name,
  );
  expect(unseen).toEqual(["OVH Managed Kubernetes"]);
});

test("no value of a known user is outside its mask, and every source is a link", () => {
  for (const { bits, source } of KNOWN_USERS) {
    expect(source).toMatch(/^https:\/\//);
    for (const { mask, value = 0 } of bits) expect((value & ~mask) >>> 0).toBe(0);
  }
});

test("a use of the whole mark is known from a use of a part of it", () => {
  const uses = detected(nothing, links("wt0", "tailscale0"));
  expect(uses).toContainEqual({
    by: { kind: "known", name: "NetBird", sign: "interface wt0" },
    mask: 0xffffffff,
    value: 0x1bd00,
    whole: true,
  });
  expect(uses).toContainEqual({
    by: { kind: "known", name: "Tailscale", sign: "interface tailscale0" },
    mask: 0xff0000,
    value: 0x40000,
    whole: false,
  });
});

test("a known user that can use fewer bits has a remedy", () => {
  expect(remedyFor({ kind: "known", name: "Cilium", sign: "interface cilium_host" })).toContain(
    "enable-identity-mark",
  );
  expect(remedyFor(useOf("iptables-nft mangle PREROUTING", 1).by)).toBeUndefined();
});
