import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CniError } from "../../../../lib/cni/error";
import { del } from "../../../../lib/attachment/del";
import { gc } from "../../../../lib/attachment/gc";
import { tenantWith } from "../../../helpers/conf-object";
import { failing, onNode, record, RESULT, setUp, TAG, type Setup } from "../../../helpers/context";

let s: Setup;
afterEach(() => s.cleanUp());
const sent = () =>
  s.calls.map(({ verb, netconf }) => [
    verb,
    (netconf["ipam"] as { dataDir?: string } | undefined)?.dataDir,
  ]);
const verbs = () => s.calls.map(({ verb }) => verb);
const POOLS = [
  tenantWith(),
  tenantWith({ name: "vpn", delegate: { ipam: { dataDir: "/vpn" } } }),
  tenantWith({ name: "vpn-too", delegate: { ipam: { dataDir: "/vpn" } } }),
  tenantWith({ name: "lan", delegate: { ipam: { dataDir: "/lan" } } }),
];

test("a mark in a place that this version does not know is looked for everywhere, with a warning", async () => {
  s = setUp();
  s.context.node.journal.write(TAG, record({ backend: "nftables" }));
  await del(s.context);
  expect(s.warnings.map(({ code, message }) => [code, message])).toEqual([
    [
      113,
      expect.stringMatching(
        /its mark is in "nftables", which this version does not know.* nft, legacy only/,
      ),
    ],
  ]);
});

describe("without a record, as after a reboot", () => {
  test("every delegate that the pod may have had is told once, the conflist's own first", async () => {
    s = setUp({ tenants: POOLS });
    await del(s.context);
    expect(sent()).toEqual([
      ["DEL", undefined],
      ["DEL", "/vpn"],
      ["DEL", "/lan"],
    ]);
  });
  test("the runtime's prevResult goes to each", async () => {
    const prevResult = { cniVersion: "1.0.0", ips: [] };
    s = setUp({ tenants: POOLS, prevResult });
    await del(s.context);
    expect(s.calls.map(({ netconf }) => netconf["prevResult"])).toEqual([
      prevResult,
      prevResult,
      prevResult,
    ]);
  });
  test("one that fails does not keep the others from it; all failures are told", async () => {
    s = setUp({ tenants: POOLS });
    s.answers["DEL"] = () => failing(10 + s.calls.length, `pool ${s.calls.length}`);
    await expect(del(s.context)).rejects.toMatchObject({
      code: 11,
      message: expect.stringContaining("pool 1"),
      details: expect.stringMatching(/pool 2.*pool 3/),
    });
    expect(sent()).toHaveLength(3);
  });
  test("a tenant's plugin that is not installed is a warning, the conflist's own an error", async () => {
    s = setUp({ tenants: [tenantWith({ name: "vpn", delegate: { type: "gone" } })] });
    await del(s.context);
    expect(s.warnings.map(({ code }) => code)).toEqual([100]);
    s = setUp({ delegate: { type: "gone" } });
    await expect(del(s.context)).rejects.toMatchObject({ code: 100 });
  });
  test("an unusable journal is no better than none", async () => {
    s = setUp({ tenants: POOLS });
    rmSync(s.journalDir, { recursive: true });
    const locks = {
      hold: () => Promise.reject(new CniError("journal", "unsafe")),
      sweep: async () => {},
    };
    await expect(del(onNode(s, { locks }))).rejects.toMatchObject({ code: 113 });
    expect(sent()).toHaveLength(3);
  });
  test("tenants without changes of their own cost no further call; chained mode has none", async () => {
    s = setUp({ tenants: [tenantWith(), tenantWith({ name: "b" })] });
    await del(s.context);
    expect(sent()).toHaveLength(1);
    s.cleanUp();
    s = setUp({ tenants: POOLS, delegate: undefined });
    await del(s.context);
    expect(sent()).toEqual([]);
    expect(s.context.request.progress.facts).not.toHaveProperty("delegateMs");
  });
});

