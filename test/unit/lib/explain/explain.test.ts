/** The tree from facts: what each step says, which finding is first, and the verdict. */
import type { Finding } from "../../../../lib/checks/finding";
import { explain } from "../../../../lib/explain/explain";
import type { Explanation, Marked, PathFacts, PodFacts } from "../../../../lib/explain/model";
import { findFindings } from "../../../../lib/routes/conflicts/findings";
import { desiredRoutes } from "../../../../lib/routes/plan/desired";
import { confOf, TENANTS } from "../routes/node-rig";
import { CONF, factsWith, MARK, node, POD, what } from "./facts";

const HEALTHY = factsWith();
const RULE = {
  where: "iptables-nft mangle PREROUTING",
  text: "-A PREROUTING -j X",
  removal: "iptables-nft -w -t mangle -D PREROUTING -j X",
  counted: undefined,
};

function podWith(change: Partial<PodFacts>): Partial<PathFacts> {
  return { pod: { ...HEALTHY.pod, ...change } };
}

function markedWith(change: Partial<Marked>): Partial<PathFacts> {
  return { marked: { ...HEALTHY.marked, ...change } };
}

test("a healthy way has no finding, and its stages are those of a packet", () => {
  const { steps, verdict, state, first } = explain(HEALTHY);
  expect(steps.map(({ name }) => name)).toEqual([
    "pod",
    "mark",
    "route",
    "gateway",
    "leaving",
    "reply",
  ]);
  expect([state, first]).toEqual(["ok", undefined]);
  expect(verdict).toBe("team-a/web-0 -> 203.0.113.9 leaves by 192.0.2.1 on eth1 as a");
});

const drift = (kind: "missing" | "wrong-mark", ofMark: boolean): Partial<PathFacts> => ({
  marks: {
    ...(HEALTHY.marks ?? { installed: [], counted: undefined, shared: false, guard: undefined }),
    drifts: [{ kind, ofMark, text: "it is so" }],
  },
});

interface Case {
  readonly what: string;
  readonly change: Partial<PathFacts>;
  readonly code: string;
  readonly remedy: string;
  readonly verdict?: string;
}

const CASES: readonly Case[] = [
  {
    what: "an ADD did not finish",
    change: podWith({ unfinished: "ADD" }),
    code: "TR0901",
    remedy: "wrapper gc",
  },
  {
    what: "the sandbox is gone",
    change: podWith({ netns: undefined }),
    code: "TR0902",
    remedy: "wrapper gc",
  },
  {
    what: "the mark is missing",
    change: { ...drift("missing", true), ...markedWith({ value: 0 }) },
    code: "TR0903",
    remedy: "wrapper repair --apply",
    verdict: "leaves by 192.0.2.1 on eth1, NOT as a",
  },
  {
    what: "the mark is another",
    change: drift("wrong-mark", true),
    code: "TR0904",
    remedy: "wrapper repair --apply",
  },
  {
    what: "only the rule for replies is missing",
    change: drift("missing", false),
    code: "TR0904",
    remedy: "wrapper repair --apply",
  },
  {
    what: "a foreign rule spoils it",
    change: markedWith({ value: 0x20, spoiltBy: RULE }),
    code: "TR0905",
    remedy: RULE.removal,
    verdict: "NOT as a",
  },
  {
    what: "it is dropped before it is routed",
    change: markedWith({ dropped: RULE }),
    code: "TR0906",
    remedy: RULE.removal,
    verdict: "is dropped on this node",
  },
  {
    what: "it is not tracked",
    change: markedWith({ untracked: RULE }),
    code: "TR0907",
    remedy: RULE.removal,
    verdict: "leaves by 192.0.2.1 on eth1 as a",
  },
  {
    what: "the kernel refuses",
    change: { way: { refused: "Network is unreachable" } },
    code: "TR0912",
    remedy: "give the node a route to it: ip -4 route add default via GATEWAY",
    verdict: "is stopped on this node",
  },
  {
    what: "another gateway is taken",
    change: { way: { dev: "eth0", via: "198.51.100.1", table: 100, local: false } },
    code: "TR0911",
    remedy: expect.stringMatching(/wrapper routes apply$/) as unknown as string,
    verdict: "leaves by 198.51.100.1 on eth0, NOT as a",
  },
  {
    what: "the device has no carrier",
    change: {
      gateway: { neighbour: undefined, carrier: false, answer: "silent", why: "no carrier" },
    },
    code: "TR0913",
    remedy: "connect the other end of eth1",
    verdict: "is sent out by 192.0.2.1 on eth1 as a, and lost there",
  },
  {
    what: "the gateway is silent",
    change: { gateway: { neighbour: "FAILED", carrier: true, answer: "silent", why: "no answer" } },
    code: "TR0914",
    remedy: 'start the gateway 192.0.2.1, or correct "gateways" in the conflist',
    verdict: "lost there",
  },
  {
    what: "the answer does not find the pod",
    change: { back: { dev: "eth0", via: undefined, table: undefined, local: false } },
    code: "TR0916",
    remedy: "kubectl delete pod -n team-a web-0",
    verdict: "and its answers are lost",
  },
  {
    what: "the pod sends more than the device carries",
    change: podWith({ mtu: 9000 }),
    code: "TR0116",
    remedy: "nsenter --net=/run/netns/pod ip link set eth0 mtu 1500",
    verdict: "leaves by 192.0.2.1 on eth1 as a",
  },
];

