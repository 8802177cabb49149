import { podRows, tenantRows } from "../../../../lib/load/in-force";
import { loadsOf, type Sample } from "../../../../lib/load/rates";
import { confWith, tenantWith } from "../../../helpers/conf-object";
import { record } from "../../../helpers/context";

const A = { value: 0x10, mask: 0xff };
const B = { value: 0x20, mask: 0xff };
const conf = confWith({
  tenants: [tenantWith({ name: "tenant-a", mark: A }), tenantWith({ name: "tenant-b", mark: B })],
});

const traffic = (tag: string, packets: number, mark = A, backend = "nft") => ({
  ...{ backend, mark, packets },
  tag,
  bytes: packets * 100,
});

function sample(at: number, counters: Sample["traffic"], more: Partial<Sample> = {}): Sample {
  return { at, traffic: counters, pods: [], dropped: undefined, gateways: [], ...more };
}

test("packets and bytes a second, of all pods of a tenant together", () => {
  const loads = loadsOf(
    conf,
    sample(1000, [traffic("one", 10), traffic("two", 5)]),
    sample(3000, [traffic("one", 30), traffic("two", 6)]),
  );
  expect(loads).toMatchObject([
    { tenant: "tenant-a", packetsPerSecond: 10.5, bytesPerSecond: 1050, packets: 36 },
    { tenant: "tenant-b", packetsPerSecond: 0, packets: 0, leaked: undefined },
  ]);
});

test("a pod that has gone takes nothing away, a new one and rules that were made again count from 0", () => {
  const [load] = loadsOf(
    conf,
    sample(0, [traffic("gone", 1000), traffic("remade", 500)]),
    sample(1000, [traffic("remade", 3), traffic("new", 4)]),
  );
  expect(load?.packetsPerSecond).toBe(7);
});

test("leaks and gateways are their tenant's", () => {
  const gateways = [{ tenant: "tenant-b", gateway: "10.0.0.1", state: "FAILED" }];
  const dropped = [
    { reason: "no_mark" as const, mark: B, packets: 3 },
    { reason: "default_route" as const, mark: B, packets: 4 },
  ];
  const now = sample(1000, [], { dropped, gateways });
  expect(loadsOf(conf, sample(0, []), now)).toMatchObject([
    { tenant: "tenant-a", leaked: 0, leakedToDefaultRoute: 0, gateways: [] },
    { tenant: "tenant-b", leaked: 7, leakedToDefaultRoute: 4, gateways },
  ]);
});

test("the marks in force: one row a pod and backend, and tenants without a pod are there", () => {
  const installed = (tag: string, mark: typeof A | undefined, piece = "mark rule") => ({
    ...{ tag, mark, piece, address: "10.0.0.5", backend: "nft", label: "team-a/web-0", text: "" },
  });
  const records = new Map([["t1", record({ pod: { namespace: "x", name: "y" }, mark: A })]]);
  const rows = podRows(conf, {
    installed: [
      installed("t1", A),
      installed("t1", { value: 0, mask: 0xff }, "reply rule"),
      installed("t2", undefined),
    ],
    traffic: [traffic("t1", 5)],
    records,
  });
  expect(rows).toMatchObject([
    { pod: "team-a/web-0", tag: "t2", mark: undefined, recorded: false, packets: undefined },
    { pod: "x/y", mark: A, pieces: 2, recorded: true, packets: 5 },
  ]);
  expect(tenantRows(conf, rows, [traffic("t1", 5)])).toMatchObject([
    { tenant: "tenant-a", pods: 1, packets: 5, backend: "nft" },
    { tenant: "tenant-b", pods: 0, packets: 0, backend: undefined },
  ]);
});
