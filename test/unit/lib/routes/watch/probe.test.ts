import { CniError } from "../../../../../lib/cni/error";
import type { Clock } from "../../../../../lib/ports";
import {
  createProbes,
  type LinkCondition,
  type ProbeRequest,
} from "../../../../../lib/routes/watch/probe";
import type { ProgramOutcome, Programs } from "../../../../../lib/node/programs";
import type { ResolvedGateway } from "../../../../../lib/routes/model";

const GATEWAY: ResolvedGateway = {
  tenant: "a",
  family: 4,
  via: "192.0.2.1",
  dev: "eth1",
  weight: 1,
  check: undefined,
  unusable: undefined,
};
const LINK: LinkCondition = { name: "eth1", carrier: true, resolves: true };
const OK: ProgramOutcome = { ok: true, stdout: "", said: "" };

function clockOf(): Clock {
  let now = 0;
  return { now: () => new Date(now), elapsed: () => now, sleep: async (ms) => void (now += ms) };
}

/** Programs that answer one command line after the other; the last answer stays. */
function programsOf(
  ...answers: (string | Partial<ProgramOutcome>)[]
): Programs & { readonly calls: string[] } {
  const calls: string[] = [];
  const attempt = async (name: string, args: readonly string[]): Promise<ProgramOutcome> => {
    calls.push([name, ...args].join(" "));
    const answer = (answers.length > 1 ? answers.shift() : answers[0]) ?? "";
    return typeof answer === "string" ? { ...OK, stdout: answer } : { ...OK, ...answer };
  };
  return {
    calls,
    has: () => true,
    try: attempt,
    run: async (name, args) => {
      const { ok, stdout, said } = await attempt(name, args);
      if (!ok) throw new CniError("io", said);
      return stdout;
    },
  };
}

function ask(
  programs: Programs,
  part: Partial<ProbeRequest> = {},
): ReturnType<ReturnType<typeof createProbes>["ask"]> {
  return createProbes(programs, clockOf()).ask({
    gateway: GATEWAY,
    mark: { value: 0x10, mask: 0xff },
    timeoutMs: 500,
    links: [LINK],
    ...part,
  });
}

const neighbour = (state: string, flags: object = {}): string =>
  JSON.stringify([{ dst: "192.0.2.1", ...flags, state: [state] }]);
const SHOW = "ip -j -4 neigh show 192.0.2.1 dev eth1 nud all";
const change = (verb: string, words: string): string =>
  `ip -4 neigh ${verb} 192.0.2.1 dev eth1 ${words}`;

test.each(["REACHABLE", "STALE", "DELAY"])(
  "a neighbour that is %s is asked again, and answers",
  async (state) => {
    const programs = programsOf(neighbour(state), "", neighbour("PROBE"), neighbour("REACHABLE"));
    expect(await ask(programs)).toEqual({ kind: "answered" });
    expect(programs.calls).toEqual([SHOW, change("change", "nud probe"), SHOW, SHOW]);
  },
);

test.each([
  ["[]", undefined],
  ["", undefined],
  [neighbour("FAILED"), undefined],
  [neighbour("PROBE"), "failed"],
  [neighbour("INCOMPLETE"), "failed"],
])("with %s everybody is asked who has the address", async (entry, first) => {
  const programs = programsOf(
    entry,
    ...(first === undefined ? [] : [""]),
    "",
    neighbour("INCOMPLETE"),
    neighbour("REACHABLE"),
  );
  expect(await ask(programs)).toEqual({ kind: "answered" });
  expect(programs.calls).toEqual([
    SHOW,
    ...(first === undefined ? [] : [change("change", "nud failed")]),
    change("replace", "use"),
    SHOW,
    SHOW,
  ]);
});

test.each(["INCOMPLETE", "PROBE"])(
  "one that stays %s until the time is over is silent",
  async (state) => {
    expect(await ask(programsOf(neighbour("STALE"), "", neighbour(state)))).toEqual({
      kind: "silent",
      why: "no answer to neighbour discovery",
    });
  },
);

