/** Catalogue B1-B4, B18, B23, B24: what a delegate is given, and which one runs. */
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { KEY, conf, marked } from "../helpers/conf";
import { FIXTURES, useWorld } from "../helpers/harness";
import { expectError, expectOk, verbs } from "../helpers/outcome";

const world = useWorld();
const EXTRA = {
  TRACEPARENT: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
  BAGGAGE: "a=b; c=d",
  ODD: "  spaces, ünïcode = 'quotes' \"both\"\nand a second line ",
  EMPTY: "",
  _: "/usr/bin/containerd",
};

test("B1 the delegate's environment is ours, byte for byte, except CNI_COMMAND", async () => {
  const added = expectOk(await world.run("ADD", { conf: conf(), env: EXTRA }));
  const expected = {
    ...EXTRA,
    CNI_COMMAND: "ADD",
    CNI_IFNAME: "eth0",
    CNI_NETNS: world.podNetns,
    CNI_CONTAINERID: added.id,
  };
  expect(added.calls[0]?.env).toMatchObject(expected);
  const ours = Object.keys(added.calls[0]?.env ?? {}).filter(
    (name) => !/^(CNI|TR)_|^PATH$/.test(name),
  );
  expect(ours.sort()).toEqual(Object.keys(EXTRA).sort());
});

test("B1 a rollback DEL differs from its ADD only in CNI_COMMAND", async () => {
  const { calls } = await world.run("ADD", {
    conf: conf({ delegate: { type: "fail-json" } }),
    env: EXTRA,
  });
  expect(calls.map((call) => call.verb)).toEqual(["ADD", "DEL"]);
  expect({ ...calls[1]?.env, CNI_COMMAND: "ADD" }).toEqual(calls[0]?.env);
});

test("B2 the delegate's netconf: its own keys, our name, version, runtimeConfig, args and dns", async () => {
  const delegate = {
    type: "ok",
    mtu: 1400,
    ipam: { ranges: [[{ subnet: "10.77.0.0/16" }]] },
    big: "kept",
  };
  const args = { cni: { ips: ["10.77.0.5"] }, labels: [{ key: "a", value: "b" }] };
  const given = conf({
    delegate,
    args,
    dns: { nameservers: ["10.0.0.10"] },
    onError: "deny",
    mask: "0xff",
    logLevel: "debug",
  });
  const added = expectOk(await world.run("ADD", { conf: given }));
  expect(added.calls[0]?.netconf).toEqual({
    ...delegate,
    args,
    dns: { nameservers: ["10.0.0.10"] },
    name: given["name"],
    cniVersion: "1.0.0",
    runtimeConfig: given["runtimeConfig"],
  });
});

test("B2 integers beyond 2^53 and odd numbers reach the delegate as they were written", async () => {
  const stdin = JSON.stringify(
    conf({ delegate: { type: "ok", n: "@@" }, dataDir: world.dataDir, logFile: "" }),
  );
  const numbers = "[9007199254740993,1.0,1e3,-0]";
  const added = expectOk(await world.run("ADD", { conf: stdin.replace(`"@@"`, numbers) }));
  expect(added.calls[0]?.stdin).toContain(numbers);
});

test("B2 prevResult goes with DEL and CHECK, verbatim, and with nothing else", async () => {
  const added = expectOk(await world.run("ADD", { conf: conf() }));
  const final = { ...added.json, routes: [{ dst: "0.0.0.0/0" }], "x-later": { plugin: true } };
  const checked = expectOk(await world.run("CHECK", { conf: conf({ prevResult: final }) }));
  const deleted = expectOk(await world.run("DEL", { conf: conf({ prevResult: final }) }));
  expect(added.calls[0]?.netconf).not.toHaveProperty("prevResult");
  expect(checked.calls[0]?.netconf["prevResult"]).toEqual(final);
  expect(deleted.calls[0]?.netconf["prevResult"]).toEqual(final);
});

test("B2 before 0.4.0 a delegate's DEL gets no prevResult", async () => {
  const added = expectOk(await world.run("ADD", { conf: conf({ cniVersion: "0.3.1" }) }));
  const deleted = expectOk(
    await world.run("DEL", { conf: conf({ cniVersion: "0.3.1" }), after: added }),
  );
  expect(deleted.calls[0]?.netconf).not.toHaveProperty("prevResult");
});

