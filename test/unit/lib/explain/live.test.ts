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

test("beyond the gateway's device it is not this node that lost it", () => {
  const step = live({ fromPod: 11, marked: 6, out: 21 }, { tracked: [TRACKED] });
  expect(step.state).toBe("ok");
  expect(step.steps?.at(-1)?.what).toBe(
    "none: the packet left the node, and no answer came to the pod",
  );
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
