/** A node on paper that explain can read: the facts of `facts.ts`, behind the ports. */
import type { Attachment } from "../../../../../lib/attachment/journal-record";
import type { ExplainNode } from "../../../../../lib/explain/node/gather";
import type { PodFacts } from "../../../../../lib/explain/model";
import type { Dropped, Guard, Guarded } from "../../../../../lib/marks/nftables/guard";
import { NOTHING_KNOWN } from "../../../../../lib/marks/nftables/known";
import type { NftRunner } from "../../../../../lib/marks/nftables/runner";
import { attachmentTag } from "../../../../../lib/marks/tag";
import type { InstalledMark, MarkBackend, Marks } from "../../../../../lib/ports";
import type { ProbeRequest, Probes } from "../../../../../lib/routes/watch/probe";
import type { Verdict } from "../../../../../lib/routes/watch/health";
import { FakeNode } from "../../routes/fake-node";
import { CONF, factsWith, MARK, node, POD } from "../facts";
import { type Answers, type FakePrograms, programsOf } from "./programs";

export const KEY = { network: "pods", containerId: "c".repeat(64), ifname: "eth0" };
export const TAG = attachmentTag(KEY);
export const POD_FACTS: PodFacts = { ...factsWith().pod, mtu: undefined };
export const TO = { family: 4, address: "203.0.113.9", port: 443 } as const;

/** The record of the pod, marked by iptables. */
export const ATTACHMENT: Attachment = {
  format: 1,
  state: "complete",
  key: KEY,
  netns: "/run/netns/pod",
  owner: { pid: 1, startTime: "" },
  tenant: "a",
  mark: MARK,
  addresses: [POD],
  backend: "nft",
  cniVersion: "1.1.0",
  since: "2026-01-01T00:00:00.000Z",
};

/** The rule that marks the pod, as a backend lists it. */
export const INSTALLED: InstalledMark = {
  address: POD,
  piece: "mark rule",
  mark: MARK,
  backend: "nft",
  tag: TAG,
  label: "team-a/web-0",
  text: "the rule of web-0",
};

const COMMENT = `-m comment --comment "tenant-routing team-a/web-0 ${TAG}"`;
export const MARK_RULE = `[12:840] -A PREROUTING -s ${POD}/32 ${COMMENT} -j MARK --set-xmark 0x10/0xff`;
export const REPLY_RULE =
  `[99:999] -A PREROUTING -s ${POD}/32 -m conntrack --ctdir REPLY ${COMMENT} ` +
  "-j MARK --set-xmark 0x0/0xff";

/** What `iptables-save -c` prints of the table that marks. */
export function mangle(...rules: readonly string[]): string {
  return ["*mangle", ":PREROUTING ACCEPT [500:40000]", ...rules, "COMMIT", ""].join("\n");
}

/** What the programs of such a node print. */
export const ANSWERS: Answers = {
  "nsenter --net=/run/netns/pod ip": '[{"ifname":"eth0","mtu":1450}]',
  "nft -j list ruleset": '{"nftables":[{"metainfo":{"version":"1.0.6"}}]}',
  [`ip -j -N -4 route get ${TO.address} from ${POD} iif veth1`]:
    '[{"dst":"203.0.113.9","gateway":"198.51.100.1","dev":"eth0","flags":[],"cache":[]}]',
  [`ip -j -N -4 route get ${TO.address} from ${POD} iif veth1 mark 16`]:
    '[{"dst":"203.0.113.9","gateway":"192.0.2.1","dev":"eth1","table":"100","flags":[]}]',
  [`ip -j -N -4 route get ${TO.address}`]:
    '[{"dst":"203.0.113.9","gateway":"198.51.100.1","dev":"eth0","flags":[],"cache":[]}]',
  [`ip -j -N -4 route get ${POD} from ${TO.address} iif eth1`]: `[{"dst":"${POD}","dev":"veth1","flags":[],"cache":[]}]`,
  "ip -j -4 neigh show 192.0.2.1 dev eth1 nud all":
    '[{"dst":"192.0.2.1","lladdr":"02:00:00:00:00:01","state":["STALE"]}]',
  "ip -j -4 neigh show": "[]",
};

/** What may be different from a node on which all is well. */
export interface Options {
  readonly answers?: Answers;
  readonly missing?: readonly string[];
  readonly installed?: readonly InstalledMark[];
  /** Rules of iptables' PREROUTING. */
  readonly rules?: readonly string[];
  /** What `nft list table` prints of the marks. */
  readonly marks?: string;
  readonly guard?: { readonly guarded: readonly Guarded[]; readonly dropped: readonly Dropped[] };
  readonly verdict?: Verdict;
  readonly devices?: readonly string[];
}

export interface Rig {
  readonly node: ExplainNode;
  readonly programs: FakePrograms;
  readonly routes: FakeNode;
  /** What gateways were asked. */
  readonly asked: ProbeRequest[];
}

export function rigOf(options: Options = {}): Rig {
  const programs = programsOf({ ...ANSWERS, ...options.answers }, options.missing);
  const routes = new FakeNode().change(node());
  const asked: ProbeRequest[] = [];
  const probes: Probes = {
    requirePing: async () => {},
    links: async () =>
      (options.devices ?? ["eth0", "eth1"]).map((name) => ({
        ...{ name, carrier: name !== "eth0", resolves: true },
      })),
    ask: async (request) => {
      asked.push(request);
      return options.verdict ?? { kind: "answered" };
    },
  };
  return {
    ...{ programs, routes, asked },
    node: {
      ...{ conf: CONF, option: " --conf /c", programs, routes, probes },
      backend: backendOf(options.installed ?? [INSTALLED]),
      nft: runnerOf(options.marks),
      guard: guardOf(options.guard),
      hasGuard: () => options.guard !== undefined,
      saved: async () => [
        { program: "iptables-nft", text: mangle(...(options.rules ?? [REPLY_RULE, MARK_RULE])) },
        { program: "iptables-legacy", problem: "not readable" },
      ],
    },
  };
}

function backendOf(installed: readonly InstalledMark[]): MarkBackend {
  return {
    places: ["nft"],
    home: () => "nft",
    pieces: ({ mark, addresses, markReplies }) =>
      addresses.flatMap((address) => [
        { address, piece: "mark rule", mark },
        ...(markReplies
          ? [{ address, piece: "reply rule", mark: { value: 0, mask: mark.mask } }]
          : []),
      ]),
    open: () => ({ list: async () => installed }) as unknown as Marks,
  };
}

function runnerOf(marks: string | undefined): NftRunner {
  const run: NftRunner["run"] = async ([command]) =>
    command === "list table inet tenant-routing-marks" && marks !== undefined
      ? { ok: true, stdout: marks, said: "" }
      : { ok: false, stdout: "", said: "Error: No such file or directory" };
  return {
    ...{ has: () => true, run, check: run, known: NOTHING_KNOWN },
    ...{ warmUp: () => {}, stop: () => {} },
  };
}

function guardOf(listed: Options["guard"]): Guard {
  const list: Guard["list"] = async () => {
    if (listed === undefined) throw new Error("a guard that cannot be there was asked");
    return listed;
  };
  return { list } as unknown as Guard;
}
