/** The status that the watcher writes, and how it ends. */
import { CniError } from "../../../../../lib/cni/error";
import { A, B, createRig, settle, watchConf, type Rig } from "./rig";

let rig: Rig;
let running: Promise<unknown>;
beforeEach(() => void (rig = createRig()));
afterEach(async () => {
  rig.events.post("stop");
  await running;
});

async function start(conf = watchConf(), options = {}): Promise<void> {
  running = rig.run(conf, options);
  await settle();
}

const forgetRule = (): void =>
  void (rig.kernel.rules = rig.kernel.rules.filter(({ table }) => table !== 100));
const hasRule = (): boolean => rig.kernel.rules.some(({ table }) => table === 100);

test("the status is written when something changes, and every 30 s anyway", async () => {
  await start();
  await rig.clock.advance(29_000);
  expect(rig.written).toHaveLength(1);
  await rig.clock.advance(2000);
  expect(rig.written).toHaveLength(2);
  rig.unplugged.add("eth1");
  await rig.clock.advance(1000);
  expect(rig.written.length).toBeGreaterThan(2);
});

test("the status is written every 30 s also when the interval is longer", async () => {
  await start(watchConf({}, { interval: "10m" }));
  await rig.clock.advance(61_000);
  expect(rig.written).toHaveLength(3);
});

test("a status that cannot be written stops nothing", async () => {
  rig.statusFails = true;
  await start();
  forgetRule();
  await rig.clock.advance(2000);
  expect([hasRule(), rig.messages("trouble")]).toEqual([true, ["no space"]]);
});

test("a report is the status, also without a file", async () => {
  await start(watchConf({}, { statusFile: "" }));
  rig.events.post("report");
  await settle();
  expect([JSON.parse(rig.messages("report")[0] ?? ""), rig.written]).toEqual([
    expect.objectContaining({ pid: 42, time: "1970-01-01T00:00:00.000Z" }),
    [],
  ]);
});

test("a watcher that stops removes the status and leaves the routes", async () => {
  await start();
  rig.events.post("stop");
  expect(await running).toEqual([]);
  expect([rig.files.size, rig.kernel.ways(), rig.messages("stop")]).toEqual([
    0,
    [A, B],
    ["stopped; the routes stay as they are"],
  ]);
});

test("what fails while the watcher stops is not reported: its programs may have been signalled too", async () => {
  await start();
  rig.kernel.broken = new CniError("io", "ip rule show failed (SIGTERM): it said nothing");
  rig.events.post("probed");
  rig.events.post("stop");
  await running;
  expect(rig.messages().slice(1)).toEqual(["stopped; the routes stay as they are"]);
});
