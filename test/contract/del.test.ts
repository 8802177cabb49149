/** DEL cleans up whatever is missing, and whatever else has changed since the ADD. */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { KEY, annotations, conf, marked, scripted } from "../helpers/conf";
import { FIXTURES, useWorld } from "../helpers/harness";
import { expectError, expectNotSwallowed, expectOk, verbs } from "../helpers/outcome";
import { sh } from "../helpers/shell";
import { BACKEND, iptablesTest } from "../helpers/mode";

const world = useWorld();

test("DEL takes everything back and prints nothing", async () => {
  const added = expectOk(await world.run("ADD", { conf: conf() }));
  const deleted = expectOk(await world.run("DEL", { conf: conf(), after: added }));
  expect(deleted.stdout).toBe("");
  expect(verbs(deleted)).toEqual(["DEL"]);
  expect(world.leftovers()).toEqual([]);
});

const RESULT = `{"cniVersion":"1.0.0","ips":[{"address":"10.77.0.5/24"}]}`;

test("the rules are gone before the delegate frees the address", async () => {
  world.script({
    ADD: { stdout: RESULT },
    DEL: {
      run: `{ iptables-nft-save; iptables-legacy-save; nft list ruleset; } >"$TR_SCRIPT/seen" 2>/dev/null`,
    },
  });
  const added = expectOk(await world.run("ADD", { conf: scripted() }));
  expect(world.firewall.ours()).toHaveLength(2);
  expectOk(await world.run("DEL", { conf: scripted(), after: added }));
  expect(readFileSync(join(world.dir, "script/seen"), "utf8")).not.toContain(
    "tenant-routing team-a/web-0",
  );
});

test("three more DELs without netns and prevResult succeed, and nothing is left", async () => {
  const added = expectOk(await world.run("ADD", { conf: conf() }));
  expectOk(await world.run("DEL", { conf: conf(), after: added }));
  for (let n = 0; n < 3; n++) {
    const again = expectOk(
      await world.run("DEL", { conf: conf({ runtimeConfig: undefined }), id: added.id, netns: "" }),
    );
    expect(verbs(again)).toEqual(["DEL"]);
  }
  expect(world.leftovers()).toEqual([]);
});

test("a DEL of a container that was never added succeeds, and the delegate's DEL still runs", async () => {
  const outcome = expectOk(await world.run("DEL", { conf: conf(), id: world.newId() }));
  expect(verbs(outcome)).toEqual(["DEL"]);
  expect(world.leftovers()).toEqual([]);
});

test("a DEL after a failed ADD succeeds without prevResult", async () => {
  const failed = await world.run("ADD", { conf: conf({ delegate: { type: "fail-json" } }) });
  expectOk(
    await world.run("DEL", { conf: conf({ delegate: { type: "fail-json" } }), id: failed.id }),
  );
  expect(world.leftovers()).toEqual([]);
});

test.each([
  ["changed", marked("0x20/0xff")],
  ["removed", annotations({})],
  ["nonsense", marked("nonsense")],
  ["not passed", { runtimeConfig: undefined }],
])(
  "an annotation that is %s since the ADD does not matter to DEL, which does not ask the API",
  async (_, change) => {
    const added = expectOk(await world.run("ADD", { conf: conf() }));
    // Nothing listens there: a request would be an error, or cost the API time-out.
    const given = conf({ kubeconfig: "/nowhere/kubelet.conf", apiTimeout: "30s" }, change);
    const deleted = expectOk(await world.run("DEL", { conf: given, after: added }));
    expect(deleted.ms).toBeLessThan(30_000);
    expect(world.leftovers()).toEqual([]);
  },
);

iptablesTest.each([
  [
    "one rule was deleted by hand",
    (): void => world.firewall.tables("nft", "iptables", "-D PREROUTING 1"),
  ],
  ["the chain was flushed", (): void => world.firewall.flush()],
])("DEL succeeds when %s", async (_, damage) => {
  const added = expectOk(await world.run("ADD", { conf: conf({ iptables: "nft" }) }));
  damage();
  expectOk(await world.run("DEL", { conf: conf({ iptables: "nft" }), after: added }));
  expect(world.leftovers()).toEqual([]);
});

