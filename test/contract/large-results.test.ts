/** Results and configurations near the limits. What an ADD accepted, a DEL accepts. */
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { conf, scripted } from "../helpers/conf";
import { useWorld } from "../helpers/harness";
import { expectError, expectOk, verbs, type Outcome } from "../helpers/outcome";

const world = useWorld();
const VERSION = { cniVersion: "1.1.0" };

/** A result of exactly that many bytes. */
const result = (bytes: number): string => {
  const padded = (n: number): string =>
    JSON.stringify({ ...VERSION, ips: [{ address: "10.77.0.5/24" }], padding: "x".repeat(n) });
  return padded(bytes - padded(0).length);
};

const answer = (bytes: number): void =>
  world.script({ ADD: { stdout: result(bytes) }, DEL: {}, CHECK: {} });
const MIB = 1024 * 1024;

/** Stays in bounds: the largest configuration and result together are 8 MiB. */
const expectFrugal = ({ maxRssMiB, ms }: Outcome): void => {
  expect(maxRssMiB).toBeLessThan(200);
  expect(ms).toBeLessThan(60_000);
};

const record = (): Record<string, unknown> => {
  const path = join(
    world.dataDir,
    world.records().find((name) => name.endsWith(".json")) ?? "no record",
  );
  expect(statSync(path).size).toBeLessThanOrEqual(MIB);
  return JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>;
};
const passedOn = (outcome: Outcome): number =>
  JSON.stringify(outcome.calls[0]?.netconf["prevResult"] ?? "").length;

describe("a result of 2 MiB", () => {
  const given = scripted(VERSION);
  let added: Outcome;
  beforeEach(async () => {
    answer(2 * MIB);
    added = expectOk(await world.run("ADD", { conf: given, measure: true }));
  });

  test("ADD passes it on byte for byte, and its record does without it", async () => {
    expect(added.stdout === result(2 * MIB)).toBe(true);
    expectFrugal(added);
    expect(record()).toMatchObject({ state: "complete", addresses: ["10.77.0.5"] });
    expect(record()).not.toHaveProperty("result");
    expect(world.firewall.ours()).toHaveLength(2);
  });

  test("CHECK and DEL with it as prevResult give it to the delegate, and nothing is left", async () => {
    for (const verb of ["CHECK", "DEL"])
      expect(passedOn(expectOk(await world.run(verb, { conf: given, after: added })))).toBe(
        2 * MIB,
      );
    expect(world.leftovers()).toEqual([]);
  });

  test("DEL without prevResult gives the delegate none, and nothing is left", async () => {
    const deleted = expectOk(await world.run("DEL", { conf: given, id: added.id }));
    expect(verbs(deleted)).toEqual(["DEL"]);
    expect(deleted.calls[0]?.netconf).not.toHaveProperty("prevResult");
    expect(world.leftovers()).toEqual([]);
  });

  test("GC removes it", async () => {
    const gc = await world.run("GC", {
      conf: { ...given, "cni.dev/valid-attachments": [] },
      id: "",
    });
    expect(verbs(expectOk(gc))).toEqual(["DEL", "GC"]);
    expect(world.leftovers()).toEqual([]);
  });

  test("wrapper check cannot ask the delegate, and finds nothing wrong", async () => {
    const list = join(world.dir, "10-tr.conflist");
    const { cniVersion, name, ...plugin } = scripted({
      ...VERSION,
      dataDir: world.dataDir,
      logFile: world.logFile,
    });
    writeFileSync(list, JSON.stringify({ cniVersion, name, plugins: [plugin] }));
    const { exit, stdout, calls } = await world.run(undefined, { argv: ["check", "--conf", list] });
    expect([exit, calls]).toEqual([0, []]);
    expect(stdout).toMatch(/team-a\/web-0 .* ([12])\/\1 +- +ok$/m);
  });
});

test("CHECK and DEL accept the largest result beside the largest configuration, in bounded memory and time", async () => {
  answer(4 * MIB);
  const bare = {
    dataDir: world.dataDir,
    logFile: world.logFile,
    ...scripted(VERSION),
    args: { padding: "" },
  };
  const padding = "x".repeat(4 * MIB - 1024 - JSON.stringify(bare).length);
  const given = scripted(VERSION, { args: { padding } });
  const added = expectOk(await world.run("ADD", { conf: given, measure: true }));
  expectFrugal(added);
  for (const verb of ["CHECK", "DEL"]) {
    const outcome = expectOk(await world.run(verb, { conf: given, after: added, measure: true }));
    expect(passedOn(outcome)).toBe(4 * MIB);
    expectFrugal(outcome);
  }
  expect(world.leftovers()).toEqual([]);
  const larger = await world.run("ADD", {
    conf: scripted(VERSION, { args: { padding: `${padding}x` } }),
  });
  expectError(larger, "decode", "4193280");
  expect(larger.calls).toEqual([]);
});

test.each([4 * MIB + 1, 5 * MIB])(
  "a result of %i bytes is refused when it is read, and rolled back",
  async (bytes) => {
    answer(bytes);
    const outcome = await world.run("ADD", { conf: scripted(VERSION), measure: true });
    expectError(outcome, "delegateFailed", "printed more than 4194304 bytes");
    expectFrugal(outcome);
    expect(verbs(outcome)).toEqual(["ADD", "DEL"]);
    expect(world.leftovers()).toEqual([]);
  },
);

test("a chained prevResult of 2 MiB is passed on, one of 5 MiB is refused", async () => {
  const chained = (bytes: number) =>
    conf({ ...VERSION, delegate: undefined, prevResult: JSON.parse(result(bytes)) as object });
  const added = expectOk(await world.run("ADD", { conf: chained(2 * MIB) }));
  expect(added.stdout.trim().length).toBe(2 * MIB);
  for (const verb of ["CHECK", "DEL"])
    expectOk(await world.run(verb, { conf: chained(2 * MIB), id: added.id }));
  expectError(
    await world.run("ADD", { conf: chained(5 * MIB) }),
    "delegateResult",
    "prevResult is larger than 4194304 bytes",
  );
  expect(world.leftovers()).toEqual([]);
});

test.each([MIB - 2048, 2 * MIB])(
  "a delegate's netconf of %i bytes, too large for a record, is refused before the delegate runs",
  async (bytes) => {
    const outcome = await world.run("ADD", {
      conf: conf({ delegate: { type: "ok", padding: "x".repeat(bytes) } }),
    });
    expectError(outcome, "journal", outcome.id, "would have", "netconf");
    expect(outcome.calls).toEqual([]);
    expect(world.leftovers()).toEqual([]);
  },
);
