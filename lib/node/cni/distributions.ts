/** Where distributions of Kubernetes keep what concerns a plugin. docs/distributions.md has the sources of each. */

/** One distribution's own places, as it is installed by default. */
export interface Distribution {
  readonly name: string;
  readonly runtime: "containerd" | "CRI-O";
  /** The runtime's file; the first that is there counts. */
  readonly configs: readonly string[];
  /** Is there when the runtime runs. */
  readonly socket: string;
  /** True where the runtime always has its file; false for one that may run on its defaults alone. */
  readonly needsFile: boolean;
  /** Where the runtime looks, as the distribution writes it into that file. */
  readonly confDir: string;
  readonly binDir: string;
  /** The kubelet's. */
  readonly kubeconfig: string;
  /** Restarts the kubelet; on Talos it is run elsewhere than on the node. */
  readonly restart: string;
  /** What it writes into `confDir` at every start; undefined: nothing. */
  readonly writes?: OwnConflist;
}

/** A conflist that a distribution writes by itself: its own, or a copy of the file that it is told to. */
export interface OwnConflist {
  /** In the directory of conflists. */
  readonly name: string;
  /** The key that tells it which file to copy, and the file that has the key. */
  readonly setting: string;
  readonly settings: string;
}

/** Where runtimes look unless they are told otherwise. */
export const DEFAULT_DIRS = { confDir: "/etc/cni/net.d", binDir: "/opt/cni/bin" };
const KUBEADM = {
  ...DEFAULT_DIRS,
  kubeconfig: "/etc/kubernetes/kubelet.conf",
  restart: "systemctl restart kubelet",
};
const RANCHER = "/var/lib/rancher";
const SNAP = "/var/snap/microk8s";

/**
 * In the order in which they are looked for: those with a runtime of their own go first, because the machine
 * may have another one beside it.
 */
export const DISTRIBUTIONS: readonly Distribution[] = [
  {
    ...{ name: "k3s", runtime: "containerd", needsFile: true },
    configs: [`${RANCHER}/k3s/agent/etc/containerd/config.toml`],
    socket: "/run/k3s/containerd/containerd.sock",
    confDir: `${RANCHER}/k3s/agent/etc/cni/net.d`,
    binDir: `${RANCHER}/k3s/data/cni`,
    kubeconfig: `${RANCHER}/k3s/agent/kubelet.kubeconfig`,
    restart: "systemctl try-restart 'k3s*'",
    writes: {
      name: "10-flannel.conflist",
      setting: "flannel-cni-conf",
      settings: "/etc/rancher/k3s/config.yaml",
    },
  },
  {
    ...{ name: "RKE2", runtime: "containerd", needsFile: true },
    configs: [`${RANCHER}/rke2/agent/etc/containerd/config.toml`],
    socket: "/run/k3s/containerd/containerd.sock",
    ...DEFAULT_DIRS,
    kubeconfig: `${RANCHER}/rke2/agent/kubelet.kubeconfig`,
    restart: "systemctl try-restart 'rke2*'",
  },
  {
    ...{ name: "MicroK8s", runtime: "containerd", needsFile: true },
    configs: [`${SNAP}/current/args/containerd.toml`],
    socket: `${SNAP}/common/run/containerd.sock`,
    confDir: `${SNAP}/current/args/cni-network`,
    binDir: `${SNAP}/current/opt/cni/bin`,
    kubeconfig: `${SNAP}/current/credentials/kubelet.config`,
    restart: "snap restart microk8s",
  },
  {
    ...{ name: "k0s", runtime: "containerd", needsFile: true },
    configs: ["/run/k0s/containerd-cri.toml", "/etc/k0s/containerd.toml"],
    socket: "/run/k0s/containerd.sock",
    ...DEFAULT_DIRS,
    kubeconfig: "/var/lib/k0s/kubelet.conf",
    restart: "k0s stop && k0s start",
  },
  {
    ...{ name: "Talos", runtime: "containerd", needsFile: true },
    configs: ["/etc/cri/containerd.toml"],
    socket: "/run/containerd/containerd.sock",
    ...DEFAULT_DIRS,
    kubeconfig: "/etc/kubernetes/kubeconfig-kubelet",
    restart: "talosctl service kubelet restart",
  },
  {
    ...{ name: "kubeadm with CRI-O", runtime: "CRI-O", needsFile: false },
    configs: ["/etc/crio/crio.conf"],
    socket: "/run/crio/crio.sock",
    ...KUBEADM,
  },
  {
    ...{ name: "kubeadm", runtime: "containerd", needsFile: false },
    configs: ["/etc/containerd/config.toml"],
    socket: "/run/containerd/containerd.sock",
    ...KUBEADM,
  },
];
