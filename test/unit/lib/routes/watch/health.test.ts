import {
  ASSUMED_UP,
  createHealthTracker,
  type GatewayHealth,
  withoutDevice,
  afterProbe,
  type Verdict,
} from "../../../../../lib/routes/watch/health";
import type { ResolvedGateway } from "../../../../../lib/routes/model";

const RULES = { failAfter: 3, holdDownMs: 1000 };
const ANSWERED: Verdict = { kind: "answered" };
const SILENT: Verdict = { kind: "silent", why: "nobody there" };
const CERTAIN: Verdict = { kind: "silent", why: "no carrier", certain: true };
const UNKNOWN: Verdict = { kind: "unknown", why: "no ping" };
const DOWN: GatewayHealth = {
  up: false,
  failures: 3,
  answeringSince: undefined,
  lastError: "nobody there",
};

/** The states after probes that end 100 ms after each other, from 0. */
function after(before: GatewayHealth, ...verdicts: Verdict[]): GatewayHealth {
  return verdicts.reduce((state, verdict, i) => afterProbe(state, verdict, i * 100, RULES), before);
}

test("up: two failures are none, the third in a row takes it out", () => {
  expect(after(ASSUMED_UP, SILENT, SILENT)).toEqual({
    up: true,
    failures: 2,
    answeringSince: undefined,
    lastError: "nobody there",
  });
  expect(after(ASSUMED_UP, SILENT, SILENT, SILENT)).toEqual(DOWN);
});

test("up: an answer in between starts the count anew and clears the error", () => {
  expect(after(ASSUMED_UP, SILENT, SILENT, ANSWERED)).toEqual(ASSUMED_UP);
  expect(after(ASSUMED_UP, SILENT, SILENT, ANSWERED, SILENT, SILENT).up).toBe(true);
});

test("up: what is certain takes it out at once", () => {
  expect(after(ASSUMED_UP, CERTAIN)).toEqual({
    up: false,
    failures: 1,
    answeringSince: undefined,
    lastError: "no carrier",
  });
});

test("up: one failure is enough where failAfter is 1", () => {
  expect(afterProbe(ASSUMED_UP, SILENT, 0, { ...RULES, failAfter: 1 }).up).toBe(false);
});

test("down: the first answer begins the hold-down, and only its whole length ends it", () => {
  const first = afterProbe(DOWN, ANSWERED, 5000, RULES);
  expect(first).toEqual({ ...DOWN, failures: 0, answeringSince: 5000 });
  expect(afterProbe(first, ANSWERED, 5999, RULES)).toEqual(first);
  expect(afterProbe(first, ANSWERED, 6000, RULES)).toEqual(ASSUMED_UP);
});

test.each([
  ["a failure", SILENT],
  ["a certain failure", CERTAIN],
])("down: %s begins the hold-down anew", (_, verdict) => {
  const again = afterProbe(
    afterProbe(afterProbe(DOWN, ANSWERED, 0, RULES), verdict, 900, RULES),
    ANSWERED,
    1000,
    RULES,
  );
  expect(again).toMatchObject({ up: false, answeringSince: 1000 });
});

test("down: failures go on being counted", () => {
  expect(afterProbe(DOWN, SILENT, 0, RULES)).toEqual({ ...DOWN, failures: 4 });
});

test("a probe that could not be made changes nothing but the error", () => {
  const answering = afterProbe(DOWN, ANSWERED, 0, RULES);
  for (const state of [ASSUMED_UP, DOWN, answering, after(ASSUMED_UP, SILENT, SILENT)]) {
    expect(afterProbe(state, UNKNOWN, 100, RULES)).toEqual({ ...state, lastError: "no ping" });
  }
  expect(after(ASSUMED_UP, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN).up).toBe(true);
});

test("a lost device takes the gateway out, and ends what was counted", () => {
  expect(withoutDevice(ASSUMED_UP)).toEqual({ ...ASSUMED_UP, up: false });
  expect(withoutDevice(afterProbe(DOWN, ANSWERED, 0, RULES))).toEqual({ ...DOWN, failures: 0 });
  expect(withoutDevice(after(ASSUMED_UP, SILENT, SILENT))).toMatchObject({
    up: false,
    failures: 0,
  });
});

describe("the health of all gateways", () => {
  const gateway = (change: Partial<ResolvedGateway> = {}): ResolvedGateway => ({
    tenant: "a",
    family: 4,
    via: "192.0.2.1",
    dev: "eth1",
    weight: 1,
    check: undefined,
    unusable: undefined,
    ...change,
  });

  test("a gateway whose device was looked up, and was gone, waits out the hold-down when a device leads there again", () => {
    const health = createHealthTracker(() => RULES);
    health.retain([gateway({ dev: undefined, unusable: "off-link" })]);
    expect(health.of(gateway()).up).toBe(false);
    health.retain([gateway()]);
    expect(health.of(gateway()).up).toBe(false);
    expect([0, 999, 1000].map((now) => health.record(gateway(), ANSWERED, now))).toEqual([
      false,
      false,
      true,
    ]);
  });

  test("knows gateways by tenant, family, address and device, whatever else changes about them", () => {
    const health = createHealthTracker(() => RULES);
    expect(health.record(gateway(), CERTAIN, 0)).toBe(true);
    expect(health.record(gateway(), CERTAIN, 0)).toBe(false);
    expect(health.of(gateway({ weight: 7, unusable: "failed" })).up).toBe(false);
    for (const other of [
      { tenant: "b" },
      { family: 6 as const },
      { via: "192.0.2.2" },
      { dev: "eth2" },
    ])
      expect(health.of(gateway(other)).up).toBe(true);
  });

  test("says when one comes back", () => {
    const health = createHealthTracker(() => RULES);
    health.record(gateway(), CERTAIN, 0);
    expect([
      health.record(gateway(), ANSWERED, 0),
      health.record(gateway(), ANSWERED, 1000),
    ]).toEqual([false, true]);
  });

  test("forgets gateways that are gone, and takes those out whose device is gone", () => {
    const health = createHealthTracker(() => RULES);
    for (const via of ["192.0.2.1", "192.0.2.2"]) health.record(gateway({ via }), CERTAIN, 0);
    health.record(gateway(), ANSWERED, 0);
    health.retain([gateway({ unusable: "device-down" })]);
    expect(health.of(gateway())).toMatchObject({ up: false, answeringSince: undefined });
    expect(health.of(gateway({ via: "192.0.2.2" })).up).toBe(true);
  });

  test("leaves those alone that go on being probed", () => {
    const health = createHealthTracker(() => RULES);
    health.record(gateway(), CERTAIN, 0);
    health.record(gateway(), ANSWERED, 0);
    health.retain([gateway({ unusable: "failed" })]);
    expect(health.of(gateway()).answeringSince).toBe(0);
  });
});
