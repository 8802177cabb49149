/**
 * Pure: projects that are known to use the firewall mark, their bits, and how to recognise them on
 * a node.
 */
import { FULL_MASK } from "../../net/mark";
import type { Link, MarkUse, MarkUser, Surroundings } from "../model";

/** Bits of a mark, and the value that they are compared with or set to when it is fixed. */
export interface KnownBits {
  readonly mask: number;
  readonly value?: number;
}

export interface KnownUser {
  readonly name: string;
  /** Where its bits are documented. */
  readonly source: string;
  readonly bits: readonly KnownBits[];
  /**
   * Signs by which it is recognised. Without any, its bits are only avoided when marks are
   * proposed.
   */
  readonly link?: RegExp;
  readonly chain?: RegExp;
  /** `family name`. */
  readonly nftTable?: RegExp;
  /** How it can be told to use fewer or other bits, if it can. */
  readonly remedy?: string;
}

const whole = (value: number): KnownBits => ({ mask: FULL_MASK, value });
const bit = (value: number): KnownBits => ({ mask: value, value });

/**
 * Bits according to the projects' sources and documents; checked with each release of the wrapper.
 */
export const KNOWN_USERS: readonly KnownUser[] = [
  {
    name: "kube-proxy",
    source: "https://github.com/fwmark/registry",
    bits: [bit(0x4000), bit(0x8000)],
    link: /^kube-ipvs0$/,
    chain: /^KUBE-(?:MARK-MASQ|MARK-DROP|POSTROUTING|SERVICES)$/,
    nftTable: /^ip6? kube-proxy$/,
  },
  {
    name: "Cilium",
    source: "https://github.com/cilium/cilium/blob/main/pkg/datapath/linux/linux_defaults/mark.go",
    bits: [{ mask: 0xf00 }, { mask: 0xff }, { mask: 0xffff0000 }],
    link: /^(?:cilium_(?:host|net|vxlan|geneve|wg0)|lxc_health)$/,
    chain: /^(?:OLD_)?CILIUM_/,
    remedy: 'enable-identity-mark: "false" in cilium-config leaves it 0xf00',
  },
  {
    name: "Calico",
    source: "https://github.com/fwmark/registry",
    bits: [{ mask: 0xffff0000 }],
    link: /^(?:cali[0-9a-f]{11}|vxlan\.calico|vxlan-v6\.calico|wireguard\.cali|wg-v6\.cali|bpfin\.cali|bpfout\.cali)$/,
    chain: /^cali-/,
    nftTable: /^ip6? calico$/,
    remedy: "iptablesMarkMask in its FelixConfiguration chooses other bits",
  },
  {
    name: "Antrea",
    source: "https://github.com/antrea-io/antrea/tree/main/pkg/agent/types",
    bits: [{ mask: 0xff }, bit(0x40000000), bit(0x80000000)],
    link: /^antrea-(?:gw|egress)/,
    chain: /^ANTREA-/,
  },
  {
    name: "AWS VPC CNI",
    source: "https://github.com/aws/amazon-vpc-cni-k8s/tree/master/pkg/networkutils",
    bits: [bit(0x80)],
    link: /^eni[0-9a-f]{11}$/,
    chain: /^AWS-(?:CONNMARK|SNAT)-CHAIN-/,
    nftTable: /^ip6? aws-cni$/,
    remedy: "AWS_VPC_K8S_CNI_CONNMARK chooses another bit",
  },
  {
    name: "Tailscale",
    source: "https://github.com/tailscale/tailscale/tree/main/util/linuxfw",
    bits: [
      { mask: 0xff0000, value: 0x40000 },
      { mask: 0xff0000, value: 0x80000 },
    ],
    link: /^tailscale[0-9]+$/,
    chain: /^ts-(?:forward|input|postrouting)$/,
  },
  {
    name: "Talos KubeSpan",
    source: "https://github.com/siderolabs/talos/pull/5945",
    bits: [
      { mask: 0x60, value: 0x20 },
      { mask: 0x60, value: 0x40 },
    ],
    link: /^kubespan$/,
  },
  {
    // Its only sign is a rule in mangle POSTROUTING, which is found as a use of the mark anyway.
    name: "OVH Managed Kubernetes",
    source: "https://github.com/netbirdio/netbird/pull/6289",
    bits: [bit(0x20), bit(0x4000)],
  },
  {
    name: "NetBird",
    source: "https://github.com/netbirdio/netbird/tree/main/client/net",
    bits: [0x1bd00, 0x1bd10, 0x1bd11, 0x1bd20, 0x1bd21, 0x1bd22].map(whole),
    link: /^wt0$/,
    chain: /^NETBIRD-/,
    nftTable: /^\S+ netbird$/,
  },
  {
    name: "kube-vip egress",
    source: "https://github.com/kube-vip/kube-vip/pull/502",
    bits: [bit(0x40)],
    chain: /^KUBE-VIP-EGRESS$/,
  },
  {
    name: "portmap",
    source: "https://github.com/containernetworking/plugins/tree/main/plugins/meta/portmap",
    bits: [bit(0x2000)],
    chain: /^CNI-HOSTPORT-(?:SETMARK|MASQ)$/,
    remedy: "markMasqBit of portmap chooses another bit",
  },
  {
    name: "flannel",
    source: "https://github.com/flannel-io/flannel/tree/master/pkg/trafficmngr",
    bits: [bit(0x4000)],
    link: /^flannel(?:\.[0-9]+|-wg|-wg-v6|-v6\.[0-9]+)$/,
    chain: /^FLANNEL-(?:POSTRTG|FWD)$/,
    nftTable: /^ip6? flannel-ipv[46]$/,
  },
  {
    name: "kube-router",
    source: "https://github.com/cloudnativelabs/kube-router/pull/992",
    bits: [bit(0x10000), bit(0x20000)],
    link: /^kube-(?:bridge|dummy-if)$/,
    chain: /^KUBE-(?:ROUTER-|NWPLCY-|POD-FW-)/,
    nftTable: /^ip6? kube-router-filter-ipv[46]$/,
  },
  {
    name: "Weave",
    source: "https://github.com/fwmark/registry",
    bits: [bit(0x20000), bit(0x40000)],
    link: /^weave$/,
    chain: /^WEAVE(?:-|$)/,
  },
  {
    name: "OVN-Kubernetes",
    source:
      "https://github.com/ovn-kubernetes/ovn-kubernetes/tree/master/docs/features/cluster-egress-controls",
    bits: [whole(0x3f0), whole(0x1745ec)],
    link: /^ovn-k8s-mp[0-9]+$/,
    chain: /^OVN-KUBE-/,
    nftTable: /^inet ovn-kubernetes$/,
  },
  {
    name: "kube-ovn",
    source: "https://github.com/kubeovn/kube-ovn/blob/master/pkg/daemon/gateway_linux.go",
    bits: [bit(0x4000), bit(0x80000), bit(0x90001), bit(0x90002)],
    link: /^ovn0$/,
    chain: /^OVN-(?:PREROUTING|POSTROUTING|OUTPUT|MASQUERADE|NAT-)/,
  },
  {
    name: "egressgateway",
    source: "https://github.com/spidernet-io/egressgateway/issues/1670",
    bits: [{ mask: 0xff000000, value: 0x26000000 }, whole(0x12000000), whole(39)],
    link: /^egress\.vxlan$/,
    chain: /^EGRESSGATEWAY-/,
  },
  {
    name: "Istio",
    source: "https://github.com/fwmark/registry",
    bits: [whole(0x1337), { mask: 0xfff, value: 0x539 }],
    chain: /^ISTIO_/,
  },
  {
    name: "AWS App Mesh",
    source: "https://github.com/fwmark/registry",
    bits: [whole(0x1e7700ce)],
    chain: /^APPMESH_/,
  },
  {
    name: "wg-quick",
    source: "https://github.com/k8s-at-home/pod-gateway/pull/35",
    bits: [whole(0xca6c)],
    nftTable: /^ip6? wg-quick-/,
    remedy: "FwMark = in its [Interface] section chooses another value",
  },
];

