/** Where a probe packet got to, by counters. */
import { liveStep, type Counters, type LiveFacts } from "../../../../lib/explain/live";
import { factsWith } from "./facts";

const BEFORE: Counters = { fromPod: 10, marked: 5, guarded: 2, out: 20, into: 30 };
const TRACKED = { key: "tcp", answersTo: "10.10.10.2", answered: false };
const facts = factsWith();

function live(
  after: Partial<Counters>,
  change: Partial<LiveFacts> = {},
): ReturnType<typeof liveStep> {
  return liveStep({
    outcome: { end: "silent", error: undefined, what: "a TCP SYN to port 443" },
    timeoutMs: 3000,
    before: BEFORE,
    after: { ...BEFORE, ...after },
    tracked: [],
    facts: { before: facts, after: facts },
    ...change,
  });
}

const names = (step: ReturnType<typeof liveStep>): readonly string[] =>
  (step.steps ?? []).map(({ name }) => name);

test("an answer is the end of it", () => {
  const step = live(
    { fromPod: 11, marked: 6, out: 21, into: 31 },
    {
      outcome: { end: "answered", error: undefined, what: "a TCP SYN to port 443" },
      tracked: [TRACKED],
    },
  );
  expect(step).toMatchObject({ state: "ok", what: "a TCP SYN to port 443: answered" });
  expect(names(step)).toEqual([
    "the pod",
    "the mark rule",
    "the filters",
    "eth1",
    "the gateway",
    "answer",
  ]);
  expect(step.steps?.[2]?.what).toBe("tracked, answers go to 10.10.10.2, none yet");
});

test.each([
  ["the pod", {}, []],
  ["the mark rule", { fromPod: 11 }, []],
  ["the filters", { fromPod: 11, marked: 6, out: 21 }, []],
  ["eth1", { fromPod: 11, marked: 6 }, [TRACKED]],
] as const)("it stopped before %s", (place, after, tracked) => {
  const last = live(after, { tracked }).steps?.at(-1);
  expect(last).toMatchObject({
    name: "answer",
    what: `none: it stopped before ${place}`,
    finding: { code: "TR0917" },
  });
});

describe("beyond the gateway's device", () => {
  const LEFT = { fromPod: 11, marked: 6, out: 21 };
  const to = (address: string, change: object = {}) => {
    const before = { ...facts, packet: { ...facts.packet, to: address }, ...change };
    return { facts: { before, after: before } };
  };

  test("no answer is a warning that says where to look next", () => {
    const step = live(LEFT, { tracked: [TRACKED], ...to("198.51.100.7") });
    expect(step.state).toBe("warning");
    expect(step.steps?.at(-1)).toMatchObject({
      what: "none: no answer came within 3 s",
      finding: {
        code: "TR0918",
        fault:
          "a packet of team-a/web-0 left by 192.0.2.1 on eth1 as a, and no answer came within 3 s",
        remedy:
          "look in this order: the way back, on 192.0.2.1 (ip route get 10.10.10.2); its NAT; the destination itself",
      },
    });
  });

  test("without a gateway's address, a tenant or a tracked connection", () => {
    const way = { dev: "vpn0", via: undefined, table: 100, local: false };
    const pod = { ...facts.pod, tenant: undefined };
    const step = live(LEFT, { tracked: undefined, ...to("198.51.100.7", { way, pod }) });
    expect(step.steps?.at(-1)?.finding).toMatchObject({
      fault: "a packet of team-a/web-0 left by vpn0, and no answer came within 3 s",
      remedy: expect.stringContaining("its way back (ip route get 10.88.0.2)"),
    });
  });

  test("an address that only stands for the outside need not answer", () => {
    expect(live(LEFT, { tracked: [TRACKED] }).steps?.at(-1)?.finding?.remedy).toBe(
      "name a destination that answers: wrapper explain team-a/web-0 ADDRESS:PORT --live",
    );
  });

  test("a refusal from there is told", () => {
    const outcome = { end: "refused", error: "EHOSTUNREACH", what: "a TCP SYN" } as const;
    const step = live(LEFT, { outcome, tracked: [TRACKED], ...to("198.51.100.7") });
    expect(step.steps?.at(-1)?.what).toBe("none: a router refused it (EHOSTUNREACH)");
  });

  test("an answer that was tracked and did not get to the pod was lost here", () => {
    const step = live({ ...LEFT, into: 31 }, { tracked: [{ ...TRACKED, answered: true }] });
    expect(step).toMatchObject({ state: "failed" });
    expect(step.steps?.at(-1)?.finding).toMatchObject({
      code: "TR0919",
      remedy: expect.stringContaining("net.ipv4.conf.eth1.rp_filter"),
    });
  });
});

test("connections count only where they are tracked for certain", () => {
  for (const tracked of [undefined, []]) {
    const pod = { ...facts.pod, markReplies: tracked !== undefined };
    const before = { ...facts, pod };
    expect(names(live({}, { tracked, facts: { before, after: before } }))).not.toContain(
      "the filters",
    );
  }
});

test("the guard, and a rule whose counter has grown, dropped it", () => {
  const withCount = (packets: number): typeof facts => ({
    ...facts,
    firewall: {
      nft: undefined,
      nftProblem: undefined,
      saved: [
        {
          program: "iptables-nft",
          text: `*filter\n:FORWARD ACCEPT [0:0]\n[${packets}:60] -A FORWARD -m x -j DROP\n[4:1] -A FORWARD -m y -j DROP\nCOMMIT\n`,
        },
      ],
    },
  });
  const step = live(
    { fromPod: 11, marked: 6, guarded: 3 },
    { facts: { before: withCount(1), after: withCount(2) } },
  );
  const dropped = (step.steps ?? []).filter(({ name }) => name === "dropped");
  expect(dropped.map(({ what }) => what)).toEqual([
    'by "-A FORWARD -m x -j DROP" of iptables-nft filter FORWARD, it counted meanwhile',
    "by the guard: 1",
  ]);
  expect(dropped[0]?.finding?.remedy).toBe("iptables-nft -w -t filter -D FORWARD -m x -j DROP");
});
