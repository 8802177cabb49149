import { fakeStreams } from "../../../../helpers/fake-stream";
import { createEventQueue, startMonitor } from "../../../../../lib/routes/watch/events";
import { fakeHost } from "../../../../helpers/fakes";

function world(programs: readonly string[]) {
  const told: string[] = [];
  const { start, clock, started, sleeps } = fakeStreams();
  const monitor = startMonitor({
    start,
    clock,
    host: fakeHost({ programs }),
    onEvent: () => told.push("event"),
    onExit: (why) => told.push(why),
  });
  return { started, told, sleeps, monitor };
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("every piece of output of ip monitor is an event", () => {
  const { started, told } = world(["ip", "setpriv"]);
  started[0]?.print("");
  started[0]?.print("");
  expect(told).toEqual(["event", "event"]);
});

test("the kernel kills ip monitor with the watcher; without setpriv it is started alone", () => {
  expect(world(["ip", "setpriv"]).started).toMatchObject([
    {
      path: "/usr/sbin/setpriv",
      args: [
        "--pdeathsig",
        "KILL",
        "/usr/sbin/ip",
        "-o",
        "monitor",
        "link",
        "address",
        "route",
        "rule",
      ],
    },
  ]);
  expect(world(["ip"]).started).toMatchObject([
    { path: "/usr/sbin/ip", args: ["-o", "monitor", "link", "address", "route", "rule"] },
  ]);
});

test("an ip monitor that ends is reported and started again after a pause, and what happened meanwhile is looked for", async () => {
  const { started, told, sleeps } = world(["ip"]);
  started[0]?.end("exit status 1");
  await settle();
  expect([told, started.length]).toEqual([["exit status 1"], 1]);
  sleeps[0]?.();
  await settle();
  expect([told, started.length]).toEqual([["exit status 1", "event"], 2]);
});

test("an ip monitor that is stopped is killed and not started again", async () => {
  const { started, told, monitor, sleeps } = world(["ip"]);
  monitor.stop();
  started[0]?.end("SIGKILL");
  await settle();
  expect([started[0]?.stopped, started.length, told, sleeps]).toEqual([true, 1, [], []]);
});

test("without the program ip the watcher says what to install", async () => {
  const { told } = world([]);
  await settle();
  expect(told).toEqual(["the program ip is missing: install the package iproute2"]);
});

describe("the event queue", () => {
  const never = (): Promise<void> => new Promise(() => {});

  test("counts events of one kind as one, and gives it out once", () => {
    const events = createEventQueue();
    events.post("changed");
    events.post("changed");
    expect([events.take("changed"), events.take("changed"), events.take("tick")]).toEqual([
      true,
      false,
      false,
    ]);
  });

  test("waits until there is an event, and not at all while there is one", async () => {
    const events = createEventQueue();
    const waiting = events.wait();
    events.post("tick");
    await waiting;
    await events.wait();
  });

  test("rests until the sleep ends or the watcher has to stop, and not at all after that", async () => {
    const events = createEventQueue();
    await events.rest(Promise.resolve());
    const resting = events.rest(never());
    events.post("changed");
    await expect(
      Promise.race([resting.then(() => "ended"), Promise.resolve("rests")]),
    ).resolves.toBe("rests");
    events.post("stop");
    await resting;
    await events.rest(never());
  });
});