test("DEL succeeds when the whole table is gone", async () => {
  const given = conf({ iptables: "nft" });
  const added = expectOk(await world.run("ADD", { conf: given }));
  const table = BACKEND === "nftables" ? "inet tenant-routing-marks" : "ip mangle";
  sh("ip", "netns", "exec", world.netns, "nft", `delete table ${table}`);
  expectOk(await world.run("DEL", { conf: given, after: added }));
  expect(world.leftovers()).toEqual([]);
});

test("the DEL of a stale attachment leaves the rule of the pod that has its address now", async () => {
  const a = expectOk(await world.run("ADD", { conf: conf() }));
  const b = expectOk(await world.run("ADD", { conf: conf(marked("0x20/0xff")) }));
  expectOk(await world.run("DEL", { conf: conf(), after: a }));
  expect(world.firewall.ours()).toHaveLength(2);
  expect(world.firewall.ours()[0]).toContain("0x20/0xff");
  expectOk(await world.run("CHECK", { conf: conf(), after: b }));
});

test("a DEL with another pod's address in prevResult leaves that pod's rule", async () => {
  const a = expectOk(await world.run("ADD", { conf: conf() }));
  const b = expectOk(await world.run("ADD", { conf: conf(), ip: "10.77.0.6/24" }));
  expectOk(await world.run("DEL", { conf: conf({ prevResult: b.json }), id: a.id }));
  expect(world.firewall.ours().every((line) => line.includes("10.77.0.6/32"))).toBe(true);
  expect(world.firewall.ours()).toHaveLength(2);
});

const PREVIOUS: readonly unknown[] = [
  null,
  {},
  { cniVersion: "9.9.9" },
  { cniVersion: 7, ips: "x" },
  { cniVersion: "0.2.0", ip4: { ip: "10.1.1.1/24" } },
  { cniVersion: "1.0.0", ips: [{ address: "example.com" }] },
  [],
  "text",
  7,
  false,
];

test.each(PREVIOUS)(
  "a DEL with prevResult %j succeeds, and nothing is left",
  async (prevResult) => {
    const added = expectOk(await world.run("ADD", { conf: conf() }));
    expectOk(await world.run("DEL", { conf: conf({ prevResult }), id: added.id }));
    expect(world.leftovers()).toEqual([]);
  },
);

const journalFiles = (): readonly string[] =>
  world.records().filter((name) => name.endsWith(".json"));

test("without its record DEL finds the rules by their tag", async () => {
  const added = expectOk(await world.run("ADD", { conf: conf() }));
  for (const name of journalFiles()) rmSync(join(world.dataDir, name));
  expectOk(await world.run("DEL", { conf: conf(), after: added }));
  expect(world.leftovers()).toEqual([]);
});

test("without the data directory DEL finds the rules by their tag", async () => {
  const added = expectOk(await world.run("ADD", { conf: conf() }));
  rmSync(world.dataDir, { recursive: true });
  expectOk(await world.run("DEL", { conf: conf(), after: added }));
  expect(world.leftovers()).toEqual([]);
});

test("without a record, as after a reboot, DEL runs every delegate that the pod may have had, also when one fails", async () => {
  const tenants = {
    a: { fwmark: "0x10" },
    b: { fwmark: "0x20", delegate: { pool: "b" } },
    c: { fwmark: "0x30", delegate: { type: "scripted" } },
  };
  world.script({ DEL: { stdout: `{"code":11,"msg":"busy"}`, exit: 1 } });
  const added = expectOk(await world.run("ADD", { conf: conf({ tenants }, marked("b")) }));
  rmSync(world.dataDir, { recursive: true });
  const outcome = await world.run("DEL", { conf: conf({ tenants }), id: added.id, netns: "" });
  expectError(outcome, 11, "scripted", "busy");
  expect(outcome.calls.map(({ type, netconf }) => [type, netconf["pool"]])).toEqual([
    ["ok", undefined],
    ["ok", "b"],
    ["scripted", undefined],
  ]);
  world.script({ DEL: {} });
  expectOk(await world.run("DEL", { conf: conf({ tenants }), id: added.id, netns: "" }));
  expect(world.leftovers()).toEqual([]);
});

test("with a corrupt record DEL finds the rules by their tag, with a warning", async () => {
  const added = expectOk(await world.run("ADD", { conf: conf() }));
  for (const name of journalFiles()) writeFileSync(join(world.dataDir, name), `{"format":1,"sta`);
  const deleted = expectOk(await world.run("DEL", { conf: conf(), after: added }));
  expect(deleted.stderr).toMatch(/record/);
  expect(world.leftovers()).toEqual([]);
});

