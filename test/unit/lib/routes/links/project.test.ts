import { withLinks } from "../../../../../lib/routes/links/project";
import { planLinks } from "../../../../../lib/routes/links/plan";
import type { NodeState } from "../../../../../lib/routes/model";
import type { LinkSpec } from "../../../../../lib/net/link";
import { connected, route, stateOf } from "../node-rig";
import { link, made, plain, spec } from "./rig";

function projected(state: NodeState, wanted: readonly LinkSpec[]): NodeState {
  return withLinks(state, planLinks({ wanted, links: state.links, recorded: [] }));
}

test("links that will be there have their addresses, and the routes that the kernel makes for these", () => {
  const wanted = spec("a", { addresses: ["10.1.0.1/24", "fd01::1/64", "10.2.0.1/32"] });
  const { links, routes } = projected(stateOf(), [wanted]);
  expect(links.at(-1)).toEqual({
    ...{ name: "a", altNames: [], mtu: 1500, up: true },
    addresses: [
      { family: 4, address: "10.1.0.1" },
      { family: 6, address: "fd01::1" },
      { family: 4, address: "10.2.0.1" },
    ],
  });
  expect(routes.slice(-2)).toEqual([
    connected("10.1.0.0/24", "a"),
    { ...connected("fd01::/64", "a"), metric: 256 },
  ]);
});

test("one that is there keeps what it has; a family that the node has not is left out", () => {
  const wanted = spec("a", { addresses: ["10.1.0.1/24", "fd01::1/64"] });
  const there = made(wanted, {
    addresses: [
      { family: 4, address: "10.1.0.1" },
      { family: 4, address: "10.1.0.9" },
    ],
  });
  const before = stateOf({
    families: [4],
    links: [link("eth0"), there],
    routes: [connected("10.1.0.0/24", "a")],
  });
  const { links, routes } = projected(before, [wanted]);
  expect(links[1]?.addresses.map(({ address }) => address)).toEqual([
    "10.1.0.1",
    "10.1.0.9",
    "fd01::1",
  ]);
  expect(routes).toEqual(before.routes);
});

test("a link that goes takes its routes along", () => {
  const before = stateOf({
    links: [link("eth0"), made(spec("a"))],
    routes: [route("default"), route("10.9.0.0/16", { nexthops: [{ dev: "a", weight: 1 }] })],
  });
  const { links, routes } = projected(before, []);
  expect([links.map(({ name }) => name), routes]).toEqual([["eth0"], [route("default")]]);
});

test("one whose parent is down brings no route", () => {
  const before = stateOf({ links: [link("eth0", { up: false })], routes: [] });
  const { links, routes } = projected(before, [spec("a", { addresses: ["10.1.0.1/24"] })]);
  expect([links.at(-1)?.up, routes]).toEqual([false, []]);
});

test("a parent may be named by any of its names", () => {
  const before = stateOf({ links: [link("eth0", { altNames: ["lan"], mtu: 9000 })] });
  const { links } = projected(before, [spec("a", { parent: "lan" })]);
  expect(links.at(-1)).toMatchObject({ name: "a", mtu: 9000 });
});

test("a device that is not there yet begins with the settings of default", () => {
  const state = stateOf({}, { "net/ipv4/conf/default/rp_filter": "1" });
  const { sysctl } = projected(state, [plain("d.5", { type: "dummy" })]);
  expect(sysctl("net/ipv4/conf/d.5/rp_filter")).toBe("1");
  expect(sysctl("net/ipv4/conf/nobody/rp_filter")).toBeUndefined();
  expect(sysctl("net/ipv4/ip_forward")).toBe("1");
});
