/** A probe packet on a node on paper: the counters before and after it, and what it met. */
import fs from "node:fs";
import type { LiveFacts } from "../../../../../lib/explain/live";
import { readGround, readPath } from "../../../../../lib/explain/node/gather";
import { probeLive } from "../../../../../lib/explain/node/live";
import type { Packet, PodFacts } from "../../../../../lib/explain/model";
import type { ProgramOutcome } from "../../../../../lib/node/programs";
import { MARK, POD } from "../facts";
import { ATTACHMENT, POD_FACTS, type Rig, rigOf, TAG, TO } from "./rig";

jest.mock("node:fs", () => {
  const real = jest.requireActual<typeof fs>("node:fs");
  return { ...real, readFileSync: jest.fn(real.readFileSync) };
});

const PING = `nsenter --net=/run/netns/pod ping -n -c 1 -W 3 -I ${POD} ${TO.address}`;
const OWN = "nsenter --net=/run/netns/pod /";
const ICMP = "an ICMP echo request";
const stats = (rx: number, tx: number): string =>
  `[{"stats64":{"rx":{"packets":${rx}},"tx":{"packets":${tx}}}}]`;
const tracked = (sport: number): string =>
  `ipv4     2 tcp      6 119 SYN_SENT src=${POD} dst=${TO.address} sport=${sport} dport=443 ` +
  `[UNREPLIED] src=${TO.address} dst=192.0.2.9 sport=443 dport=${sport} mark=0 use=1`;

/** What /proc/net/nf_conntrack has, one look after the other; afterwards it is not there. */
function listing(...texts: string[]): void {
  const { readFileSync } = jest.requireActual<typeof fs>("node:fs");
  jest.mocked(fs.readFileSync).mockImplementation((path, options) => {
    if (path !== "/proc/net/nf_conntrack") return readFileSync(path, options);
    const text = texts.shift();
    if (text === undefined) throw new Error("ENOENT");
    return text;
  });
}

beforeEach(() => listing());

/** Rigs whose ping or own probe answers this. */
const ponging = (outcome: string | Partial<ProgramOutcome>, missing: readonly string[] = []): Rig =>
  rigOf({
    missing,
    answers: {
      [PING]: outcome,
      [OWN]: outcome,
      "ip -j -s link show dev veth1": stats(10, 11),
      "ip -j -s link show dev eth1": stats(20, 21),
    },
  });

/** `port`: a ping where there is none. `change`: of the packet that was looked at. */
async function probe(
  { node }: Rig,
  {
    port,
    pod = POD_FACTS,
    change = {},
  }: { port?: number | undefined; pod?: PodFacts; change?: Partial<Packet> } = {},
): Promise<LiveFacts> {
  const ground = await readGround(node, pod, ATTACHMENT);
  const before = await readPath(node, ground, { from: POD, to: { ...TO, port } });
  return probeLive(node, ground, { ...before, packet: { ...before.packet, ...change } });
}

test.each([
  ["no namespace known", { pod: { ...POD_FACTS, netns: undefined } }],
  ["no address of its own", { change: { from: undefined } }],
])("a pod with %s has nothing to send from", async (_, options) => {
  const rig = ponging("");
  await expect(probe(rig, options)).rejects.toMatchObject({
    code: 5,
    message: expect.stringContaining("team-a/web-0 has no network namespace of its own here"),
  });
  expect(rig.programs.calls.filter((line) => line.includes("ping"))).toEqual([]);
});

describe("a ping", () => {
  test("is answered", async () => {
    const { outcome } = await probe(ponging("64 bytes from 203.0.113.9: icmp_seq=1 ttl=60\n"));
    expect(outcome).toEqual({ end: "answered", error: undefined, what: ICMP });
  });

  test("is not answered", async () => {
    const stdout = "1 packets transmitted, 0 received, 100% packet loss, time 0ms\n";
    const { outcome } = await probe(ponging({ stdout }));
    expect(outcome).toEqual({ end: "silent", error: undefined, what: ICMP });
  });

  test("is refused by a router", async () => {
    const stdout =
      "PING 203.0.113.9 (203.0.113.9) from 10.88.0.2 : 56(84) bytes of data.\n" +
      "From 10.88.0.1 icmp_seq=1 Destination Host Unreachable\n\n" +
      "--- 203.0.113.9 ping statistics ---\n" +
      "1 packets transmitted, 0 received, +1 errors, 100% packet loss, time 0ms\n";
    const { outcome } = await probe(ponging({ stdout }));
    expect(outcome).toMatchObject({ end: "refused", error: "Destination Host Unreachable" });
  });

  test("is refused by the pod's own kernel", async () => {
    const said = "ping: connect: Network is unreachable";
    const { outcome } = await probe(ponging({ said }));
    expect(outcome).toEqual({ end: "refused", error: said, what: ICMP });
  });
});

