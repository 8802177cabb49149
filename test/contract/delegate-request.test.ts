/** What a delegate is given: environment and configuration. */
import { conf, marked } from "../helpers/conf";
import { useWorld } from "../helpers/harness";
import { expectOk, verbs } from "../helpers/outcome";

const world = useWorld();
const EXTRA = {
  TRACEPARENT: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
  BAGGAGE: "a=b; c=d",
  ODD: "  spaces, ünïcode = 'quotes' \"both\"\nand a second line ",
  EMPTY: "",
  _: "/usr/bin/containerd",
};

test("the delegate's environment is ours, byte for byte, except CNI_COMMAND", async () => {
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

test("a rollback DEL differs from its ADD only in CNI_COMMAND", async () => {
  const { calls } = await world.run("ADD", {
    conf: conf({ delegate: { type: "fail-json" } }),
    env: EXTRA,
  });
  expect(calls.map((call) => call.verb)).toEqual(["ADD", "DEL"]);
  expect({ ...calls[1]?.env, CNI_COMMAND: "ADD" }).toEqual(calls[0]?.env);
});

test("the delegate's netconf has its own keys and our name, version, runtimeConfig, args and dns", async () => {
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

test("integers beyond 2^53 and odd numbers reach the delegate as they were written", async () => {
  const stdin = JSON.stringify(
    conf({ delegate: { type: "ok", n: "@@" }, dataDir: world.dataDir, logFile: "" }),
  );
  const numbers = "[9007199254740993,1.0,1e3,-0]";
  const added = expectOk(await world.run("ADD", { conf: stdin.replace(`"@@"`, numbers) }));
  expect(added.calls[0]?.stdin).toContain(numbers);
});

test("prevResult goes verbatim with DEL and CHECK, and with no other verb", async () => {
  const added = expectOk(await world.run("ADD", { conf: conf() }));
  const final = { ...added.json, routes: [{ dst: "0.0.0.0/0" }], "x-later": { plugin: true } };
  const checked = expectOk(await world.run("CHECK", { conf: conf({ prevResult: final }) }));
  const deleted = expectOk(await world.run("DEL", { conf: conf({ prevResult: final }) }));
  expect(added.calls[0]?.netconf).not.toHaveProperty("prevResult");
  expect(checked.calls[0]?.netconf["prevResult"]).toEqual(final);
  expect(deleted.calls[0]?.netconf["prevResult"]).toEqual(final);
});

test("before 0.4.0 a delegate's DEL gets no prevResult", async () => {
  const added = expectOk(await world.run("ADD", { conf: conf({ cniVersion: "0.3.1" }) }));
  const deleted = expectOk(
    await world.run("DEL", { conf: conf({ cniVersion: "0.3.1" }), after: added }),
  );
  expect(deleted.calls[0]?.netconf).not.toHaveProperty("prevResult");
});

test("a tenant's merge patch changes the delegate, and DEL uses what ADD really sent", async () => {
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

test.each(["ADD", "CHECK", "DEL", "GC", "STATUS"])(
  "%s reaches the delegate once, as %s",
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
