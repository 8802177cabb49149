/** GC removes what the runtime does not list, and nothing else. */
import { chmodSync, existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { conf, scripted, type Conf } from "../helpers/conf";
import { useWorld } from "../helpers/harness";
import { expectError, expectOk, verbs, type Outcome } from "../helpers/outcome";
import { until } from "../helpers/shell";

const world = useWorld();
const newest = (...changes: Conf[]): Conf => conf({ cniVersion: "1.1.0" }, ...changes);

async function addThree(base = newest()): Promise<[Outcome, Outcome, Outcome]> {
  const added: Outcome[] = [];
  for (const n of [1, 2, 3])
    added.push(expectOk(await world.run("ADD", { conf: base, ip: `10.77.0.${n}/24` })));
  return added as [Outcome, Outcome, Outcome];
}

const gc = (change: Conf, base = newest()): Promise<Outcome> =>
  world.run("GC", {
    conf: { ...base, runtimeConfig: undefined, ...change },
    id: "",
    netns: "",
    env: { CNI_IFNAME: "", CNI_ARGS: "" },
  });
const VALID = "cni.dev/valid-attachments";

/** An entry of the list, as libcni writes it. */
const entry = (outcome: Outcome): object => ({ containerID: outcome.id, ifname: "eth0" });

const addresses = (): readonly string[] => [
  ...new Set(world.firewall.ours().map((line) => /-s (\S+)\/32/.exec(line)?.[1] ?? "")),
];

test("the one stale attachment of three is removed, with the delegate's DEL for its container", async () => {
  const [one, two, three] = await addThree();
  const outcome = expectOk(await gc({ [VALID]: [entry(one), entry(three)] }));
  expect(outcome.stdout).toBe("");
  expect(addresses()).toEqual(["10.77.0.1", "10.77.0.3"]);
  expect(verbs(outcome)).toEqual(["DEL", "GC"]);
  expect(outcome.calls[0]?.env).toMatchObject({ CNI_CONTAINERID: two.id, CNI_IFNAME: "eth0" });
  for (const added of [one, three])
    expectOk(await world.run("CHECK", { conf: newest(), after: added }));
  expect(world.leftovers()).toHaveLength(8);
});

test.each([[[]], [null]])("the list %j removes everything of this network", async (list) => {
  await addThree();
  expectOk(await gc({ [VALID]: list }));
  expect(world.leftovers()).toEqual([]);
});

test("without a list nothing is removed, because nothing is known", async () => {
  await addThree();
  const before = world.leftovers();
  const outcome = expectOk(await gc({}));
  expect(verbs(outcome)).toEqual(["GC"]);
  expect(world.leftovers()).toEqual(before);
});

test("attachments of another network and foreign rules stay", async () => {
  await addThree();
  const other = expectOk(
    await world.run("ADD", { conf: newest({ name: "other" }), ip: "10.77.0.9/24" }),
  );
  world.firewall.tables(
    "nft",
    "iptables",
    "-A PREROUTING -s 10.77.0.1/32 -j MARK --set-xmark 0x1/0x1",
  );
  expectOk(await gc({ [VALID]: [] }));
  expect(addresses()).toEqual(["10.77.0.9"]);
  expect(world.firewall.prerouting("nft")).toContain(
    "-A PREROUTING -s 10.77.0.1/32 -j MARK --set-xmark 0x1/0x1",
  );
  expectOk(await world.run("CHECK", { conf: newest({ name: "other" }), after: other }));
});

test("a network whose name begins with ours is another one", async () => {
  const longer = `${String(newest()["name"])}-2`;
  expectOk(await world.run("ADD", { conf: newest({ name: longer }) }));
  expectOk(await gc({ [VALID]: [] }));
  expect(world.firewall.ours()).toHaveLength(2);
});

test("when one removal fails the others are done, with an error at the end", async () => {
  const given = scripted({ cniVersion: "1.1.0" });
  const added = [];
  for (const n of [1, 2, 3]) {
    world.script({
      ADD: { stdout: `{"cniVersion":"1.1.0","ips":[{"address":"10.77.0.${n}/24"}]}` },
    });
    added.push(expectOk(await world.run("ADD", { conf: given })));
  }
  world.script({
    DEL: {
      run: `if [ "$CNI_CONTAINERID" = '${added[1]?.id}' ]; then printf '{"code":5,"msg":"device busy"}'; exit 1; fi`,
    },
  });
  const outcome = await gc({ [VALID]: [] }, given);
  expectError(outcome, 5, "device busy");
  expect(verbs(outcome).filter((verb) => verb === "DEL")).toHaveLength(3);
  expect(verbs(outcome)).toContain("GC");
  expect(world.firewall.ours()).toEqual([]);
  world.script({ DEL: {} });
  expectOk(await gc({ [VALID]: [] }, given));
  expect(world.leftovers()).toEqual([]);
});

test("the delegate gets both lists as they are, and its error comes after our own work", async () => {
  await addThree();
  const lists = {
    [VALID]: [{ containerID: "x", ifname: "eth0", extra: 1 }],
    "cni.dev/attachments": [{ containerID: "x", ifname: "eth0" }],
  };
  const outcome = await gc(lists, newest({ delegate: { type: "fail-json" } }));
  expectError(outcome, 11, "the pool is exhausted");
  const forwarded = outcome.calls.find((call) => call.verb === "GC");
  expect(forwarded?.netconf).toMatchObject(lists);
  expect(forwarded?.netconf).not.toHaveProperty("runtimeConfig");
  expect(world.firewall.ours()).toEqual([]);
});

test.each([
  7,
  "x",
  {},
  [7],
  [null],
  [{}],
  [{ containerID: "x" }],
  [{ containerID: "x", ifname: 1 }],
  [{ containerID: "", ifname: "eth0" }],
])("the list %j is refused with code 7, and nothing is removed", async (list) => {
  await addThree();
  const before = world.leftovers();
  expectError(await gc({ [VALID]: list }), "invalidConfig", VALID);
  expect(world.leftovers()).toEqual(before);
});

test("the older key alone is honoured", async () => {
  const [one] = await addThree();
  expectOk(await gc({ "cni.dev/attachments": [entry(one)] }));
  expect(addresses()).toEqual(["10.77.0.1"]);
});

test("rules without a record and records without rules are garbage too", async () => {
  await addThree();
  for (const name of world
    .records()
    .filter((each) => each.endsWith(".json"))
    .slice(0, 1))
    rmSync(join(world.dataDir, name));
  expectOk(await gc({ [VALID]: [] }));
  expect(world.leftovers().filter((line) => !line.startsWith("state:"))).toEqual([]);
  await addThree();
  world.firewall.flush();
  expectOk(await gc({ [VALID]: [] }));
  expect(world.leftovers().filter((line) => !line.startsWith("state:"))).toEqual([]);
});

test("GC in parallel with ADDs spares what is being added", async () => {
  for (let round = 0; round < 4; round++) {
    const adding = [1, 2, 3].map((n) =>
      world.run("ADD", { conf: newest(), ip: `10.77.${round}.${n}/24` }),
    );
    const collecting = [0, 100, 200].map(async (ms) => {
      await new Promise((resolve) => setTimeout(resolve, ms));
      return gc({});
    });
    const added = await Promise.all(adding);
    for (const outcome of await Promise.all(collecting)) expectOk(outcome);
    for (const outcome of added)
      expectOk(await world.run("CHECK", { conf: newest(), after: expectOk(outcome) }));
  }
});

test("a GC whose list is older than an ADD under way does not take it", async () => {
  world.script({
    ADD: {
      run: `touch "$TR_SCRIPT/started"; until [ -e "$TR_SCRIPT/go" ]; do sleep 0.05; done`,
      stdout: `{"cniVersion":"1.1.0","ips":[{"address":"10.77.0.5/24"}]}`,
    },
  });
  const given = scripted({ cniVersion: "1.1.0" });
  const adding = world.run("ADD", { conf: given });
  await until("the delegate is at work", () => existsSync(join(world.dir, "script/started")));
  expectOk(await gc({ [VALID]: [] }, given));
  writeFileSync(join(world.dir, "script/go"), "");
  const added = expectOk(await adding);
  expectOk(await world.run("CHECK", { conf: given, after: added }));
});

test("a record that cannot be trusted does not stop the others or the delegate's GC, and the error names its file", async () => {
  await addThree();
  const [bad = ""] = world.records().filter((name) => name.endsWith(".json"));
  chmodSync(join(world.dataDir, bad), 0o644);
  const outcome = await gc({ [VALID]: [] });
  expectError(outcome, "journal", bad, "0644");
  expect(verbs(outcome)).toEqual(["DEL", "DEL", "GC"]);
  expect(world.records().filter((name) => name.endsWith(".json"))).toEqual([bad]);
  chmodSync(join(world.dataDir, bad), 0o600);
  expectOk(await gc({ [VALID]: [] }));
  expect(world.leftovers()).toEqual([]);
});
