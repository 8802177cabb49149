import { backoffMs, jittered } from "../../../../../../lib/kube/watch/stream/backoff";
import { pause, systemAfter } from "../../../../../../lib/kube/watch/stream/timer";

test("a pause doubles up to 30 seconds, half of it by chance", () => {
  expect([1, 2, 3, 7, 100].map((failures) => backoffMs(failures, () => 1))).toEqual([
    500, 1000, 2000, 30_000, 30_000,
  ]);
  expect(backoffMs(2, () => 0)).toBe(500);
  expect(jittered(1000, () => 0)).toBeCloseTo(800);
  expect(jittered(1000, () => 1)).toBeCloseTo(1200);
});

test("a pause ends by its time, or at once when it is not wanted any more", async () => {
  const abort = new AbortController();
  await pause(systemAfter, 1, abort.signal);
  const long = pause(systemAfter, 1_000_000, abort.signal);
  abort.abort();
  await long;
  await pause(systemAfter, 1_000_000, abort.signal);
});
