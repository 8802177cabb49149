/** Pure: what can be wrong with the machine: TR07xx. */
import { shellWord } from "../../text/shell";
import type { Kind } from "../finding";
import { podsText } from "./pods";

interface DiskFacts {
  readonly path: string;
  /** `journal` or `log`. */
  readonly what: string;
  /** `0 of 65536 bytes are free`. */
  readonly left: string;
}

interface UnusableFacts {
  readonly problem: string;
  /** The package that would help. */
  readonly missing: string | undefined;
}

const COUNT = (path: string): string =>
  `Free space there: du -xah ${shellWord(path)} | sort -h | tail`;

export const NODE = {
  "journal-disk-full": {
    code: "TR0701",
    category: "node",
    severity: "failed",
    title: "The disk behind the journal is full",
    fault: ({ path, left }: DiskFacts) => `the disk of the journal ${path} is full: ${left}`,
    consequence: () => "every ADD fails with code 113, and a DEL leaves its rules behind",
    remedy: ({ path }: DiskFacts) => COUNT(mountOf(path)),
  },
  "log-disk-full": {
    code: "TR0702",
    category: "node",
    severity: "warning",
    title: "The disk behind the log is full",
    fault: ({ path, left }: DiskFacts) => `the disk of the log ${path} is full: ${left}`,
    consequence: () => "pods start all the same, but nothing is logged any more",
    remedy: ({ path }: DiskFacts) => COUNT(mountOf(path)),
  },
  "disk-nearly-full": {
    code: "TR0703",
    category: "node",
    severity: "warning",
    title: "A disk is nearly full",
    fault: ({ path, what, left }: DiskFacts) =>
      `the disk of the ${what} ${path} is nearly full: ${left}`,
    consequence: ({ what }: DiskFacts) =>
      what === "log" ? "soon nothing is logged any more" : "soon no pod starts",
    remedy: ({ path }: DiskFacts) => COUNT(mountOf(path)),
  },
  "ip-forward-off": {
    code: "TR0704",
    category: "node",
    severity: "failed",
    title: "The kernel does not forward",
    fault: () => "net.ipv4.ip_forward is 0",
    consequence: () => "the node drops whatever pods send to anybody else",
    remedy: () => "sysctl -w net.ipv4.ip_forward=1",
  },
  "marks-unusable": {
    code: "TR0705",
    category: "node",
    severity: "failed",
    title: "Marks cannot be programmed",
    fault: ({ problem }: UnusableFacts) => problem,
    consequence: () => "every ADD of a pod with a tenant fails with code 110",
    remedy: ({ missing }: UnusableFacts) =>
      missing === undefined
        ? "Do what the message says; docs/on-call.md has more under code 110"
        : `Install the package ${missing}: apt-get install ${missing}, or dnf install ${missing}`,
  },
  "journal-unsafe": {
    code: "TR0706",
    category: "node",
    severity: "failed",
    title: "The journal's directory is not trusted",
    fault: ({ problem }: { readonly problem: string }) => problem,
    consequence: () => "every ADD fails with code 113",
    remedy: ({ path }: { readonly path: string }) =>
      `chown 0:0 ${shellWord(path)} && chmod 0700 ${shellWord(path)}`,
  },
  "bpf-host-routing": {
    code: "TR0707",
    category: "node",
    severity: "failed",
    title: "BPF host routing goes around the marks",
    fault: ({ sign }: { readonly sign: string }) => `Cilium's BPF host routing is on (${sign})`,
    consequence: () =>
      "packets of its pods go from interface to interface and never meet marks, guard and tenants' routes",
    remedy: () =>
      `kubectl -n kube-system patch configmap cilium-config --type merge -p '{"data":{"enable-host-legacy-routing":"true"}}' && kubectl -n kube-system rollout restart daemonset/cilium`,
  },
  "tc-redirect": {
    code: "TR0708",
    category: "node",
    severity: "failed",
    title: "A filter of tc takes a pod's packets around the marks",
    fault: ({ dev, pref, pods, to }: FilterFacts & { readonly to: string }) =>
      `filter ${pref} of tc at the ingress of ${dev} (${podsText(pods)}) sends packets to ${to}`,
    consequence: () => "they leave there without a mark, and no gateway of the tenant sees them",
    remedy: filterRemoval,
  },
  "tc-program": {
    code: "TR0709",
    category: "node",
    severity: "warning",
    title: "A program at a pod's interface may go around the marks",
    fault: ({ dev, pref, pods, name }: FilterFacts & { readonly name: string }) =>
      `${name}, filter ${pref} of tc at the ingress of ${dev} (${podsText(pods)}), sees packets first`,
    consequence: () => "what it redirects never meets marks, guard and tenants' routes",
    remedy: filterRemoval,
  },
  flowtable: {
    code: "TR0710",
    category: "node",
    severity: "warning",
    title: "A flowtable takes packets of pods around the marks",
    fault: ({ table, name, devices }: FlowFacts) =>
      `flowtable ${name} of nft table ${table} carries packets of ${devices.join(", ")}`,
    consequence: () =>
      "a connection that it has taken over keeps its way when its gateway is lost or its tenant changes, and nothing counts or guards it",
    remedy: ({ table, name, rule }: FlowFacts) =>
      rule === undefined
        ? `nft delete flowtable ${words(table)} ${shellWord(name)}`
        : `nft delete rule ${words(table)} ${shellWord(rule.chain)} handle ${rule.handle}`,
  },
  "bridge-unfiltered": {
    code: "TR0711",
    category: "node",
    severity: "warning",
    title: "Packets within a bridge do not meet the firewall",
    fault: ({
      setting,
      value,
    }: {
      readonly setting: string;
      readonly value: string | undefined;
    }) =>
      value === undefined
        ? `the delegate is a bridge, and the kernel module br_netfilter is not loaded`
        : `the delegate is a bridge, and ${setting} is ${value}`,
    consequence: () =>
      "a pod that asks a Service whose pod is on the same bridge gets its answer from a stranger's address, and drops it",
    remedy: ({
      setting,
      value,
    }: {
      readonly setting: string;
      readonly value: string | undefined;
    }) => `${value === undefined ? "modprobe br_netfilter && " : ""}sysctl -w ${setting}=1`,
  },
} satisfies Record<string, Kind<never>>;

interface FilterFacts {
  readonly dev: string;
  readonly pref: number;
  readonly pods: readonly string[];
}

interface FlowFacts {
  /** Family and name: `inet filter`. */
  readonly table: string;
  readonly name: string;
  readonly devices: readonly string[];
  /** A rule that adds to it; undefined: there is none. */
  readonly rule: { readonly chain: string; readonly handle: number } | undefined;
}

function filterRemoval({ dev, pref }: FilterFacts): string {
  return `tc filter del dev ${shellWord(dev)} ingress pref ${pref}`;
}

function words(text: string): string {
  return text.split(" ").map(shellWord).join(" ");
}

/** The directory that holds a path's own: what fills the disk is mostly beside it. */
function mountOf(path: string): string {
  return path.replace(/\/[^/]*$/, "") || "/";
}
