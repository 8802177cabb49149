import { createInbox } from "../../../../../lib/routes/watch/events";

const never = (): Promise<void> => new Promise(() => {});

test("notices of one kind are one, and taken once", () => {
  const inbox = createInbox();
  inbox.post("event");
  inbox.post("event");
  expect([inbox.take("event"), inbox.take("event"), inbox.take("tick")]).toEqual([
    true,
    false,
    false,
  ]);
});

test("waiting ends with any notice, and does not begin while there is one", async () => {
  const inbox = createInbox();
  const waiting = inbox.wait();
  inbox.post("tick");
  await waiting;
  await inbox.wait();
});

test("a rest ends with its sleep, or with the notice to stop, and there is none after that", async () => {
  const inbox = createInbox();
  await inbox.rest(Promise.resolve());
  const resting = inbox.rest(never());
  inbox.post("event");
  await expect(Promise.race([resting.then(() => "ended"), Promise.resolve("rests")])).resolves.toBe(
    "rests",
  );
  inbox.post("stop");
  await resting;
  await inbox.rest(never());
});