test("with a record only its own delegate is told", async () => {
  s = setUp({ tenants: POOLS });
  s.context.node.journal.write(
    TAG,
    record({ delegate: { type: "noop", ipam: { dataDir: "/gone-from-the-conflist" } } }),
  );
  await del(s.context);
  expect(sent()).toEqual([["DEL", "/gone-from-the-conflist"]]);
});

describe("the record's result stands in for prevResult, in the version that the list has now", () => {
  const NEW = {
    cniVersion: "1.1.0",
    interfaces: [{ name: "eth0", mtu: 1400, sandbox: "/x" }],
    ips: [{ interface: 0, address: "10.0.0.5/24" }],
  };
  const passed = () => s.calls.find(({ verb }) => verb === "DEL")?.netconf;

  test.each([
    [
      "1.1.0",
      "1.0.0",
      NEW,
      { cniVersion: "1.0.0", interfaces: [{ name: "eth0", sandbox: "/x" }], ips: NEW.ips },
    ],
    [
      "1.0.0",
      "0.4.0",
      RESULT,
      { ...RESULT, cniVersion: "0.4.0", ips: [{ version: "4", ...RESULT.ips[0] }] },
    ],
    [
      "0.4.0",
      "1.0.0",
      { cniVersion: "0.4.0", ips: [{ version: "4", address: "10.0.0.5/24" }] },
      { cniVersion: "1.0.0", ips: [{ address: "10.0.0.5/24" }] },
    ],
    ["1.0.0", "1.0.0", RESULT, RESULT],
  ])("from %s to %s, for DEL and GC", async (from, to, result, expected) => {
    for (const run of [del, gc]) {
      s = setUp({ cniVersion: to, gc: { "cni.dev/valid-attachments": [] } });
      s.context.node.journal.write(TAG, record({ cniVersion: from, result }));
      await run(s.context);
      expect(passed()).toMatchObject({ cniVersion: to, prevResult: expected });
      expect(passed()?.["prevResult"]).toEqual(expected);
      s.cleanUp();
    }
  });
  test.each([
    ["2.0.0", "1.0.0"],
    ["1.0.0", "0.2.0"],
  ])("what cannot be converted (from %s to %s) is left out", async (from, to) => {
    s = setUp({ cniVersion: to });
    s.context.node.journal.write(TAG, record({ cniVersion: from, result: { cniVersion: from } }));
    await del(s.context);
    expect(verbs()).toEqual(["DEL"]);
    expect(passed()).not.toHaveProperty("prevResult");
  });
  test("what the runtime passed is not touched, whatever it is", async () => {
    const prevResult = { cniVersion: "0.4.0", ips: [{ version: "4", address: "10.0.0.5/24" }] };
    s = setUp({ cniVersion: "1.0.0", prevResult });
    s.context.node.journal.write(TAG, record({ cniVersion: "0.4.0" }));
    await del(s.context);
    expect(passed()?.["prevResult"]).toEqual(prevResult);
  });
});

describe("a lease that is given back through the pod's interface", () => {
  const DELEGATE = { type: "noop", ipam: { type: "dhcp", daemonSocketPath: "/x" } };
  const withDhcp = (): void => {
    s = setUp();
    writeFileSync(join(s.context.request.delegate.path[0] ?? "", "dhcp"), "#!/bin/sh\n");
    s.context.node.journal.write(TAG, record({ delegate: DELEGATE }));
  };

  test("its IPAM plugin is told before the delegate takes the interface away, with the same netconf", async () => {
    withDhcp();
    await del(s.context);
    const [first, second] = s.calls;
    expect(verbs()).toEqual(["DEL", "DEL"]);
    expect(first?.netconf).toEqual(second?.netconf);
    expect(first?.netconf).toMatchObject(DELEGATE);
    expect(s.context.node.journal.tags()).toEqual([]);
  });

  test("what fails there is a warning: the delegate asks the IPAM again, and that counts", async () => {
    withDhcp();
    s.answers["DEL"] = () => (s.calls.length === 1 ? failing(999, "no daemon") : {});
    await del(s.context);
    expect(s.warnings.map(({ message }) => message)).toEqual([
      'IPAM plugin "dhcp" (DEL): no daemon',
    ]);
    expect(s.context.node.journal.tags()).toEqual([]);
  });
});
