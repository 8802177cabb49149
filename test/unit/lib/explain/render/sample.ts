/** A way with a step of every state, and names that markup has to escape. */
import type { Explanation } from "../../../../../lib/explain/model";

const FINDING = {
  kind: "path-gateway-silent",
  code: "TR0914",
  category: "routes",
  severity: "failed",
  fault:
    "gateway 10.10.10.1 on eth1 is silent (no answer to neighbour discovery; neighbour FAILED)",
  consequence: "packets to it are lost",
  remedy: "start the gateway 10.10.10.1",
  subject: "10.10.10.1",
} as const;

export const SAMPLE: Explanation = {
  pod: "team-a/web-0",
  destination: { family: 4, address: "203.0.113.9", port: 443 },
  verdict: "team-a/web-0 -> 203.0.113.9:443 is sent out by 10.10.10.1 on eth1 as tenant-a",
  state: "failed",
  first: FINDING,
  steps: [
    {
      name: "mark",
      what: "0x10 when it is routed",
      state: "warning",
      steps: [
        { name: "rule", what: "sets 0x10/0xff, 12 packets, 840 bytes", state: "ok" },
        {
          name: "other rules",
          what: 'may change the mark, it is not known: "-A PREROUTING -m comment --comment "a & <b>" -j MARK" of iptables-nft mangle PREROUTING',
          state: "unknown",
        },
      ],
    },
    {
      name: "gateway",
      what: "10.10.10.1 on eth1",
      state: "failed",
      steps: [
        { name: "next hop", what: "10.10.10.1 is silent", state: "failed", finding: FINDING },
      ],
    },
  ],
};
