import { createPace, remember, settled } from "../../../../../lib/agent/metrics/remember";

beforeEach(() => jest.useFakeTimers({ now: 0 }));
afterEach(() => jest.useRealTimers());

test("a value is read once for all who ask, and again after its time", async () => {
  let reads = 0;
  const value = remember(100, async () => ++reads);
  expect(await Promise.all([value(), value()])).toEqual([1, 1]);
  await jest.advanceTimersByTimeAsync(99);
  expect(await value()).toBe(1);
  await jest.advanceTimersByTimeAsync(2);
  expect(await value()).toBe(2);
});

test("its time begins when it has been read", async () => {
  let reads = 0;
  const value = remember(100, async () => {
    await new Promise((resolve) => setTimeout(resolve, 500));
    return ++reads;
  });
  const first = value();
  await jest.advanceTimersByTimeAsync(300);
  expect(value()).toBe(first);
  await jest.advanceTimersByTimeAsync(250);
  expect(await value()).toBe(1);
});

test("a failure is everybody's, and is forgotten like a value", async () => {
  let fail = true;
  const value = remember(100, async () => {
    if (fail) throw new Error("no");
    return 1;
  });
  await expect(value()).rejects.toThrow("no");
  fail = false;
  await expect(value()).rejects.toThrow("no");
  await jest.advanceTimersByTimeAsync(101);
  expect(await value()).toBe(1);
});

test("waiting ends with the promise, also with its failure, or with the time", async () => {
  await settled(Promise.resolve(), 1e6);
  await settled(Promise.reject(new Error("no")), 1e6);
  const slow = settled(new Promise(() => {}), 100);
  await jest.advanceTimersByTimeAsync(100);
  await slow;
  expect(jest.getTimerCount()).toBe(0);
});

test("so many pass in a second, the others in the next ones", async () => {
  const pace = createPace(2);
  let passed = 0;
  for (let i = 0; i < 5; i++) void pace().then(() => passed++);
  await jest.advanceTimersByTimeAsync(0);
  expect(passed).toBe(2);
  await jest.advanceTimersByTimeAsync(1000);
  expect(passed).toBe(4);
  await jest.advanceTimersByTimeAsync(1000);
  expect(passed).toBe(5);
});
