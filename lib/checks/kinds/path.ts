/** Pure: what can be wrong on the way of a pod's packet, beside what the node routes find. */
import { formatMark, hex, type Mark } from "../../net/mark";
import type { Kind } from "../finding";

/** What a kind has to know of the way. */
interface Way {
  /** `namespace/name`. */
  readonly pod: string;
  readonly tenant: string;
}

interface RuleAt {
  /** `iptables-nft mangle PREROUTING`. */
  readonly where: string;
  readonly text: string;
  /** The command that takes it away. */
  readonly removal: string;
}

/** What a command of ours needs to read the same conflist: ` --conf FILE`, or "". */
interface Option {
  readonly option: string;
}

const PODS = { category: "pods", severity: "failed" } as const;
const ROUTES = { category: "routes", severity: "failed" } as const;
const NODE = { category: "node", severity: "failed" } as const;

/** The kind as it is: only to have its facts inferred from what it says. */
function kind<F>(entry: Kind<F>): Kind<F> {
  return entry;
}

/** Every kind, in the order of the way. */
export const PATH = {
  "path-unfinished": kind<{ pod: string; verb: string } & Option>({
    ...PODS,
    code: "TR0901",
    title: "An ADD or DEL of the pod did not finish",
    fault: ({ pod, verb }) => `the ${verb} of ${pod} did not finish`,
    consequence: () => "what is in force for it is not known",
    remedy: ({ option }) => `wrapper gc${option}`,
  }),
  "path-sandbox-gone": kind<{ pod: string } & Option>({
    ...PODS,
    code: "TR0902",
    title: "The pod's network namespace is gone",
    fault: ({ pod }) => `the network namespace of ${pod} is gone and its record is not`,
    consequence: () => "the pod has ended, and its DEL is owed",
    remedy: ({ option }) => `wrapper gc${option}`,
  }),
  "path-mark-missing": kind<Way & { text: string } & Option>({
    ...PODS,
    code: "TR0903",
    title: "The pod's mark is not in force",
    fault: ({ pod, text }) => `${pod}: ${text}`,
    consequence: ({ tenant }) => `its packets do not carry the mark of ${tenant}`,
    remedy: ({ option }) => `wrapper repair --apply${option}`,
  }),
  "path-mark-wrong": kind<Way & { text: string } & Option>({
    ...PODS,
    code: "TR0904",
    title: "The pod's mark is not as its record says",
    fault: ({ pod, text }) => `${pod}: ${text}`,
    consequence: ({ tenant }) =>
      `its packets, or its replies to clients, do not carry the mark that ${tenant} needs`,
    remedy: ({ option }) => `wrapper repair --apply${option}`,
  }),
  "path-mark-spoilt": kind<Way & RuleAt & { mark: Mark; have: number }>({
    ...PODS,
    code: "TR0905",
    title: "A foreign rule changes the pod's mark",
    fault: ({ pod, where, text, have }) =>
      `the foreign rule "${text}" of ${where} gives packets of ${pod} the mark ${hex(have)}`,
    consequence: ({ tenant, mark }) =>
      `they do not carry ${formatMark(mark)} and do not leave as ${tenant}`,
    remedy: ({ removal }) => removal,
  }),
  "path-dropped": kind<RuleAt & { pod: string }>({
    ...NODE,
    code: "TR0906",
    title: "A rule drops the pod's packets",
    fault: ({ pod, where, text }) => `"${text}" of ${where} drops packets of ${pod}`,
    consequence: () => "they do not get out",
    remedy: ({ removal }) => removal,
  }),
  "path-untracked": kind<RuleAt & { pod: string }>({
    ...NODE,
    severity: "warning",
    code: "TR0907",
    title: "A rule keeps connection tracking away from the pod",
    fault: ({ pod, where, text }) =>
      `"${text}" of ${where} keeps packets of ${pod} from connection tracking`,
    consequence: () => "no source address is translated, and replies to clients keep the mark",
    remedy: ({ removal }) => removal,
  }),
  "path-rule-missing": kind<Way & { rule: string } & Option>({
    ...ROUTES,
    code: "TR0908",
    title: "The tenant's ip rule is missing",
    fault: ({ tenant, rule }) => `the rule ${rule} of ${tenant} is missing`,
    consequence: () => "its packets are stopped, or leave by another gateway",
    remedy: ({ option }) => `wrapper routes apply${option}`,
  }),
  "path-rule-overtaken": kind<Way & { rule: string; removal: string }>({
    ...ROUTES,
    code: "TR0909",
    title: "A foreign ip rule comes before the tenant's",
    fault: ({ pod, rule }) => `the foreign rule ${rule} takes packets of ${pod}`,
    consequence: ({ tenant }) => `they never come to the table of ${tenant}`,
    remedy: ({ removal }) => removal,
  }),
  "path-table-empty": kind<Way & { table: number; family: number } & Option>({
    ...ROUTES,
    code: "TR0910",
    title: "The tenant's table has no route by a gateway",
    fault: ({ tenant, table, family }) =>
      `table ${table} of ${tenant} has no IPv${family} default route by a gateway`,
    consequence: () => "its packets are stopped, or take the main table",
    remedy: ({ option }) => `wrapper routes apply${option}`,
  }),
  "path-wrong-gateway": kind<Way & { have: string; want: string; remedy: string }>({
    ...ROUTES,
    code: "TR0911",
    title: "The tenant's packets take a gateway that is not its own",
    fault: ({ tenant, have, want }) => `packets of ${tenant} leave by ${have}, not by ${want}`,
    consequence: () => "they leave as another tenant, or not at all",
    remedy: ({ remedy }) => remedy,
  }),
  "path-refused": kind<{ pod: string; to: string; why: string; family: number }>({
    ...ROUTES,
    code: "TR0912",
    title: "The kernel has no way for the packet",
    fault: ({ pod, to, why }) => `the kernel refuses to send packets of ${pod} to ${to} (${why})`,
    consequence: () => "they do not get out",
    remedy: ({ family }) =>
      `give the node a route to it: ip -${family} route add default via GATEWAY`,
  }),
  "path-no-carrier": kind<{ dev: string }>({
    ...ROUTES,
    code: "TR0913",
    title: "The gateway's device has no carrier",
    fault: ({ dev }) => `${dev} has no carrier: its other end is down`,
    consequence: () => "no packet gets to the gateway",
    remedy: ({ dev }) => `connect the other end of ${dev}`,
  }),
  "path-gateway-silent": kind<{ via: string; dev: string; why: string; neighbour: string }>({
    ...ROUTES,
    code: "TR0914",
    title: "The gateway does not answer",
    fault: ({ via, dev, why, neighbour }) =>
      `gateway ${via} on ${dev} is silent (${why}; neighbour ${neighbour})`,
    consequence: () => "packets to it are lost",
    remedy: ({ via }) => `start the gateway ${via}, or correct "gateways" in the conflist`,
  }),
  "path-translation-missing": kind<{ tenant: string } & Option>({
    ...ROUTES,
    code: "TR0915",
    title: "The table that translates source addresses is missing",
    fault: ({ tenant }) =>
      `the nftables table inet tenant-routing, which translates addresses of ${tenant}, is missing`,
    consequence: () => "packets leave with the pod's own address, or with another one",
    remedy: ({ option }) => `wrapper routes apply${option}`,
  }),
  "path-reply-lost": kind<{ pod: string; dev: string; why: string }>({
    ...ROUTES,
    code: "TR0916",
    title: "Replies do not find the pod",
    fault: ({ pod, dev, why }) => `a reply that comes in on ${dev} does not get to ${pod} (${why})`,
    consequence: () => "connections of the pod get no answer",
    remedy: ({ pod }) => `kubectl delete pod -n ${pod.replace("/", " ")}`,
  }),
  "path-stopped-live": kind<{ pod: string; at: string; behind: string }>({
    ...NODE,
    code: "TR0917",
    title: "A probe packet was lost on this node",
    fault: ({ pod, at, behind }) => `a probe packet of ${pod} passed ${behind}, and not ${at}`,
    consequence: () => "packets like it are lost on this node",
    remedy: ({ at }) =>
      `look for what drops packets before ${at}: nft list ruleset; programs in BPF: bpftool net show`,
  }),
  "path-no-answer": kind<Beyond>({
    ...ROUTES,
    severity: "warning",
    code: "TR0918",
    title: "A probe packet left by the right gateway, and nothing came back",
    fault: ({ pod, hop, tenant, why }) =>
      `a packet of ${pod} left by ${hop}${tenant === undefined ? "" : ` as ${tenant}`}, and ${why}`,
    consequence: ({ to }) =>
      `this node did its part; the gateway, what is behind it, or ${to} itself did not`,
    remedy: afterNoAnswer,
  }),
  "path-answer-lost": kind<{ pod: string; dev: string; to: string }>({
    ...NODE,
    code: "TR0919",
    title: "An answer came to this node, and not to the pod",
    fault: ({ pod, dev, to }) =>
      `${to} answered a packet of ${pod}, and the answer was lost on this node behind ${dev}`,
    consequence: () => "connections of the pod get no answer",
    remedy: ({ dev }) =>
      `look for what drops answers that come in on ${dev}: nft list ruleset; sysctl net.ipv4.conf.${dev}.rp_filter`,
  }),
} satisfies Record<string, Kind<never>>;

/** A probe packet that has left, and what is known of its way. */
interface Beyond {
  readonly pod: string;
  readonly to: string;
  /** `10.10.10.1 on eth1`. */
  readonly hop: string;
  readonly via: string | undefined;
  readonly tenant: string | undefined;
  readonly why: string;
  /** Where answers go before they are turned back. */
  readonly answersTo: string;
  /** Whether the destination only stands for the outside. */
  readonly isStandIn: boolean;
}

function afterNoAnswer({ pod, via, answersTo, isStandIn }: Beyond): string {
  if (isStandIn)
    return `name a destination that answers: wrapper explain ${pod} ADDRESS:PORT --live`;
  const back = `ip route get ${answersTo}`;
  return via === undefined
    ? `look at the other end in this order: its way back (${back}), its NAT, the destination itself`
    : `look in this order: the way back, on ${via} (${back}); its NAT; the destination itself`;
}

export type PathKind = keyof typeof PATH;