test.each(CASES)("$what: $code", ({ change, code, remedy, verdict }) => {
  const { first, verdict: said } = explain(factsWith(change));
  expect(first).toMatchObject({ code, remedy });
  if (verdict !== undefined) expect(said).toContain(verdict);
});

test("a pod of a mark that no tenant has any more", () => {
  const facts = factsWith();
  const retired = { mark: MARK, stop: MARK, pods: ["team-a/web-0"] };
  const finding = { kind: "mark-without-tenant", tenant: undefined, retired } as const;
  const { first } = explain({ ...facts, routes: { ...facts.routes, findings: [finding] } });
  expect(first).toMatchObject({
    code: "TR0106",
    remedy: "kubectl delete pod -n team-a web-0",
    consequence: "its packets beyond the cluster are stopped",
  });
});

test("a pod without a record or a mark leaves as the node does", () => {
  const pod = {
    ...podWith({ containerId: undefined, mark: undefined, tenant: undefined, netns: undefined })
      .pod,
    unrecorded: "hostNetwork",
  } as PodFacts;
  const explained = explain(
    factsWith({
      pod,
      marks: undefined,
      packet: { family: 4, from: undefined, to: "203.0.113.9", port: undefined, iif: undefined },
      marked: { ...HEALTHY.marked, value: 0 },
      way: { dev: "eth0", via: "198.51.100.1", table: undefined, local: false },
      back: undefined,
    }),
  );
  expect([explained.state, explained.first]).toEqual(["ok", undefined]);
  expect(explained.verdict).toBe(
    "team-a/web-0 -> 203.0.113.9 leaves by the node's default route, by 198.51.100.1 on eth0, no tenant",
  );
  expect(explained.steps.map(({ name }) => name)).not.toContain("reply");
});

describe("translation", () => {
  function translation(snat: "none" | "masquerade", hasNat: boolean): Explanation {
    const conf = confOf({ tenants: { ...TENANTS, a: { ...TENANTS.a, snat } } });
    const state = node();
    const plan = desiredRoutes(conf, state);
    const findings = findFindings({ conf, plan, state });
    return explain(factsWith({ conf, routes: { plan, state, findings, collisions: [], hasNat } }));
  }

  test("by the tenant's snat", () => {
    expect(what(translation("masquerade", true), "translation")).toBe(
      'to the address of the device, by "snat" of a',
    );
    expect(what(translation("none", true), "translation")).toBe(
      `none: "snat" of a keeps the pod's address`,
    );
  });

  test("its table is missing", () => {
    expect(translation("masquerade", false).first).toMatchObject({
      code: "TR0915",
      remedy: "wrapper routes apply",
    });
  });

  test("by another's masquerade rule", () => {
    const text = `*nat\n:POSTROUTING ACCEPT [0:0]\n[1:60] -A POSTROUTING -s ${POD}/32 -j MASQUERADE\nCOMMIT\n`;
    const saved = [{ program: "iptables-nft", text }];
    expect(
      what(
        explain(factsWith({ firewall: { saved, nft: undefined, nftProblem: undefined } })),
        "translation",
      ),
    ).toBe(`by "-A POSTROUTING -s ${POD}/32 -j MASQUERADE" of iptables-nft nat POSTROUTING`);
  });
});

test("the guard drops what has not its mark", () => {
  const marks = {
    ...(HEALTHY.marks ?? { installed: [], counted: undefined, shared: false }),
    drifts: [{ kind: "missing", ofMark: true, text: "the mark is missing" }] as const,
    guard: { mark: MARK, dropped: 3 },
  };
  const explained = explain(factsWith({ marks, ...markedWith({ value: 0 }) }));
  expect(explained.verdict).toMatch(/is dropped on this node$/);
  expect(explained.first?.code).toBe("TR0903");
  expect(what(explained, "guard")).toBe("drops it: packets need 0x10/0xff; 3 dropped so far");
});

test("what cannot be looked at is unknown, and no fault", () => {
  const gateway = {
    neighbour: undefined,
    carrier: true,
    answer: "unknown",
    why: "no ping",
  } as const;
  const { state, first } = explain(factsWith({ gateway, ...markedWith({ maybe: [RULE] }) }));
  expect([state, first]).toEqual(["unknown", undefined]);
  expect(CONF.tenants).toHaveLength(2);
});

test.each([
  ["path-no-answer", "warning", "; no answer came back"],
  ["path-answer-lost", "failed", "; its answer was lost on this node"],
  ["path-stopped-live", "failed", "; the probe packet was lost on this node"],
] as const)("the verdict says how a probe with %s ended", (kind, severity, end) => {
  const finding = { kind, severity } as Finding;
  const probe = { name: "probe", what: "", state: severity, finding };
  expect(explain(HEALTHY, [probe]).verdict).toMatch(new RegExp(`as a${end}$`));
});

test("the verdict says that a probe was answered", () => {
  const probe = { name: "probe", what: "", state: "ok" } as const;
  expect(explain(HEALTHY, [probe]).verdict).toMatch(/ as a, and the answer came back$/);
});

test("what could not be read of the firewalls is a step of its own", () => {
  const firewall = { saved: [], nft: undefined, nftProblem: "nft is not installed" };
  const explained = explain(factsWith({ firewall }));
  expect(what(explained, "not seen")).toBe("nftables itself: nft is not installed");
  expect([explained.state, explained.first]).toEqual(["unknown", undefined]);
});