test("B2 a tenant's merge patch changes the delegate; DEL uses what ADD really sent", async () => {
  const delegate = {
    type: "ok",
    mtu: 1400,
    ipam: { type: "", subnet: "10.77.0.0/24", gateway: "10.77.0.1" },
  };
  const patch = { mtu: null, ipam: { subnet: "10.88.0.0/24" } };
  const tenants = { vpn: { fwmark: "0x20/0xff", delegate: patch } };
  const added = expectOk(
    await world.run("ADD", { conf: conf({ delegate, tenants }, marked("vpn")) }),
  );
  const patched = { type: "ok", ipam: { ...delegate.ipam, subnet: "10.88.0.0/24" } };
  expect(added.calls[0]?.netconf).toMatchObject(patched);
  expect(added.calls[0]?.netconf).not.toHaveProperty("mtu");
  const deleted = expectOk(
    await world.run("DEL", { conf: conf({ delegate: { type: "fail-json" } }), after: added }),
  );
  expect(deleted.calls[0]?.type).toBe("ok");
  expect(deleted.calls[0]?.netconf).toMatchObject(patched);
  expect(world.leftovers()).toEqual([]);
});

test("B3 CNI_PATH: the first directory wins, a directory of that name is passed over, links are followed", async () => {
  const [first, second, third] = ["first", "second", "third"].map((name) => join(world.dir, name));
  mkdirSync(join(first ?? "", "my-plugin"), { recursive: true });
  for (const dir of [second, third]) {
    mkdirSync(dir ?? "");
    symlinkSync(join(FIXTURES, "ok"), join(dir ?? "", "my-plugin"));
  }
  const env = { CNI_PATH: `${first}:/nowhere::${second}/:${third}` };
  const outcome = expectOk(
    await world.run("ADD", { conf: conf({ delegate: { type: "my-plugin" } }), env }),
  );
  expect(outcome.calls.map((call) => call.path)).toEqual([`${second}/my-plugin`]);
});

test("B3 a delegate in none of the directories: an error naming it and the path, nothing left", async () => {
  const outcome = await world.run("ADD", {
    conf: conf({ delegate: { type: "no-such-plugin" } }),
    env: { CNI_PATH: "/nowhere:/else" },
  });
  expectError(outcome, "delegateMissing", "no-such-plugin", "/nowhere", "/else");
  expect(world.leftovers()).toEqual([]);
});

test("B3 a delegate that is no executable: an error that says so, nothing left", async () => {
  writeFileSync(join(world.dir, "text"), "not a program", { mode: 0o644 });
  const outcome = await world.run("ADD", {
    conf: conf({ delegate: { type: "text" } }),
    env: { CNI_PATH: world.dir },
  });
  expectError(outcome, ["delegateFailed", "delegateMissing"], "text");
  expect(outcome.calls).toEqual([]);
  expect(world.leftovers().filter((line) => !line.startsWith("data:"))).toEqual([]);
});

test.each([
  "../../bin/sh",
  "/bin/sh",
  "a/b",
  "",
  ".",
  "..",
  "x\0y",
  "x\ny",
  7,
  null,
  ["ok"],
  undefined,
])("B4 delegate type %j: code 7, nothing executed", async (type) => {
  const outcome = await world.run("ADD", { conf: conf({ delegate: { type } }) });
  expectError(outcome, "invalidConfig", "/delegate");
  expect(outcome.calls).toEqual([]);
  expect(world.leftovers()).toEqual([]);
});

test.each(["ADD", "CHECK", "DEL", "GC", "STATUS"])(
  "B18 %s reaches the delegate once, as %s",
  async (verb) => {
    const given = conf({ cniVersion: "1.1.0" });
    const added = verb === "ADD" ? undefined : expectOk(await world.run("ADD", { conf: given }));
    const outcome = expectOk(
      await world.run(verb, { conf: given, ...(added === undefined ? {} : { after: added }) }),
    );
    expect(verbs(outcome)).toEqual([verb]);
    expect(outcome.calls[0]?.netconf["type"]).toBe("ok");
    if (verb !== "ADD") expect(outcome.stdout).toBe("");
  },
);

test("B23 a delegate with a name of its own: code 7; with the same name it is fine", async () => {
  const named = (name: unknown): object => conf({ delegate: { type: "ok", name } });
  expectError(
    await world.run("ADD", { conf: { ...named("other") } }),
    "invalidConfig",
    "/delegate/name",
  );
  expectOk(await world.run("ADD", { conf: { ...named(conf()["name"]) } }));
});

test("B24 a delegate of our own type: code 7, nothing executed", async () => {
  const outcome = await world.run("ADD", {
    conf: conf({ delegate: { type: "tenant-routing-wrapper" } }),
  });
  expectError(outcome, "invalidConfig", "/delegate/type");
  expect(outcome.calls).toEqual([]);
});

test("B24 our own type by a tenant's patch: code 7, nothing executed", async () => {
  const tenants = { a: { fwmark: "0x10/0xff", delegate: { type: "tenant-routing-wrapper" } } };
  const outcome = await world.run("ADD", {
    conf: conf({ tenants, annotationKey: KEY }, marked("a")),
  });
  expectError(outcome, "invalidConfig", "/tenants/a/delegate/type");
  expect(outcome.calls).toEqual([]);
});
