import { createEvents } from "../../../../../lib/agent/page/events";

const clock = { now: () => new Date("2026-01-02T03:04:05Z") };

test("the last 200 are remembered, with numbers that go on", () => {
  const events = createEvents(clock);
  expect([events.last(), events.list()]).toEqual([0, []]);
  for (let i = 1; i <= 1000; i++) events.add({ kind: "repair", message: `repair ${i}` });
  expect(events.last()).toBe(1000);
  expect(events.list()).toHaveLength(200);
  expect(events.list()[0]).toEqual({
    id: 801,
    time: "2026-01-02T03:04:05.000Z",
    kind: "repair",
    message: "repair 801",
    tenant: null,
    pod: null,
  });
});

test("a long message is cut, so that memory has a bound", () => {
  const events = createEvents(clock);
  events.add({ kind: "lost", message: "x".repeat(100_000), tenant: "a", pod: "n/p" });
  expect(events.list()).toMatchObject([
    { message: `${"x".repeat(500)}...`, tenant: "a", pod: "n/p" },
  ]);
});
