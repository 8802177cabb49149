import { CniError } from "../../../../lib/cni/error";
import {
  type Budget,
  type Patience,
  retrying,
  Transient,
  DeadlineError,
} from "../../../../lib/kube/errors";

/** A clock that stands still but for its sleeps. */
function budgetOf(ms: number): { budget: Budget; slept: number[] } {
  const slept: number[] = [];
  const elapsed = (): number => slept.reduce((sum, pause) => sum + pause, 0);
  return {
    slept,
    budget: {
      deadline: ms,
      clock: { now: () => new Date(0), elapsed, sleep: async (pause) => void slept.push(pause) },
    },
  };
}
const transient = (patience?: Patience): Transient =>
  new Transient(new CniError("forbidden", "not yet"), patience);
const cutOff = (): CniError =>
  new CniError("tryAgainLater", "too late", { cause: new DeadlineError() });

/** Attempts that fail one after the other with `errors`, the last one for ever. */
function failing(...errors: readonly Error[]): () => Promise<never> {
  let count = 0;
  return async () => {
    throw errors[Math.min(count++, errors.length - 1)];
  };
}

test("a hiccup is bridged by six attempts", async () => {
  const { budget, slept } = budgetOf(60_000);
  await expect(retrying(budget, failing(transient()))).rejects.toMatchObject({
    message: "not yet",
    details: "attempts: 6",
  });
  expect(slept).toEqual([50, 100, 200, 400, 800]);
});

test("what is waited for to the end is asked about every second until then", async () => {
  const { budget, slept } = budgetOf(10_000);
  await expect(retrying(budget, failing(transient({ toTheEnd: true })))).rejects.toMatchObject({
    code: 103,
    details: "attempts: 14",
  });
  expect(slept).toEqual([50, 100, 200, 400, 800, ...Array<number>(8).fill(1000)]);
});

test("a hiccup in the middle of that is bridged too", async () => {
  const { budget } = budgetOf(60_000);
  const attempts = [...Array<Error>(9).fill(transient({ toTheEnd: true })), transient()];
  await expect(retrying(budget, failing(...attempts))).rejects.toMatchObject({
    details: "attempts: 15",
  });
});

test("an attempt that the end cut off does not hide the answer before it", async () => {
  const { budget } = budgetOf(60_000);
  const attempts = failing(transient({ toTheEnd: true }), ...Array<Error>(20).fill(cutOff()));
  await budget.clock.sleep(59_990);
  await expect(retrying(budget, attempts)).rejects.toMatchObject({ message: "not yet" });
  await expect(retrying(budget, failing(transient(), cutOff()))).rejects.toMatchObject({
    message: "not yet",
  });
});

test("another failure for good is told as it is", async () => {
  const error = new CniError("untrusted", "no");
  await expect(
    retrying(budgetOf(60_000).budget, failing(transient({ toTheEnd: true }), error)),
  ).rejects.toBe(error);
  const late = cutOff();
  await expect(retrying(budgetOf(60_000).budget, failing(transient(), late))).rejects.toBe(late);
});
