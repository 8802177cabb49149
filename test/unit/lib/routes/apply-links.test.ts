/** Links and the routes by them, on a node on paper. */
import { collisionsOf, findingsOf, look, removeRoutes } from "../../../../lib/routes/apply";
import { carryOut, errorsOf } from "../../../../lib/routes/carry-out";
import { EMPTY_RECORD } from "../../../../lib/routes/model";
import { linksText } from "../../../../lib/routes/watch/foreign";
import { FakeNode } from "./fake-node";
import { confOf, link as withAddress } from "./node-rig";
import { link, made, spec } from "./links/rig";

const ADDRESS = "192.0.2.65/26";
const conf = (parent = "eth1") =>
  confOf({
    tenants: { a: { fwmark: "0x10", table: 100, gateways: [{ via: "192.0.2.66", dev: "up0" }] } },
    routes: { namesDir: "", links: { up0: { type: "macvlan", parent, addresses: [ADDRESS] } } },
  });
const UP0 = spec("up0", { parent: "eth1", addresses: [ADDRESS] });
const MADE = made(UP0, { addresses: [{ family: 4, address: "192.0.2.65" }] });
const ETH1 = withAddress("eth1", "192.0.2.9");

test("one look plans the link and the route by it; the record has the link", async () => {
  const node = new FakeNode();
  await carryOut(await look(conf(), node, { sysctl: false }), node);
  expect(node.done.slice(0, 4)).toEqual([
    "ip link add name up0 link eth1 type macvlan mode bridge",
    "ip link set dev up0 alias tenant-routing",
    `ip addr add ${ADDRESS} dev up0`,
    "ip link set dev up0 up",
  ]);
  expect(node.done).toContain(
    "ip -4 route replace default via 192.0.2.66 dev up0 table 100 protocol kernel",
  );
  expect(node.record.links).toEqual([UP0]);
});

test("as it is: the gateway's device is missing until the link is there", async () => {
  const node = new FakeNode();
  const kinds = async (asItIs: boolean): Promise<readonly string[]> =>
    findingsOf(conf(), await look(conf(), node, { sysctl: false, asItIs })).map(({ kind }) => kind);
  expect([await kinds(false), await kinds(true)]).toEqual([[], ["device-missing"]]);
});

test("a link that the kernel refuses is one failure, and the stop of its tenant stands", async () => {
  const node = new FakeNode();
  node.refuses = /link add|dev up0/;
  const outcome = await carryOut(await look(conf(), node, { sysctl: false }), node);
  expect(errorsOf(outcome).map(({ details }) => details)).toEqual([
    "while doing: ip link add name up0 link eth1 type macvlan mode bridge",
    "while doing: ip -4 route replace default via 192.0.2.66 dev up0 table 100 protocol kernel",
  ]);
  expect(node.done).toContain(
    "ip -4 route replace unreachable default table 100 metric 4294967295 protocol kernel",
  );
});

test("removal takes the routes and then the links, and not what is foreign", async () => {
  const node = new FakeNode().change({ links: [ETH1, MADE, link("up1")] });
  await carryOut(await look(conf(), node, { sysctl: false }), node);
  await removeRoutes(conf(), node);
  expect(node.done.filter((command) => command.startsWith("ip link"))).toEqual([
    "ip link del dev up0",
  ]);
  expect(node.done.at(-1)).toBe("ip link del dev up0");
  expect(node.record).toEqual(EMPTY_RECORD);
});

test("what is wrong with links is a collision for apply, and words for the watcher", async () => {
  const node = new FakeNode().change({ links: [ETH1, link("up0")] });
  const view = await look(conf(), node, { sysctl: false });
  expect((await collisionsOf(conf(), node, view)).map(({ kind }) => kind)).toEqual(["link"]);
  expect(linksText(view)).toContain("up0, which is to be a macvlan, exists");
  const waiting = await look(conf("eth9"), new FakeNode(), { sysctl: false });
  expect(linksText(waiting)).toContain("this node has no interface eth9");
});
