import { CniError } from "../../../../../lib/cni/error";
import { rule } from "../node-rig";
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

describe("collisions", () => {
  const foreign = rule(50, { fwmark: { value: 0x10, mask: 0xff }, table: 300 });

  test("keep it from starting", async () => {
    rig.kernel.rules = [...rig.kernel.rules, foreign];
    await start();
    expect(await running).toEqual([expect.objectContaining({ kind: "mark", tenant: "a" })]);
    expect([rig.kernel.ways(), rig.written]).toEqual([[], []]);
  });

  test("are ignored when forced, and when they come later", async () => {
    rig.kernel.rules = [...rig.kernel.rules, foreign];
    await start(watchConf(), { force: true });
    expect(rig.kernel.ways()).toEqual([A, B]);
    rig.events.post("stop");
    expect(await running).toEqual([]);
  });

  test("are looked for again when the first look fails; meanwhile nothing is changed", async () => {
    rig.kernel.broken = new CniError("io", "busy");
    await start();
    const before = rig.kernel.looks;
    rig.events.post("changed");
    await rig.clock.advance(3000);
    expect([rig.kernel.ways(), rig.messages()]).toEqual([[], ["busy"]]);
    expect(rig.kernel.looks - before).toBe(3);
    rig.kernel.broken = undefined;
    await rig.clock.advance(1000);
    expect(rig.kernel.ways()).toEqual([A, B]);
  });

  test("that cannot be looked for keep it neither from reporting so, nor from reading its file again", async () => {
    rig.kernel.broken = new CniError("io", "busy");
    await start();
    rig.events.post("report");
    await rig.clock.advance(1000);
    expect(rig.status()).toMatchObject({
      error: "busy",
      tenants: [{ state: "stopped", gateways: [] }],
    });
    expect(rig.messages("report")).toHaveLength(1);
    rig.next = () => watchConf({ gateways: [{ via: B, dev: "eth2" }] });
    rig.events.post("reload");
    rig.kernel.broken = undefined;
    await rig.clock.advance(1000);
    expect(rig.kernel.ways()).toEqual([B]);
  });

  test("that are found in the end leave no status behind", async () => {
    rig.kernel.broken = new CniError("io", "busy");
    await start();
    expect(rig.files.size).toBe(1);
    rig.kernel.broken = undefined;
    rig.kernel.rules = [...rig.kernel.rules, foreign];
    await rig.clock.advance(1000);
    expect(await running).toHaveLength(1);
    expect(rig.files.size).toBe(0);
  });

  test("that cannot be looked for do not keep it from ending", async () => {
    rig.kernel.broken = new CniError("io", "busy");
    await start();
    rig.events.post("stop");
    expect(await running).toEqual([]);
    expect(rig.kernel.ways()).toEqual([]);
  });
});

describe("reload", () => {
  const reload = async (): Promise<void> => {
    rig.events.post("reload");
    await settle();
  };

  test("follows the new configuration", async () => {
    await start();
    rig.next = () =>
      watchConf({ gateways: [{ via: B, dev: "eth2" }] }, { statusFile: "/run/other.json" });
    await reload();
    expect([rig.kernel.ways(), [...rig.files.keys()]]).toEqual([[B], ["/run/other.json"]]);
    expect(rig.messages("reload")).toEqual([
      expect.stringMatching(
        /^configuration read again, watching 1 tenant with 1 gateway; changed: ip -4 route replace/,
      ),
    ]);
    expect(JSON.parse(rig.files.get("/run/other.json") ?? "")).toMatchObject({ repairs: 0 });
  });

  test.each([
    [
      "that cannot be read",
      () => {
        throw new CniError("decode", "not JSON");
      },
      "not JSON",
    ],
    [
      "with another record",
      () => watchConf({}, {}, { dataDir: "/run/elsewhere" }),
      'another "dataDir" needs a restart',
    ],
    [
      "that collides",
      () => watchConf({ fwmark: "0x20/0xff" }),
      "it collides with what others have: ",
    ],
  ])("one %s is not used", async (_, next, words) => {
    await start();
    rig.kernel.rules = [
      ...rig.kernel.rules,
      rule(50, { fwmark: { value: 0x20, mask: 0xff }, table: 300 }),
    ];
    rig.next = next;
    await reload();
    expect(rig.messages("trouble")).toEqual([
      expect.stringContaining(`is not used, the configuration before it stays: ${words}`),
    ]);
    forgetRule();
    await rig.clock.advance(1000);
    expect(hasRule()).toBe(true);
  });

  test("one with checks is not used without ping", async () => {
    await start();
    rig.next = () => watchConf({ gateways: [{ via: A, dev: "eth1", check: "198.51.100.9" }] });
    rig.noPing = true;
    await reload();
    expect(rig.messages("trouble")).toEqual([expect.stringContaining("no ping")]);
  });
});

test("checks without ping: it does not even start", async () => {
  rig.noPing = true;
  await expect(
    rig.run(watchConf({ gateways: [{ via: A, dev: "eth1", check: "198.51.100.9" }] })),
  ).rejects.toThrow("no ping");
  running = Promise.resolve();
});
