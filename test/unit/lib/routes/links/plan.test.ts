import type { Link } from "../../../../../lib/routes/model";
import { link, made, plain, planned, spec, VXLAN } from "./rig";

const ETH0 = link("eth0");
const A = spec("a");

test("a link that is not there is made, one that is as wanted is kept, one that is not wanted goes", () => {
  expect(planned([A], [ETH0])).toEqual({
    own: [{ spec: A, present: undefined, canBeUp: true }],
    ...{ gone: [], waiting: [], large: [], obstacles: [] },
  });
  expect(planned([A], [ETH0, made(A)])).toMatchObject({
    own: [{ spec: A, present: { name: "a" } }],
    gone: [],
  });
  expect(planned([], [ETH0, made(A)], [A])).toMatchObject({ own: [], gone: ["a"] });
});

test.each([
  ["another parent", { parent: "eth1" }],
  ["another mode", { mode: "private" }],
  ["another type", { kind: "ipvlan" }],
])("with %s it is made anew", (_, facts) => {
  expect(planned([A], [ETH0, made(A, {}, facts)])).toMatchObject({
    own: [{ spec: A, present: undefined }],
    gone: ["a"],
  });
});

test("it is made anew when its MTU or hardware address is the kernel's again", () => {
  for (const before of [spec("a", { mtu: 1400 }), spec("a", { mac: "02:00:00:00:00:01" })])
    expect(planned([A], [ETH0, made(before)], [before]).gone).toEqual(["a"]);
  expect(planned([A], [ETH0, made(A, { mtu: 1400 })], [A]).gone).toEqual([]);
});

test("what is on a link that goes, goes before it; those of ours are made again", () => {
  const on = spec("b", { parent: "a" });
  expect(planned([spec("a", { mode: "vepa" }), on], [ETH0, made(A), made(on)])).toMatchObject({
    own: [{ present: undefined }, { present: undefined }],
    gone: ["b", "a"],
  });
});

describe("ours", () => {
  test("is what has the mark", () => {
    expect(planned([], [made(A)]).gone).toEqual(["a"]);
    expect(planned([], [made(A, {}, { alias: "uplink" })], [A]).gone).toEqual([]);
  });

  test("is what the record names and a killed apply left bare", () => {
    const bare = link("a", { up: false }, { kind: "macvlan" });
    expect(planned([], [bare], [A]).gone).toEqual(["a"]);
    expect(planned([], [bare]).gone).toEqual([]);
    for (const foreign of [
      { ...bare, up: true },
      link("a", { up: false }, { kind: "macvlan", prefixes: ["10.0.0.1/24"] }),
      link("a", { up: false }, { kind: "veth" }),
    ])
      expect(planned([], [foreign], [A]).gone).toEqual([]);
  });
});

describe("foreign", () => {
  test("as wanted: it is used, and others may be made on it", () => {
    const theirs = made(A, {}, { alias: "theirs" });
    expect(planned([A, spec("b", { parent: "a" })], [ETH0, theirs])).toMatchObject({
      own: [{ spec: { name: "b" } }],
      obstacles: [],
    });
  });

  test("not as wanted: it is an obstacle that says in what", () => {
    const wanted = spec("a", { mtu: 1400, mac: "02:00:00:00:00:01", addresses: ["10.1.0.1/24"] });
    expect(
      planned(
        [wanted],
        [ETH0, link("a", { up: false }, { kind: "macvlan", parent: "eth0", mode: "bridge" })],
      ).obstacles,
    ).toEqual([
      {
        kind: "link",
        spec: wanted,
        differences: [
          "mtu 1500 instead of 1400",
          "hardware address none instead of 02:00:00:00:00:01",
          "address 10.1.0.1/24 is missing",
          "it is down",
        ],
      },
    ]);
    expect(planned([A], [ETH0, link("a")]).obstacles).toMatchObject([
      { differences: ["it is no such link"] },
    ]);
    const bridge = plain("br", { type: "bridge", ports: ["eth0"] });
    expect(planned([bridge], [ETH0, link("br", {}, { kind: "bridge" })]).obstacles).toMatchObject([
      { differences: ["eth0 is no port of it"] },
    ]);
  });

  test("a vxlan with other peers is none of those that are wanted", () => {
    const wanted = plain("vx", { ...VXLAN, remotes: ["10.0.0.2", "10.0.0.3"] });
    const theirs = (peers: readonly string[], facts: object = {}): Link =>
      made(wanted, {}, { alias: "theirs", peers, ...facts });
    expect(planned([wanted], [theirs(["10.0.0.3", "10.0.0.2"])]).obstacles).toEqual([]);
    expect(planned([wanted], [theirs(["10.0.0.3", "10.0.0.9"])]).obstacles).toEqual([
      {
        ...{ kind: "link", spec: wanted, differences: [] },
        peers: { missing: ["10.0.0.2"], surplus: ["10.0.0.9"] },
      },
    ]);
    // One that ip made with "remote" has it among its peers.
    expect(
      planned([wanted], [theirs(["10.0.0.2", "10.0.0.3"], { remote: "10.0.0.2" })]).obstacles,
    ).toEqual([]);
    // What differs for good says enough.
    expect(planned([wanted], [theirs([], { id: 8 })]).obstacles).toEqual([
      { kind: "link", spec: wanted, differences: ["id 8 instead of 7"] },
    ]);
    const group = plain("vx", { ...VXLAN, group: "239.1.1.1" });
    const joined = made(group, {}, { alias: "theirs", peers: ["239.1.1.1", "10.0.0.9"] });
    expect(planned([group], [joined]).obstacles).toMatchObject([
      { peers: { missing: [], surplus: ["10.0.0.9"] } },
    ]);
  });

  test("one of ours that has a peer in the place of a group is made anew", () => {
    const wanted = plain("vx", { ...VXLAN, remotes: ["10.0.0.2"] });
    expect(planned([wanted], [made(wanted, {}, { remote: "10.0.0.2" })]).gone).toEqual(["vx"]);
  });

  test("under another name of its: the kernel gives out a name once", () => {
    expect(planned([A], [ETH0, link("b", { altNames: ["a"] })]).obstacles).toMatchObject([
      { kind: "link" },
    ]);
  });

  test("with the same VXLAN identifier and port, or VLAN ID and parent", () => {
    const vx = plain("vx", VXLAN);
    const vlan = plain("v5", { type: "vlan", parent: "eth0", id: 5 });
    const theirs = [
      link("x", {}, { kind: "vxlan", id: 7, port: 4789 }),
      link("eth0.5", {}, { kind: "vlan", id: 5, parent: "eth0" }),
    ];
    expect(planned([vx, vlan], [ETH0, ...theirs]).obstacles).toEqual([
      { kind: "link-id", spec: vx, other: "x" },
      { kind: "link-id", spec: vlan, other: "eth0.5" },
    ]);
    const others = [
      link("x", {}, { kind: "vxlan", id: 7, port: 8472 }),
      link("eth1.5", {}, { kind: "vlan", id: 5, parent: "eth1" }),
    ];
    expect(planned([vx, vlan], [ETH0, ...others]).obstacles).toEqual([]);
    // Ours under another name goes first.
    expect(planned([vx], [made(plain("old", VXLAN))])).toMatchObject({
      gone: ["old"],
      obstacles: [],
    });
  });

  test("a bridge that has the port keeps it", () => {
    const bridge = plain("br", { type: "bridge", ports: ["p", "q"] });
    const links = [
      link("theirs", {}, { kind: "bridge" }),
      link("p", {}, { master: "theirs" }),
      link("q"),
    ];
    expect(planned([bridge], links)).toMatchObject({
      own: [{ spec: { ports: ["q"] } }],
      obstacles: [{ kind: "link-port", port: "p", master: "theirs" }],
    });
  });
});

