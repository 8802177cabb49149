/** Records that are damaged, that survive a reboot, or whose time is wrong. */
import { readFileSync, readdirSync, utimesSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { conf, marked } from "../helpers/conf";
import { useWorld } from "../helpers/harness";
import { expectError, expectOk } from "../helpers/outcome";

const world = useWorld();
const TORN: readonly (readonly [string, (text: string) => string])[] = [
  ["empty", () => ""],
  ["cut in the middle", (text) => text.slice(0, text.length / 2)],
  ["zeros, as after a power cut", (text) => "\0".repeat(text.length)],
  ["of an older format", () => JSON.stringify({ podIP: "10.77.0.5", mark: "0x10" })],
  ["of a newer format", (text) => text.replace(`"format":1`, `"format":2`)],
  ["with an odd mark", (text) => text.replace(/"mark":\{[^}]*\}/, `"mark":null`)],
  [
    "another attachment's",
    (text) => text.replace(/"containerId":"[^"]*"/, `"containerId":"somebody-else"`),
  ],
  ["no UTF-8 and longer than any record", () => "\u00ff".repeat(2_000_000)],
  ["deeply nested", () => "[".repeat(200_000)],
];
const recordPath = (): string => {
  const [name] = readdirSync(world.dataDir).filter((each) => each.endsWith(".json"));
  return join(world.dataDir, name ?? "no record");
};

describe.each(TORN)("the record is %s", (_, damage) => {
  test("DEL leaves nothing", async () => {
    const added = expectOk(await world.run("ADD", { conf: conf() }));
    writeFileSync(recordPath(), damage(readFileSync(recordPath(), "latin1")), "latin1");
    expectOk(await world.run("DEL", { conf: conf(), after: added }));
    expect(world.leftovers()).toEqual([]);
  });

  test("CHECK says so, GC takes it, ADD of another pod does not mind", async () => {
    const added = expectOk(await world.run("ADD", { conf: conf({ cniVersion: "1.1.0" }) }));
    writeFileSync(recordPath(), damage(readFileSync(recordPath(), "latin1")), "latin1");
    expectError(
      await world.run("CHECK", { conf: conf({ cniVersion: "1.1.0" }), after: added }),
      "journal",
      added.id,
    );
    expectOk(await world.run("ADD", { conf: conf({ name: "other" }), ip: "10.77.0.6/24" }));
    expectOk(
      await world.run("GC", {
        conf: conf({ cniVersion: "1.1.0", "cni.dev/valid-attachments": [] }),
        id: "",
      }),
    );
    expect(world.firewall.ours().every((line) => line.includes("10.77.0.6"))).toBe(true);
    expect(world.records().filter((name) => name.endsWith(".json"))).toHaveLength(1);
  });
});

test("what a killed writer left beside its record goes with it", async () => {
  const added = expectOk(await world.run("ADD", { conf: conf() }));
  const tag = basename(recordPath(), ".json");
  writeFileSync(join(world.dataDir, `.${tag}.0123456789abcdef.tmp`), "{", { mode: 0o600 });
  expectOk(await world.run("DEL", { conf: conf(), after: added }));
  expect(world.leftovers()).toEqual([]);
});

test("records that survive a reboot: DEL with an empty netns succeeds, and a new pod on the same address is unaffected", async () => {
  const before = expectOk(await world.run("ADD", { conf: conf() }));
  world.firewall.flush();
  const after = expectOk(await world.run("ADD", { conf: conf(marked("0x20/0xff")) }));
  expectOk(
    await world.run("DEL", { conf: conf({ runtimeConfig: undefined }), id: before.id, netns: "" }),
  );
  expectOk(await world.run("CHECK", { conf: conf(), after }));
  expect(world.firewall.ours()).toHaveLength(2);
  expectOk(await world.run("DEL", { conf: conf(), after }));
  expect(world.leftovers()).toEqual([]);
});

test("a reboot in the middle of an ADD does not matter when its process ID belongs to another process now", async () => {
  const added = expectOk(await world.run("ADD", { conf: conf() }));
  const record = JSON.parse(readFileSync(recordPath(), "utf8")) as { owner: { pid: number } };
  writeFileSync(
    recordPath(),
    JSON.stringify({ ...record, state: "intent", owner: { ...record.owner, pid: process.pid } }),
  );
  world.firewall.flush();
  const again = expectOk(await world.run("ADD", { conf: conf(), id: added.id }));
  expectOk(await world.run("DEL", { conf: conf(), after: again }));
  expect(world.leftovers()).toEqual([]);
});

test.each(["2099-01-01T00:00:00.000Z", "1970-01-01T00:00:00.000Z", "nonsense"])(
  "nothing depends on the record's time %s",
  async (since) => {
    const added = expectOk(await world.run("ADD", { conf: conf({ cniVersion: "1.1.0" }) }));
    const record = JSON.parse(readFileSync(recordPath(), "utf8")) as object;
    writeFileSync(recordPath(), JSON.stringify({ ...record, since }));
    utimesSync(recordPath(), new Date("2099-01-01"), new Date("2099-01-01"));
    expectOk(await world.run("CHECK", { conf: conf({ cniVersion: "1.1.0" }), after: added }));
    const list = [{ containerID: added.id, ifname: "eth0" }];
    expectOk(
      await world.run("GC", {
        conf: conf({ cniVersion: "1.1.0", "cni.dev/valid-attachments": list }),
        id: "",
      }),
    );
    expect(world.firewall.ours()).toHaveLength(2);
    expectOk(await world.run("DEL", { conf: conf({ cniVersion: "1.1.0" }), after: added }));
    expect(world.leftovers()).toEqual([]);
  },
);