describe("our own probe", () => {
  const ANSWER = { end: "answered", error: "ECONNREFUSED", what: "a TCP SYN to port 443" };
  const request = (port: number | undefined): string =>
    `nsenter --net=/run/netns/pod ${process.execPath} explain probe ` +
    JSON.stringify({ address: TO.address, port, source: POD, timeoutMs: 3000 });

  test.each([
    ["for a port", 443, []],
    ["where there is no ping", undefined, ["ping"]],
  ])("runs in the pod's namespace %s", async (_, port, missing) => {
    const rig = ponging(JSON.stringify(ANSWER), missing);
    expect((await probe(rig, { port })).outcome).toEqual(ANSWER);
    expect(rig.programs.calls).toContain(request(port));
    expect(rig.programs.calls).not.toContain(PING);
  });

  test("an answer that is no object is none", async () => {
    await expect(probe(ponging("[]"), { port: 443 })).rejects.toThrow(
      "the probe's answer is no object",
    );
  });

  test("one that cannot be started says why", async () => {
    const said = "nsenter: cannot open /run/netns/pod: No such file or directory";
    await expect(probe(ponging({ said }), { port: 443 })).rejects.toThrow(said);
  });
});

describe("counters", () => {
  test("of devices, of the mark and of the guard, before and after", async () => {
    let sent = 0;
    const rig = rigOf();
    const { programs } = rig;
    const own = programs.try.bind(programs);
    const attempt: typeof own = async (name, args, stdin) => {
      const line = [name, ...args].join(" ");
      if (line === PING) sent++;
      const count = line.endsWith("veth1") ? stats(10 + sent, 5) : stats(30 + sent, 20 + sent);
      if (line === PING) return { ok: true, stdout: "", said: "" };
      return line.startsWith("ip -j -s link show")
        ? { ok: true, stdout: count, said: "" }
        : own(name, args, stdin);
    };
    const entry = { address: POD, tag: TAG, label: "", mark: MARK, markReplies: false };
    const node = {
      ...rig.node,
      programs: { ...programs, try: attempt },
      hasGuard: () => true,
      guard: {
        ...rig.node.guard,
        list: async () => ({
          guarded: [entry],
          dropped: [{ mark: MARK, packets: 2 + sent, bytes: 0 }],
        }),
      },
      saved: async () =>
        (await rig.node.saved()).map((each) =>
          "text" in each ? { ...each, text: each.text.replace("[12:", `[${12 + sent}:`) } : each,
        ),
    };
    const live = await probe({ ...rig, node });
    expect(live.before).toEqual({ fromPod: 10, out: 20, into: 30, marked: 12, guarded: 2 });
    expect(live.after).toEqual({ fromPod: 11, out: 21, into: 31, marked: 13, guarded: 3 });
    expect(live.facts.before.marks?.counted?.packets).toBe(12);
    expect(live.facts.after.marks?.counted?.packets).toBe(13);
    expect(live.facts.after.packet).toEqual(live.facts.before.packet);
  });

  test("are read again before the gateway is asked, which sends packets of its own", async () => {
    const rig = ponging("");
    const { probes } = rig.node;
    const ask: typeof probes.ask = async (question) => {
      rig.programs.calls.push("the gateway is asked");
      return probes.ask(question);
    };
    await probe({ ...rig, node: { ...rig.node, probes: { ...probes, ask } } });
    const calls = rig.programs.calls.filter((line) => / -s link |ping|asked/.test(line));
    expect(calls).toEqual([
      "the gateway is asked",
      "ip -j -s link show dev veth1",
      "ip -j -s link show dev eth1",
      PING,
      "ip -j -s link show dev veth1",
      "ip -j -s link show dev eth1",
      "the gateway is asked",
    ]);
  });

  test("a way that is refused leads to no device", async () => {
    const line = `ip -j -N -4 route get ${TO.address} from ${POD} iif veth1 mark 16`;
    const rig = rigOf({
      answers: {
        [PING]: "",
        [line]: { ok: false, said: "RTNETLINK answers: No route to host" },
        "ip -j -s link show dev veth1": stats(10, 11),
      },
    });
    const { before } = await probe(rig);
    expect(before).toMatchObject({ fromPod: 10, out: undefined, into: undefined });
  });
});

describe("tracked connections", () => {
  test("those that came with the packet", async () => {
    listing(`${tracked(40001)}\n`, `${tracked(40001)}\n${tracked(40002)}\n`);
    const live = await probe(ponging(""));
    expect(live.tracked).toEqual([
      {
        key: expect.stringContaining("sport=40002"),
        answersTo: "192.0.2.9",
        answered: false,
      },
    ]);
  });

  test("none came", async () => {
    listing(tracked(40001), tracked(40001));
    expect((await probe(ponging(""))).tracked).toEqual([]);
  });

  test("the kernel does not list them", async () => {
    expect((await probe(ponging(""))).tracked).toBeUndefined();
  });
});
