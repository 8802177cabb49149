import { recordsIn, takeSample, type SamplePorts } from "../../../../lib/load/sample";
import { confWith, tenantWith } from "../../../helpers/conf-object";
import { record } from "../../../helpers/context";

const NEIGHBOURS = [
  { dst: "10.0.0.1", dev: "eth0", state: ["FAILED"] },
  { dst: "10.0.0.1", dev: "eth1", state: ["REACHABLE"] },
];
const LINKS = [{ ifname: "tun0", operstate: "UNKNOWN" }];
const mark = { value: 0x10, mask: 0xff };

function ports(change: Partial<SamplePorts> = {}): SamplePorts {
  return {
    marks: {
      list: async () => [],
      traffic: async () => [{ backend: "nft", mark, tag: "t", packets: 3, bytes: 4 }],
    },
    dropped: async () => undefined,
    journal: {
      tags: () => ["t", "damaged"],
      read: (tag) => (tag === "t" ? { attachment: record() } : { corrupt: "no JSON" }),
    },
    programs: {
      run: async (_, [, what]) =>
        what === "neigh" ? JSON.stringify(NEIGHBOURS) : JSON.stringify(LINKS),
    },
    clock: { elapsed: () => 7 },
    ...change,
  };
}

test("gateways are as the kernel sees them: by address and device, or by the device alone", async () => {
  const gateways = [
    { via: "10.0.0.1", dev: "eth1" },
    { via: "10.0.0.1" },
    { dev: "tun0" },
    { dev: "x" },
  ];
  const conf = confWith({ tenants: [tenantWith({ name: "a", mark, table: 100, gateways })] });
  const sample = await takeSample(conf, ports());
  expect(sample).toMatchObject({ at: 7, dropped: undefined, traffic: [{ packets: 3 }] });
  expect(sample.gateways).toEqual([
    { tenant: "a", gateway: "10.0.0.1", state: "REACHABLE" },
    { tenant: "a", gateway: "10.0.0.1", state: "FAILED" },
    { tenant: "a", gateway: "tun0", state: "UNKNOWN" },
    { tenant: "a", gateway: "x", state: "none" },
  ]);
});

test("without gateways no program is asked; silence of ip is no neighbour", async () => {
  const run = jest.fn(async () => " \n");
  const programs = { run };
  expect((await takeSample(confWith({}), ports({ programs }))).gateways).toEqual([]);
  expect(run).not.toHaveBeenCalled();
  const gateways = [{ via: "10.0.0.1" }];
  const conf = confWith({ tenants: [tenantWith({ name: "a", mark, table: 1, gateways })] });
  expect((await takeSample(conf, ports({ programs }))).gateways).toMatchObject([{ state: "none" }]);
});

test("records that cannot be read are left out", () => {
  expect([...recordsIn(ports().journal).keys()]).toEqual(["t"]);
});
