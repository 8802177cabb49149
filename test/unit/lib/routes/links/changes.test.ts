import type { LinkFacts } from "../../../../../lib/routes/link-model";
import { joinLinks, linksToRemove } from "../../../../../lib/routes/links/changes";
import { peersIn } from "../../../../../lib/routes/links/peers";
import { commands, link, made, plain, spec, VXLAN } from "./rig";

const ETH0 = link("eth0");

test("a link is made with everything, marked at once, and up at the end", () => {
  const wanted = spec("a", {
    mtu: 1400,
    mac: "02:00:00:00:00:01",
    addresses: ["10.1.0.1/24", "fd01::1/64"],
  });
  expect(commands({ wanted: [wanted], links: [ETH0], recorded: [] })).toEqual([
    "ip link add name a link eth0 mtu 1400 address 02:00:00:00:00:01 type macvlan mode bridge",
    "ip link set dev a alias tenant-routing",
    "ip addr add 10.1.0.1/24 dev a",
    "ip addr add fd01::1/64 dev a",
    "ip link set dev a up",
  ]);
});

test.each([
  [
    plain("v", { type: "vlan", parent: "eth0", id: 5 }),
    "ip link add name v link eth0 type vlan id 5",
  ],
  [plain("d", { type: "dummy", mtu: 1300 }), "ip link add name d mtu 1300 type dummy"],
  [
    plain("x", { ...VXLAN, parent: "eth0", group: "239.1.1.1", local: "10.0.0.1" }),
    "ip link add name x type vxlan id 7 dstport 4789 local 10.0.0.1 group 239.1.1.1 dev eth0",
  ],
  [
    plain("x", { ...VXLAN, remotes: ["fd00::2"] }),
    "ip -6 link add name x type vxlan id 7 dstport 4789",
  ],
])("%j is made by its command", (wanted, command) => {
  expect(commands({ wanted: [wanted], links: [ETH0], recorded: [] })[0]).toBe(command);
});

test("a bridge gets its MTU after it is made, and its ports", () => {
  const wanted = plain("br", { type: "bridge", mtu: 1400, ports: ["p"] });
  expect(commands({ wanted: [wanted], links: [link("p")], recorded: [] })).toEqual([
    "ip link add name br type bridge",
    "ip link set dev br alias tenant-routing",
    "ip link set dev br mtu 1400",
    "ip link set dev p master br",
    "ip link set dev br up",
  ]);
});

test("one that is as wanted is left alone, and what others gave it", () => {
  const wanted = plain("x", { ...VXLAN, remotes: ["10.0.0.2"], addresses: ["10.1.0.1/24"] });
  const present = made(wanted, {}, { prefixes: ["10.1.0.1/24", "10.1.0.9/24"] });
  expect(
    commands(
      { wanted: [wanted], links: [present], recorded: [wanted] },
      { peers: ["10.0.0.2", "10.0.0.9"] },
    ),
  ).toEqual([]);
});

test("only what is different is changed, and only what we gave is taken", () => {
  const before = plain("x", {
    ...VXLAN,
    remotes: ["10.0.0.2"],
    addresses: ["10.1.0.1/24"],
    mtu: 1400,
  });
  const wanted = {
    ...before,
    remotes: ["10.0.0.3"],
    addresses: ["10.1.0.2/24"],
    mtu: 1300,
    mac: "02:00:00:00:00:01",
  };
  const present = made(before, { up: false }, { prefixes: ["10.1.0.1/24", "10.1.0.9/24"] });
  expect(
    commands(
      { wanted: [wanted], links: [present], recorded: [before] },
      { peers: ["10.0.0.2", "10.0.0.9"] },
    ),
  ).toEqual([
    "ip link set dev x address 02:00:00:00:00:01",
    "ip link set dev x mtu 1300",
    "bridge fdb del 00:00:00:00:00:00 dev x dst 10.0.0.2",
    "bridge fdb append 00:00:00:00:00:00 dev x dst 10.0.0.3",
    "ip addr del 10.1.0.1/24 dev x",
    "ip addr add 10.1.0.2/24 dev x",
    "ip link set dev x up",
  ]);
});

test("a port that is not wanted any more is let go, unless somebody has taken it", () => {
  const before = plain("br", { type: "bridge", ports: ["p", "q"] });
  const wanted = plain("br", { type: "bridge" });
  const links = [made(wanted), link("p", {}, { master: "br" }), link("q", {}, { master: "other" })];
  expect(commands({ wanted: [wanted], links, recorded: [before] })).toEqual([
    "ip link set dev p nomaster",
  ]);
});

test("the ports of a bridge that is made anew are its ports again", () => {
  const before = plain("br", { type: "bridge", mtu: 1400, ports: ["p"] });
  const wanted = plain("br", { type: "bridge", ports: ["p"] });
  const links = [made(before), link("p", {}, { master: "br" })];
  expect(commands({ wanted: [wanted], links, recorded: [before] })).toEqual([
    "ip link del dev br",
    "ip link add name br type bridge",
    "ip link set dev br alias tenant-routing",
    "ip link set dev p master br",
    "ip link set dev br up",
  ]);
});