describe("waiting", () => {
  test("for a parent that is not there, with all that is made on it", () => {
    expect(planned([A, spec("b", { parent: "a" })], [])).toMatchObject({
      own: [],
      waiting: [
        { spec: { name: "a" }, waitsFor: "parent", dev: "eth0" },
        { spec: { name: "b" }, waitsFor: "parent", dev: "a" },
      ],
    });
  });

  test("for a parent that is down: it is made, and is not up yet", () => {
    const plan = planned([A], [link("eth0", { up: false })]);
    expect(plan).toMatchObject({
      own: [{ canBeUp: false }],
      waiting: [{ waitsFor: "parent-up", dev: "eth0" }],
    });
    expect(
      planned([plain("vx", { ...VXLAN, parent: "eth0" })], [link("eth0", { up: false })]),
    ).toMatchObject({
      own: [{ canBeUp: true }],
      waiting: [],
    });
  });

  test("for a port: the bridge is made without it", () => {
    expect(planned([plain("br", { type: "bridge", ports: ["p"] })], [])).toMatchObject({
      own: [{ spec: { ports: [] } }],
      waiting: [{ waitsFor: "port", dev: "p" }],
    });
  });
});

describe("an MTU that does not fit", () => {
  test("a parent: less is used, and that is told", () => {
    const large = spec("a", { mtu: 9000 });
    expect(planned([large], [ETH0])).toMatchObject({
      own: [{ spec: { mtu: 1500 } }],
      large: [{ mtu: 9000, least: 1500, dev: "eth0" }],
    });
    const vxlan = (change: object) =>
      plain("vx", { ...VXLAN, parent: "eth0", mtu: 1460, ...change });
    expect(planned([vxlan({ remotes: ["10.0.0.2"] })], [ETH0]).large).toMatchObject([
      { least: 1450 },
    ]);
    expect(planned([vxlan({ remotes: ["fd00::2"] })], [ETH0]).large).toMatchObject([
      { least: 1430 },
    ]);
  });

  test("a parent that is made with less itself", () => {
    expect(
      planned([spec("a", { mtu: 1300 }), spec("b", { parent: "a", mtu: 1400 })], [ETH0]).large,
    ).toMatchObject([{ spec: { name: "b" }, least: 1300, dev: "a" }]);
  });

  test("a port: the bridge has it all the same", () => {
    const bridge = plain("br", { type: "bridge", ports: ["p", "eth0"], mtu: 1500 });
    expect(planned([bridge], [ETH0, link("p", { mtu: 1400 })])).toMatchObject({
      own: [{ spec: { mtu: 1500 } }],
      large: [{ least: 1400, dev: "p" }],
    });
  });
});

test("the node itself is no other end of its vxlan", () => {
  const vx = plain("vx", { ...VXLAN, remotes: ["10.0.0.11", "10.0.0.12"] });
  const eth0 = link("eth0", { addresses: [{ family: 4, address: "10.0.0.11" }] });
  expect(planned([vx], [eth0])).toMatchObject({ own: [{ spec: { remotes: ["10.0.0.12"] } }] });
});
