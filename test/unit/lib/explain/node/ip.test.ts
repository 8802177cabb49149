/** What iproute2 prints, as answers about ways, neighbours and devices. */
import {
  askWay,
  deviceCounts,
  neighbourState,
  podMtu,
  type WayQuestion,
} from "../../../../../lib/explain/node/ip";
import type { WayAnswer } from "../../../../../lib/explain/model";
import { programsOf } from "./programs";

const POD: WayQuestion = {
  family: 4,
  to: "203.0.113.9",
  from: "10.88.0.2",
  iif: "veth1",
  mark: 0x10,
};
const HOST: WayQuestion = { ...POD, from: undefined, iif: undefined, mark: 0 };
const ETH1 =
  '[{"ifindex":3,"link":"p1","ifname":"eth1","flags":["BROADCAST","MULTICAST","UP","LOWER_UP"],' +
  '"mtu":1450,"qdisc":"noqueue","operstate":"UP","linkmode":"DEFAULT","group":"default",' +
  '"txqlen":1000,"link_type":"ether","address":"72:f7:5f:b1:88:7b",' +
  '"broadcast":"ff:ff:ff:ff:ff:ff"';
const STATS =
  '"stats64":{"rx":{"bytes":90,"packets":4,"errors":0,"dropped":0,"over_errors":0,"multicast":0},' +
  '"tx":{"bytes":90,"packets":7,"errors":0,"dropped":0,"carrier_errors":0,"collisions":0}}';

function wayOf(stdout: string, question = POD): Promise<WayAnswer> {
  return askWay(programsOf({ "ip -j -N": stdout }), question);
}

test("a way is asked for with source, incoming device and mark, or with none of them", async () => {
  const programs = programsOf({ ip: "[]" });
  await askWay(programs, POD);
  await askWay(programs, HOST);
  await askWay(programs, { ...HOST, family: 6, to: "2001:db8::1" });
  expect(programs.calls).toEqual([
    "ip -j -N -4 route get 203.0.113.9 from 10.88.0.2 iif veth1 mark 16",
    "ip -j -N -4 route get 203.0.113.9",
    "ip -j -N -6 route get 2001:db8::1",
  ]);
});

test("a way through a gateway in a tenant's table", async () => {
  const printed =
    '[{"dst":"203.0.113.9","gateway":"192.0.2.1","dev":"eth1","table":"100",' +
    '"prefsrc":"192.0.2.9","flags":[],"mark":16,"uid":0,"cache":[]}]';
  expect(await wayOf(printed)).toEqual({
    dev: "eth1",
    via: "192.0.2.1",
    table: 100,
    local: false,
  });
});

test("without a table it is main's, and without a gateway the destination is on the link", async () => {
  const printed = '[{"dst":"192.0.2.7","dev":"eth1","prefsrc":"192.0.2.9","flags":[],"cache":[]}]';
  expect(await wayOf(printed)).toEqual({
    dev: "eth1",
    via: undefined,
    table: undefined,
    local: false,
  });
});

test("a gateway of the other family is found, in canonical form", async () => {
  const printed =
    '[{"dst":"203.0.113.9","via":{"family":"inet6","host":"fe80:0:0::1"},"dev":"eth1",' +
    '"prefsrc":"192.0.2.9","flags":[],"uid":0,"cache":[]}]';
  expect(await wayOf(printed)).toMatchObject({ dev: "eth1", via: "fe80::1" });
});

test("an address of the node itself is local", async () => {
  const printed =
    '[{"type":"2","dst":"127.0.0.1","dev":"lo","table":"255","prefsrc":"127.0.0.1",' +
    '"flags":[],"uid":0,"cache":["local"]}]';
  expect(await wayOf(printed, HOST)).toMatchObject({ dev: "lo", table: 255, local: true });
});

test.each([
  '[{"type":"7","dst":"2001:db8:5::1","dev":"lo","table":"254","metric":1024,"flags":[]}]',
  '[{"type":"blackhole","dst":"2001:db8:5::1","dev":"lo","flags":[]}]',
  '[{"dst":"2001:db8:5::1","dev":"lo","error":-113,"flags":[]}]',
])("a refusal that is printed as a route: %s", async (printed) => {
  expect(await wayOf(printed, { ...HOST, family: 6 })).toEqual({ refused: "unreachable" });
});

test("a refusal is what the kernel says, without rtnetlink's name", async () => {
  const said = "RTNETLINK answers: No route to host";
  const programs = programsOf({ ip: { ok: false, said } });
  expect(await askWay(programs, POD)).toEqual({ refused: "No route to host" });
});

test("an answer of nothing names no device", async () => {
  expect(await wayOf("")).toEqual({ dev: "?", via: undefined, table: undefined, local: false });
});

test("the state of a neighbour; undefined where there is no entry", async () => {
  const programs = programsOf({
    "ip -j -4 neigh show 192.0.2.1 dev eth1 nud all":
      '[{"dst":"192.0.2.1","lladdr":"02:00:00:00:00:01","state":["STALE"]}]',
    "ip -j -4 neigh show 192.0.2.7": "[]",
  });
  const at = (via: string) => neighbourState(programs, { family: 4, via, dev: "eth1" });
  expect(await at("192.0.2.1")).toBe("STALE");
  expect(await at("192.0.2.7")).toBeUndefined();
  expect(await at("192.0.2.8")).toBeUndefined();
});

test("a pod's MTU is read inside its namespace", async () => {
  const programs = programsOf({ nsenter: `${ETH1}}]\n` });
  expect(await podMtu(programs, "/run/netns/pod", "eth0")).toBe(1450);
  expect(programs.calls).toEqual(["nsenter --net=/run/netns/pod ip -j link show dev eth0"]);
});

test("no MTU where the namespace is gone, the device has none, or nsenter is missing", async () => {
  const gone = programsOf({ nsenter: { ok: false, said: "cannot open /run/netns/pod" } });
  expect(await podMtu(gone, "/run/netns/pod", "eth0")).toBeUndefined();
  const odd = programsOf({ nsenter: '[{"ifname":"eth0"}]' });
  expect(await podMtu(odd, "/run/netns/pod", "eth0")).toBeUndefined();
  const without = programsOf({ nsenter: `${ETH1}}]` }, ["nsenter"]);
  expect(await podMtu(without, "/run/netns/pod", "eth0")).toBeUndefined();
  expect(without.calls).toEqual([]);
});

test("packets of a device, both ways; none of a device that is gone", async () => {
  const programs = programsOf({
    "ip -j -s link show dev eth1": `${ETH1},${STATS}}]`,
    "ip -j -s link show dev nope": { ok: false, said: 'Device "nope" does not exist.' },
    "ip -j -s link show dev odd": `${ETH1}}]`,
  });
  expect(await deviceCounts(programs, "eth1")).toEqual({ rx: 4, tx: 7 });
  expect(await deviceCounts(programs, "nope")).toBeUndefined();
  expect(await deviceCounts(programs, "odd")).toBeUndefined();
});