test("when the delegate's DEL fails our rule is gone, its error is returned, and the next DEL does the rest", async () => {
  const failing = `printf '{"code":11,"msg":"busy"}'; : >"$TR_STATE/$CNI_CONTAINERID.$CNI_IFNAME"; exit 1`;
  world.script({ ADD: { stdout: RESULT }, DEL: { run: failing } });
  const added = expectOk(await world.run("ADD", { conf: scripted() }));
  expectError(await world.run("DEL", { conf: scripted(), after: added }), 11, "busy");
  expect(world.firewall.ours()).toEqual([]);
  world.script({ DEL: {} });
  const retried = expectOk(await world.run("DEL", { conf: scripted(), id: added.id, netns: "" }));
  expect(retried.calls[0]?.netconf["prevResult"]).toMatchObject({
    ips: [{ address: "10.77.0.5/24" }],
  });
  expect(world.leftovers()).toEqual([]);
});

test("when the list has another cniVersion since the ADD, the delegate gets the record's result in it", async () => {
  world.script({ ADD: { stdout: RESULT } });
  const added = expectOk(await world.run("ADD", { conf: scripted() }));
  const deleted = expectOk(
    await world.run("DEL", { conf: scripted({ cniVersion: "0.4.0" }), id: added.id, netns: "" }),
  );
  expect(deleted.calls[0]?.netconf).toMatchObject({
    cniVersion: "0.4.0",
    prevResult: { cniVersion: "0.4.0", ips: [{ version: "4", address: "10.77.0.5/24" }] },
  });
  expect(world.leftovers()).toEqual([]);
});

test("when the rules cannot be removed the delegate's DEL still runs, with an error that no runtime swallows", async () => {
  const added = expectOk(await world.run("ADD", { conf: conf() }));
  const wrap = world.toolbox.failing("table not found, No such file or directory");
  const outcome = await world.run("DEL", { conf: conf(), after: added, wrap, netns: "" });
  expectError(outcome, "rules");
  expectNotSwallowed(outcome);
  expect(verbs(outcome)).toEqual(["DEL"]);
  expectOk(await world.run("DEL", { conf: conf(), id: added.id }));
  expect(world.leftovers()).toEqual([]);
});

test("when the delegate's program is gone the rule is removed, with an error that no runtime swallows", async () => {
  const added = expectOk(await world.run("ADD", { conf: conf() }));
  const outcome = await world.run("DEL", {
    conf: conf(),
    after: added,
    env: { CNI_PATH: "/nowhere" },
    netns: "",
  });
  expectError(outcome, "delegateMissing", "ok", "/nowhere");
  expectNotSwallowed(outcome);
  expect(world.firewall.ours()).toEqual([]);
  expectOk(await world.run("DEL", { conf: conf(), after: added, env: { CNI_PATH: FIXTURES } }));
  expect(world.leftovers()).toEqual([]);
});

test.each<[string, Record<string, unknown>]>([
  ["a relative kubeconfig", { kubeconfig: "kubelet.conf" }],
  ["an unknown key", { anotationKey: KEY }],
  ["a bad tenant", { tenants: { a: { fwmark: "0" } } }],
  ["a bad onError", { onError: 7 }],
  ["a bad time-out", { delegateTimeout: "never" }],
  ["annotations of the wrong type", { runtimeConfig: { "io.kubernetes.cri.pod-annotations": 7 } }],
  ["no delegate any more", { delegate: undefined }],
  ["a delegate of the wrong type", { delegate: { type: "../x" } }],
])("a config that is invalid for ADD (%s) does not stop DEL", async (_, change) => {
  const added = expectOk(await world.run("ADD", { conf: conf() }));
  expectOk(await world.run("DEL", { conf: conf(change), after: added }));
  expect(world.leftovers()).toEqual([]);
});

iptablesTest("two equal rules of ours are both removed", async () => {
  const added = expectOk(await world.run("ADD", { conf: conf({ iptables: "nft" }) }));
  for (const rule of world.firewall.ours()) world.firewall.tables("nft", "iptables", rule);
  expect(world.firewall.ours()).toHaveLength(4);
  expectOk(await world.run("DEL", { conf: conf({ iptables: "nft" }), after: added }));
  expect(world.leftovers()).toEqual([]);
});
