import { rmSync } from "node:fs";
import { CniError } from "../../../../lib/cni/error";
import { del } from "../../../../lib/verbs/del";
import { tenantWith } from "../../../helpers/conf-object";
import { failing, record, setUp, TAG, type Setup } from "../../../helpers/context";

let s: Setup;
afterEach(() => s.cleanUp());
const sent = () => s.calls.map(({ verb, netconf }) => [verb, (netconf["ipam"] as { dataDir?: string } | undefined)?.dataDir]);
const POOLS = [
  tenantWith(),
  tenantWith({ name: "vpn", delegate: { ipam: { dataDir: "/vpn" } } }),
  tenantWith({ name: "vpn-too", delegate: { ipam: { dataDir: "/vpn" } } }),
  tenantWith({ name: "lan", delegate: { ipam: { dataDir: "/lan" } } }),
];

describe("without a record, as after a reboot", () => {
  test("every delegate that the pod may have had is told once, the conflist's own first", async () => {
    s = setUp({ tenants: POOLS });
    await del(s.context);
    expect(sent()).toEqual([["DEL", undefined], ["DEL", "/vpn"], ["DEL", "/lan"]]);
  });
  test("the runtime's prevResult goes to each", async () => {
    const prevResult = { cniVersion: "1.0.0", ips: [] };
    s = setUp({ tenants: POOLS, prevResult });
    await del(s.context);
    expect(s.calls.map(({ netconf }) => netconf["prevResult"])).toEqual([prevResult, prevResult, prevResult]);
  });
  test("one that fails does not keep the others from it; all failures are told", async () => {
    s = setUp({ tenants: POOLS });
    s.answers["DEL"] = () => failing(10 + s.calls.length, `pool ${s.calls.length}`);
    await expect(del(s.context)).rejects.toMatchObject({ code: 11, message: expect.stringContaining("pool 1"), details: expect.stringMatching(/pool 2.*pool 3/) });
    expect(sent()).toHaveLength(3);
  });
  test("an unusable journal is no better than none", async () => {
    s = setUp({ tenants: POOLS });
    rmSync(s.journalDir, { recursive: true });
    const broken = { ...s.context, lock: { hold: () => Promise.reject(new CniError("journal", "unsafe")) } };
    await expect(del(broken)).rejects.toMatchObject({ code: 113 });
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
    expect(s.context.facts).not.toHaveProperty("delegateMs");
  });
});

test("with a record only its own delegate is told", async () => {
  s = setUp({ tenants: POOLS });
  s.context.journal.write(TAG, record({ delegate: { type: "noop", ipam: { dataDir: "/gone-from-the-conflist" } } }));
  await del(s.context);
  expect(sent()).toEqual([["DEL", "/gone-from-the-conflist"]]);
});
