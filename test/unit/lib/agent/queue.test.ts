import { createQueue } from "../../../../lib/agent/queue";

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

/** Bodies that end when the test says so, and the order in which they began. */
function work() {
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  const body = (name: string) => () => {
    begun.push(name);
    return new Promise<string>((resolve) => ends.set(name, () => resolve(name)));
  };
  const finish = async (name: string): Promise<void> => {
    await jest.advanceTimersByTimeAsync(0);
    ends.get(name)?.();
    await jest.advanceTimersByTimeAsync(0);
  };
  return { begun, body, finish };
}

test("as many as there are slots begin at once, the others in their order", async () => {
  const { begun, body, finish } = work();
  const queue = createQueue(() => ({ slots: 2, limitMs: 1000 }));
  const results = ["a", "b", "c", "d"].map((name) => queue.run(body(name)));
  await jest.advanceTimersByTimeAsync(0);
  expect([begun, queue.active, queue.waiting]).toEqual([["a", "b"], 2, 2]);
  await finish("b");
  expect(begun).toEqual(["a", "b", "c"]);
  await finish("a");
  expect([begun, queue.active, queue.waiting]).toEqual([["a", "b", "c", "d"], 2, 0]);
  await finish("c");
  await finish("d");
  expect(await Promise.all(results)).toEqual(["a", "b", "c", "d"]);
  expect([queue.active, queue.waiting]).toEqual([0, 0]);
});

test("who waits too long is told to come back, and the next one moves up", async () => {
  const { begun, body, finish } = work();
  const queue = createQueue(() => ({ slots: 1, limitMs: 1000 }));
  void queue.run(body("a"));
  const late = queue.run(body("b")).catch((error: unknown) => error);
  await jest.advanceTimersByTimeAsync(600);
  void queue.run(body("c"));
  await jest.advanceTimersByTimeAsync(500);
  expect(await late).toMatchObject({
    code: 11,
    message: expect.stringMatching(/1 requests at work.*within 1000 ms.*agent\.requests/),
  });
  await finish("a");
  expect(begun).toEqual(["a", "c"]);
  await jest.advanceTimersByTimeAsync(5000);
  expect(queue.active).toBe(1);
});

test("a body that throws leaves its slot", async () => {
  const queue = createQueue(() => ({ slots: 1, limitMs: 1000 }));
  await expect(queue.run(() => Promise.reject(new Error("no")))).rejects.toThrow("no");
  await expect(
    queue.run(() => {
      throw new Error("at once");
    }),
  ).rejects.toThrow("at once");
  expect(await queue.run(async () => 1)).toBe(1);
  expect(queue.active).toBe(0);
});

test("other limits count at once", async () => {
  const { begun, body, finish } = work();
  let slots = 1;
  const queue = createQueue(() => ({ slots, limitMs: 1000 }));
  for (const name of ["a", "b", "c", "d"]) void queue.run(body(name));
  slots = 3;
  await finish("a");
  expect(begun).toEqual(["a", "b", "c", "d"]);
  slots = 1;
  void queue.run(body("e"));
  await finish("b");
  await finish("c");
  expect(begun).not.toContain("e");
  await finish("d");
  expect(begun).toContain("e");
});

test("nobody overtakes those who wait, even where a slot is free", async () => {
  const { begun, body, finish } = work();
  let slots = 1;
  const queue = createQueue(() => ({ slots, limitMs: 1000 }));
  void queue.run(body("a"));
  void queue.run(body("b"));
  slots = 2;
  void queue.run(body("c"));
  await finish("a");
  expect(begun).toEqual(["a", "b", "c"]);
});
