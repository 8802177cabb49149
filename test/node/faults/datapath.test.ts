/** Ways around the marks: each named with its code, and ended by what is printed. */
import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { testFaults, useFaultNode, type FaultNode } from "../../helpers/fault-node";
import { PLUGINS } from "../../helpers/node-world";

const node = useFaultNode();
const HEADER = "/run/cilium/state/globals/node_config.h";

/** A filter of tc at the node's side of team-a/web-0; DEV is that interface. */
function filter({ run }: FaultNode, words: string): void {
  run(
    `DEV=$(ip -o route get 10.88.0.2 | sed -E 's/.* dev ([^ ]+).*/\\1/')
    tc qdisc add dev $DEV clsact; tc filter add dev $DEV ingress pref 7 ${words}`,
  );
}

testFaults(node, [
  {
    title: "BPF host routing of Cilium",
    code: "TR0707",
    provoke: ({ files, run }) => {
      files.write(HEADER, "#define ENABLE_IPV4 1\n#define ENABLE_HOST_ROUTING 1\n");
      run(`grep -q ENABLE_HOST_ROUTING ${HEADER}`);
    },
    remedy: /^kubectl -n kube-system patch configmap cilium-config .*"enable-host-legacy-routing"/,
    end: ({ files }) => files.write(HEADER, "#define ENABLE_IPV4 1\n"),
  },
  {
    title: "a filter that redirects a pod's packets",
    code: "TR0708",
    provoke: (on) =>
      filter(on, "protocol ip u32 match u32 0 0 action mirred egress redirect dev eth1"),
    remedy: /^tc filter del dev veth\w+ ingress pref 7$/,
  },
  {
    title: "a BPF program at a pod's interface",
    code: "TR0709",
    provoke: (on) => filter(on, 'bpf bytecode "1,6 0 0 4294967295," classid 1:1'),
    remedy: /^tc filter del dev veth\w+ ingress pref 7$/,
  },
  {
    title: "a bridge whose packets do not meet the firewall",
    code: "TR0711",
    provoke: ({ configure, bin, run }) => {
      symlinkSync(join(PLUGINS, "bridge"), join(bin, "bridge"));
      const ipam = { type: "host-local", subnet: "10.88.0.0/24" };
      configure({ delegate: { type: "bridge", isGateway: true, ipam } });
      run("sysctl -qw net.bridge.bridge-nf-call-iptables=0");
    },
    remedy: "sysctl -w net.bridge.bridge-nf-call-iptables=1",
  },
]);
