import { CniError } from "../../../../../lib/cni/error";
import { inBackground, pacedPair } from "../../../../../lib/agent/page/paced";

const clockAt = () => {
  const clock = { at: 0, elapsed: () => clock.at, now: () => new Date(clock.at) };
  return clock;
};

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

describe("what is read when somebody asks", () => {
  test("is read once for all who ask within a second, and comes with the reading before it", async () => {
    const clock = clockAt();
    let reads = 0;
    const ask = pacedPair(async () => ++reads, clock);
    expect(await Promise.all([ask(), ask()])).toEqual([{ now: 1 }, { now: 1 }]);
    clock.at = 999;
    expect(await ask()).toEqual({ now: 1 });
    clock.at = 1000;
    expect(await ask()).toEqual({ now: 2, before: 1 });
  });

  test("takes no more than a tenth of the time", async () => {
    const clock = clockAt();
    let reads = 0;
    const ask = pacedPair(async () => {
      clock.at += 500;
      return ++reads;
    }, clock);
    await ask();
    clock.at = 500 + 4499;
    expect((await ask()).now).toBe(1);
    clock.at = 500 + 4500;
    expect((await ask()).now).toBe(2);
  });

  test("is read again by the next who asks where it failed, and the reading before stays", async () => {
    const clock = clockAt();
    const outcomes = [async () => 1, () => Promise.reject(new Error("no")), async () => 3];
    let at = 0;
    const ask = pacedPair(() => (outcomes[at++] ?? outcomes[0])?.() ?? Promise.resolve(0), clock);
    await ask();
    clock.at = 2000;
    await expect(ask()).rejects.toThrow("no");
    clock.at = 4000;
    expect(await ask()).toEqual({ now: 3, before: 1 });
  });

  test("is forgotten when nobody asks for a minute", async () => {
    const clock = clockAt();
    let reads = 0;
    const ask = pacedPair(async () => ++reads, clock);
    await ask();
    jest.advanceTimersByTime(60_000);
    clock.at = 60_000;
    expect(await ask()).toEqual({ now: 2 });
  });
});

describe("what is slow", () => {
  test("is looked at in the background, again when it is old, and nobody waits for it", async () => {
    const clock = clockAt();
    let looks = 0;
    const known = inBackground(5000, async () => ++looks, clock);
    expect(known()).toEqual({});
    expect(known()).toEqual({});
    await Promise.resolve();
    await Promise.resolve();
    expect(known()).toEqual({ value: 1, at: new Date(0) });
    clock.at = 5000;
    expect(known().value).toBe(1);
    await Promise.resolve();
    await Promise.resolve();
    expect([known().value, looks]).toEqual([2, 2]);
  });

  test("keeps the last outcome where a look fails, and says why", async () => {
    const clock = clockAt();
    let looks = 0;
    const known = inBackground(
      1000,
      async () => {
        if (++looks === 2) throw new CniError("io", "no");
        return looks;
      },
      clock,
    );
    known();
    await Promise.resolve();
    await Promise.resolve();
    clock.at = 1000;
    known();
    await Promise.resolve();
    await Promise.resolve();
    expect(known()).toEqual({ value: 1, at: new Date(0), problem: "no" });
  });

  test("is forgotten when nobody asks for a minute", async () => {
    const clock = clockAt();
    const known = inBackground(1000, async () => "seen", clock);
    known();
    await Promise.resolve();
    await Promise.resolve();
    expect(known().value).toBe("seen");
    jest.advanceTimersByTime(60_000);
    expect(known()).toEqual({});
  });
});