test("one without its mark is marked", () => {
  const wanted = spec("a");
  const bare = link("a", { up: false }, { kind: "macvlan", parent: "eth0", mode: "bridge" });
  expect(commands({ wanted: [wanted], links: [ETH0, bare], recorded: [wanted] })).toEqual([
    "ip link set dev a alias tenant-routing",
    "ip link set dev a up",
  ]);
});

test("removal: all that is ours, children first", () => {
  const links = [ETH0, made(spec("a")), made(spec("b", { parent: "a" })), link("c")];
  expect(linksToRemove(links, [])).toEqual([
    { op: "del", name: "b" },
    { op: "del", name: "a" },
  ]);
});

test("both records together know all that may have been given to a link", () => {
  const before = spec("a", { addresses: ["10.1.0.1/24"], mtu: 1400 });
  const after = spec("a", { addresses: ["10.1.0.2/24"] });
  expect(joinLinks([spec("old"), before], [after, spec("new")])).toEqual([
    spec("old"),
    spec("a", { addresses: ["10.1.0.1/24", "10.1.0.2/24"], mtu: 1400 }),
    spec("new"),
  ]);
});

test("peers are where packets for unknown receivers go", () => {
  expect(
    peersIn([
      { mac: "00:00:00:00:00:00", dst: "10.0.0.2" },
      { mac: "00:00:00:00:00:00", dst: "FD00::2" },
      { mac: "00:00:00:00:00:00" },
      { mac: "02:00:00:00:00:01", dst: "10.0.0.3" },
    ]),
  ).toEqual(["10.0.0.2", "fd00::2"]);
  expect(peersIn(undefined)).toEqual([]);
});

test("a peer with an identifier, a port or a device of its own says so", () => {
  const entry = { mac: "00:00:00:00:00:00", dst: "10.0.0.2" };
  const entries = [
    { ...entry, vni: 9, port: 8472 },
    { ...entry, viaIf: "eth1" },
    { ...entry, viaIf: "eth0" },
  ];
  expect(peersIn(entries, "eth0")).toEqual([
    "10.0.0.2 port 8472 vni 9",
    "10.0.0.2 via eth1",
    "10.0.0.2",
  ]);
});

describe("a link-local address that somebody has taken away", () => {
  const MAC = "02:00:0a:32:00:01";
  const wanted = spec("a");
  const settings: Readonly<Record<string, string>> = {
    "net/ipv6/conf/a/disable_ipv6": "0",
    "net/ipv6/conf/a/addr_gen_mode": "0",
  };
  const commandsFor = (
    facts: Partial<LinkFacts>,
    changed: Readonly<Record<string, string | undefined>> = {},
    want = wanted,
  ): readonly string[] =>
    commands(
      {
        wanted: [want],
        links: [
          ETH0,
          link("br", {}, { kind: "bridge" }),
          made(want, {}, { mac: MAC, running: true, ...facts }),
        ],
        recorded: [want],
      },
      { sysctl: (path) => ({ ...settings, ...changed })[path] },
    );
  const ADDED = ["ip addr add fe80::aff:fe32:1/64 dev a"];

  test("comes back, whatever else the link has", () => {
    expect(commandsFor({})).toEqual(ADDED);
    expect(commandsFor({ prefixes: ["fd00::1/64", "10.1.0.1/24"] })).toEqual(ADDED);
    expect(commandsFor({}, { "net/ipv6/conf/a/addr_gen_mode": "2" })).toEqual(ADDED);
    expect(commandsFor({ master: "vrf" })).toEqual(ADDED);
  });

  test.each<readonly [string, Partial<LinkFacts>, Record<string, string | undefined>]>([
    ["it has another one", { prefixes: ["fe80::1/64"] }, {}],
    ["it does not run", { running: undefined } as object, {}],
    ["it is a port of a bridge", { master: "br" }, {}],
    ["its IPv6 is off", {}, { "net/ipv6/conf/a/disable_ipv6": "1" }],
    ["it has no IPv6 at all", {}, { "net/ipv6/conf/a/disable_ipv6": undefined }],
    ["the kernel is to make none", {}, { "net/ipv6/conf/a/addr_gen_mode": "1" }],
    ["its hardware address is not of Ethernet", { mac: "0a:00:00:01" }, {}],
    ["it has no hardware address", { mac: undefined } as object, {}],
  ])("stays away where %s", (_, facts, changed) => {
    expect(commandsFor(facts, changed)).toEqual([]);
  });

  test("is not made beside one that is declared", () => {
    const declared = spec("a", { addresses: ["fe80::5/64"] });
    expect(commandsFor({ prefixes: [] }, {}, declared)).toEqual(["ip addr add fe80::5/64 dev a"]);
    expect(commandsFor({ prefixes: ["fe80::5/64"] }, {}, declared)).toEqual([]);
  });
});
