import { loadConf } from "../../../conf/load";
import type { LinkSpec } from "../../../lib/net/link";
import type { Json } from "../../../lib/cni/json";
import { expectProblems, netconf } from "./helpers";

type Links = Readonly<Record<string, Json>>;
const built = (links: Links): readonly LinkSpec[] =>
  loadConf(netconf({ routes: { links } }), "ADD").conf.routes.links;

test("links are read into canonical values, with the defaults of their types", () => {
  const links = built({
    vpn0: {
      type: "macvlan",
      parent: "eth0",
      addresses: ["192.168.2.10/24", "FD00:2:0::10/64"],
      mac: "02:00:00:00:00:AB",
      mtu: 1400,
    },
    vx: { type: "vxlan", id: 7, remotes: ["FD00::12"], local: "fd00:0::11" },
    d: { type: "dummy" },
  });
  expect(links).toEqual([
    {
      name: "vpn0",
      type: "macvlan",
      parent: "eth0",
      mode: "bridge",
      remotes: [],
      addresses: ["192.168.2.10/24", "fd00:2::10/64"],
      mac: "02:00:00:00:00:ab",
      mtu: 1400,
      ports: [],
    },
    {
      name: "vx",
      type: "vxlan",
      id: 7,
      port: 4789,
      local: "fd00::11",
      remotes: ["fd00::12"],
      addresses: [],
      ports: [],
    },
    { name: "d", type: "dummy", remotes: [], addresses: [], ports: [] },
  ]);
});

test("each link comes behind those that it needs, otherwise in the order of the file", () => {
  const links = built({
    top: { type: "macvlan", parent: "br" },
    br: { type: "bridge", ports: ["vx", "eth5"] },
    vx: { type: "vxlan", id: 7, parent: "vlan5", group: "239.1.1.1" },
    vlan5: { type: "vlan", parent: "eth0", id: 5 },
    alone: { type: "dummy" },
  });
  expect(links.map(({ name }) => name)).toEqual(["vlan5", "alone", "vx", "br", "top"]);
});

const MACVLAN = { type: "macvlan", parent: "eth0" };
const VXLAN = { type: "vxlan", id: 7, remotes: ["10.0.0.12"] };

describe("refused", () => {
  test.each<readonly [string, Links, string]>([
    [
      "a vlan without parent and id",
      { v: { type: "vlan" } },
      "/routes/links/v/parent is missing, which a vlan needs: write an interface name of 1 to 15 characters, such as eth1; " +
        "/routes/links/v/id is missing, which a vlan needs: write a whole number from 1 to 4094 (VLAN) or 16777215 (VXLAN)",
    ],
    [
      "a key of another type",
      { d: { type: "dummy", parent: "eth0" } },
      "/routes/links/d/parent is not for a dummy: remove it, or correct the type",
    ],
    [
      "a VLAN ID that is none",
      { v: { type: "vlan", parent: "eth0", id: 4095 } },
      '/routes/links/v/id is "4095", which is no VLAN ID: write a whole number from 1 to 4094 (VLAN) or 16777215 (VXLAN)',
    ],
    [
      "a vxlan without ends",
      { v: { type: "vxlan", id: 7 } },
      '/routes/links/v has neither "remotes" nor "group": write the other ends as "remotes", or a multicast "group"',
    ],
    [
      "a vxlan with both kinds of ends",
      { v: { ...VXLAN, group: "239.1.1.1", parent: "eth0" } },
      '/routes/links/v has both "remotes" and "group": write the other ends as "remotes", or a multicast "group"',
    ],
    [
      "a group without a parent",
      { v: { type: "vxlan", id: 7, group: "239.1.1.1" } },
      '/routes/links/v/parent is missing, which a "group" needs: write an interface name of 1 to 15 characters, such as eth1',
    ],
    [
      "a group that is none",
      { v: { type: "vxlan", id: 7, group: "10.0.0.1", parent: "eth0" } },
      '/routes/links/v/group is "10.0.0.1", which is no multicast group: write one IPv4 or IPv6 address, such as "239.50.0.1"',
    ],
    [
      "a peer that is no host",
      { v: { ...VXLAN, remotes: ["239.1.1.1"] } },
      '/routes/links/v is "239.1.1.1", which is not the address of a host: write it as {"type": "macvlan", "parent": "eth0"}',
    ],
    [
      "ends of both families",
      { v: { ...VXLAN, local: "fd00::1" } },
      "/routes/links/v has ends of both families: write addresses of one family, and a vxlan for each",
    ],
    [
      "an address that is none",
      { d: { type: "dummy", addresses: ["10.0.0.1/33"] } },
      '/routes/links/d/addresses is "10.0.0.1/33", which is no address of a host: list addresses such as ["192.168.2.10/24", "fd00:2::10/64"]',
    ],
    [
      "IPv6 with too small an MTU",
      { m: { ...MACVLAN, mtu: 1000, addresses: ["fd00::1/64"] } },
      "/routes/links/m/mtu is 1000, with which the kernel has no IPv6: write at least 1280, or remove the IPv6 addresses",
    ],
    [
      "an id twice",
      { a: VXLAN, b: VXLAN },
      "/routes/links/b/id is 7, as of a: give every link an id of its own",
    ],
    [
      "an address twice",
      {
        a: { type: "dummy", addresses: ["fd00::1/64"] },
        b: { type: "dummy", addresses: ["fd00:0::1/64"] },
      },
      "/routes/links/b/addresses has fd00::1/64, as a has: write every address once",
    ],
    [
      "a port of two bridges",
      { a: { type: "bridge", ports: ["eth1"] }, b: { type: "bridge", ports: ["eth1"] } },
      "/routes/links/b/ports has eth1, as a has: an interface is a port of one bridge",
    ],
    [
      "a circle",
      {
        a: { type: "macvlan", parent: "b" },
        b: { type: "bridge", ports: ["a"] },
        c: { type: "dummy" },
      },
      "/routes/links has links that cannot be made, because each waits for another: a, b: no parent and no port may lead back to the link itself",
    ],
  ])("%s", (_, links, problems) => {
    expectProblems({ routes: { links } }, problems);
  });

  test("the same id of another parent or UDP port is no problem", () => {
    const vlan = (parent: string): Json => ({ type: "vlan", parent, id: 5 });
    expect(
      built({ a: VXLAN, b: { ...VXLAN, port: 8472 }, c: vlan("eth0"), d: vlan("eth1") }),
    ).toHaveLength(4);
  });

  test("a lenient verb goes on without the links", () => {
    const conf = netconf({
      routes: {
        links: { v: { type: "vlan" } },
        tenantPriority: 200,
        localPriority: 100,
        excludePriority: 90,
      },
    });
    const { conf: loaded, warnings } = loadConf(conf, "DEL");
    expect([loaded.routes.links, loaded.routes.tenantPriority, warnings.length]).toEqual([
      [],
      200,
      2,
    ]);
  });
});
