import { createAllowance } from "../../../../lib/reconcile/allowance";

test("after a time of rest, looks follow each other at once, however long each is", () => {
  const allowance = createAllowance();
  for (const now of [1000, 2000]) {
    allowance.spent(now, 900);
    expect(allowance.waitMs(now)).toBe(0);
  }
});

test("in the long run looks take a fifth of the time", () => {
  const allowance = createAllowance();
  let [now, looked] = [0, 0];
  while (now < 1_000_000) {
    now += allowance.waitMs(now) + 300;
    allowance.spent(now, 300);
    looked += 300;
  }
  expect(looked / now).toBeCloseTo(0.2, 2);
});

test("rest gives back no more than a full allowance", () => {
  const allowance = createAllowance();
  allowance.spent(1_000_000, 2500);
  expect(allowance.waitMs(1_000_000)).toBe(2500);
  expect(allowance.waitMs(1_001_000)).toBe(1500);
  expect(allowance.waitMs(1_010_000)).toBe(0);
});