test("one that the kernel gives up is silent at once", async () => {
  const programs = programsOf(neighbour("STALE"), "", neighbour("FAILED"));
  expect(await ask(programs)).toMatchObject({ kind: "silent" });
  expect(programs.calls).toHaveLength(3);
});

test.each(["PERMANENT", "NOARP"])(
  "a %s entry is as good as an answer, and is not touched",
  async (state) => {
    const programs = programsOf(neighbour(state));
    expect(await ask(programs)).toEqual({ kind: "answered" });
    expect(programs.calls).toEqual([SHOW]);
  },
);

test("flags of others on the entry stay", async () => {
  const programs = programsOf(
    neighbour("REACHABLE", { router: null, extern_learn: null }),
    "",
    neighbour("REACHABLE"),
  );
  await ask(programs);
  expect(programs.calls[1]).toBe(change("change", "router extern_learn nud probe"));
});

test("IPv6 neighbours are asked for as such", async () => {
  const programs = programsOf(neighbour("PERMANENT"));
  await ask(programs, { gateway: { ...GATEWAY, family: 6, via: "fe80::1" } });
  expect(programs.calls).toEqual(["ip -j -6 neigh show fe80::1 dev eth1 nud all"]);
});

test("no carrier is certain, and nobody is asked", async () => {
  const programs = programsOf();
  expect(await ask(programs, { links: [{ ...LINK, carrier: false }] })).toEqual({
    kind: "silent",
    certain: true,
    why: "no carrier on eth1",
  });
  expect(programs.calls).toEqual([]);
});

test("a device alone, or one without neighbours, is enough", async () => {
  const programs = programsOf();
  expect(await ask(programs, { gateway: { ...GATEWAY, via: undefined } })).toEqual({
    kind: "answered",
  });
  expect(await ask(programs, { links: [{ ...LINK, resolves: false }] })).toEqual({
    kind: "answered",
  });
  expect(programs.calls).toEqual([]);
});

test("what cannot be asked is unknown", async () => {
  expect(await ask(programsOf(), { links: [] })).toEqual({
    kind: "unknown",
    why: "device eth1 is gone",
  });
  expect(await ask(programsOf({ ok: false, said: "ip failed" }))).toEqual({
    kind: "unknown",
    why: "ip failed",
  });
});

test("an address to check is pinged with the tenant's mark, by the gateway's device", async () => {
  const programs = programsOf("");
  expect(
    await ask(programs, { gateway: { ...GATEWAY, check: "198.51.100.9" }, timeoutMs: 1500 }),
  ).toEqual({ kind: "answered" });
  expect(programs.calls).toEqual(["ping -n -c 1 -W 1.5 -m 16 -I eth1 198.51.100.9"]);
});

test("a ping that fails is silence, with its words; it never waits until it is killed", async () => {
  const programs = programsOf({ ok: false, said: "connect: Network is unreachable" });
  expect(
    await ask(programs, { gateway: { ...GATEWAY, check: "198.51.100.9" }, timeoutMs: 60_000 }),
  ).toEqual({
    kind: "silent",
    why: "no answer from 198.51.100.9 (connect: Network is unreachable)",
  });
  expect(programs.calls[0]).toContain("-W 15 ");
});

test("only the ping of iputils will do", async () => {
  await expect(
    createProbes(programsOf("ping from iputils 20221126"), clockOf()).requirePing(),
  ).resolves.toBeUndefined();
  await expect(
    createProbes(programsOf("ping (GNU inetutils) 2.4"), clockOf()).requirePing(),
  ).rejects.toThrow("install the package iputils-ping");
});

test("links: their other end, and whether they have neighbours", async () => {
  const links = [
    { ifname: "lo", flags: ["LOOPBACK", "UP"] },
    { ifname: "eth1", flags: ["NO-CARRIER", "UP"] },
    { ifname: "wg0", flags: ["POINTOPOINT", "NOARP", "UP"] },
    { ifname: "odd" },
  ];
  expect(await createProbes(programsOf(JSON.stringify(links)), clockOf()).links()).toEqual([
    { name: "lo", carrier: true, resolves: true },
    { name: "eth1", carrier: false, resolves: true },
    { name: "wg0", carrier: true, resolves: false },
    { name: "odd", carrier: true, resolves: true },
  ]);
});