/** The uses of the known users that are recognised on this node. */
export function detected(
  surroundings: Pick<Surroundings, "chains" | "nftTables">,
  links: readonly Pick<Link, "name">[],
): readonly MarkUse[] {
  const names = links.map(({ name }) => name);
  return KNOWN_USERS.flatMap((user) => {
    const sign =
      signOf("interface", user.link, names) ??
      signOf("chain", user.chain, surroundings.chains) ??
      signOf("nftables table", user.nftTable, surroundings.nftTables);
    if (sign === undefined) return [];
    return user.bits.map(({ mask, value }) => ({
      by: { kind: "known", name: user.name, sign },
      mask,
      value,
      whole: mask === FULL_MASK,
    }));
  });
}

/**
 * How a known user can be told to use fewer or other bits; undefined: it cannot, or is not known.
 */
export function remedyFor(by: MarkUser): string | undefined {
  return by.kind === "known" ? KNOWN_USERS.find(({ name }) => name === by.name)?.remedy : undefined;
}

/** True for a rule in a chain or table of a known user. */
export function isOfKnownUser(by: MarkUser): boolean {
  if (by.kind === "iptables") return KNOWN_USERS.some(({ chain }) => chain?.test(by.chain));
  return by.kind === "nft" && KNOWN_USERS.some(({ nftTable }) => nftTable?.test(by.table));
}

function signOf(
  kind: string,
  pattern: RegExp | undefined,
  names: readonly string[],
): string | undefined {
  const name = pattern === undefined ? undefined : names.find((each) => pattern.test(each));
  return name === undefined ? undefined : `${kind} ${name}`;
}
