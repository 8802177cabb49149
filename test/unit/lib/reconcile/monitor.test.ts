import { monitorFirewall } from "../../../../lib/reconcile/monitor";
import { fakeStreams } from "../../../helpers/fake-stream";
import { fakeHost } from "../../../helpers/fakes";

function world(programs: readonly string[], isOwn?: (line: string) => boolean) {
  const told: string[] = [];
  const { start, clock, started, sleeps } = fakeStreams();
  const monitor = monitorFirewall({
    start,
    clock,
    host: fakeHost({ programs }),
    ...(isOwn && { isOwn }),
    onEvent: () => told.push("event"),
    onTrouble: (why) => told.push(`trouble: ${why}`),
  });
  return { started, told, sleeps, monitor };
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("it wakes for what is gone from our tables, and for nothing else", () => {
  const { started, told } = world(["nft", "setpriv"]);
  expect(started[0]?.command).toMatch(/setpriv --pdeathsig KILL \S*nft monitor destroy$/);
  started[0]?.print("delete rule ip filter FORWARD handle 9\ndelete table ip nat\n");
  expect(told).toEqual([]);
  started[0]?.print("delete rule ip mangle PREROUTING handle 3\n");
  started[0]?.print("delete element inet tenant-routing-marks pods4 { 10.0.0.1 : goto x }\n");
  expect(told).toEqual(["event", "event"]);
});

test("what is our own wakes nobody, also among others", () => {
  const asked: string[] = [];
  const { started, told } = world(["nft"], (line) => asked.push(line) > 0 && line.endsWith("own"));
  started[0]?.print("delete rule ip mangle own\ndelete table ip nat\ndelete rule ip6 mangle own\n");
  expect([asked, told]).toEqual([["delete rule ip mangle own", "delete rule ip6 mangle own"], []]);
  started[0]?.print(
    "delete rule ip mangle own\ndelete rule ip mangle x\ndelete rule ip mangle own\n",
  );
  expect([asked.length, told]).toEqual([5, ["event"]]);
});

test("a line in two pieces is one line, and a long one costs no memory", () => {
  const { started, told } = world(["nft"]);
  started[0]?.print("delete rule ip6 man");
  expect(told).toEqual([]);
  started[0]?.print("gle PREROUTING handle 3\n");
  expect(told).toEqual(["event"]);
  for (let i = 0; i < 100; i++) started[0]?.print("x".repeat(1000));
  started[0]?.print("\ndelete table ip mangle\n");
  expect(told).toEqual(["event", "event"]);
});

test("one that ends is started again, and something may have happened meanwhile", async () => {
  const { started, told, sleeps } = world(["nft"]);
  started[0]?.end("SIGKILL");
  await settle();
  expect(told).toEqual([expect.stringMatching(/^trouble: nft monitor ended \(SIGKILL\)/)]);
  sleeps.splice(0).forEach((wake) => wake());
  await settle();
  expect([started.length, told.slice(1)]).toEqual([2, ["event"]]);
  // It has lived for a while.
  sleeps.splice(0).forEach((wake) => wake());
  await settle();
  expect(told.slice(2)).toEqual(["trouble: "]);
});

test("without nft it says so; stopped, it starts nothing more", async () => {
  const { started, told, sleeps, monitor } = world([]);
  await settle();
  expect(told).toEqual([expect.stringContaining("install the package nftables")]);
  monitor.stop();
  sleeps.splice(0).forEach((wake) => wake());
  await settle();
  expect(started).toEqual([]);
});

test("stop ends the program", () => {
  const { started, monitor } = world(["nft"]);
  monitor.stop();
  expect(started[0]?.stopped).toBe(true);
});
