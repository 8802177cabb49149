import { linkCollisions, linkFindings } from "../../../../../lib/routes/conflicts/links";
import { collisionText, findingText } from "../../../../../lib/routes/conflicts/text";
import type { LinkSpec } from "../../../../../lib/net/link";
import type { Link } from "../../../../../lib/routes/model";
import { link, made, plain, planned, spec, VXLAN } from "../links/rig";

const findings = (wanted: readonly LinkSpec[], links: readonly Link[]): readonly string[] =>
  linkFindings(planned(wanted, links)).map(findingText);
const collisions = (wanted: readonly LinkSpec[], links: readonly Link[]): readonly string[] =>
  linkCollisions(planned(wanted, links)).map(collisionText);
const A = spec("a");

test("a link that waits says for what, what follows, and what to do", () => {
  expect(findings([A], [])).toEqual([
    "this node has no interface eth0, the parent of macvlan a, so a is not made: make eth0, and have the watcher or another apply make a",
  ]);
  expect(findings([A], [link("eth0", { up: false })])).toEqual([
    "eth0, the parent of macvlan a, is down, so a carries nothing: ip link set eth0 up",
  ]);
  expect(findings([plain("br", { type: "bridge", ports: ["p"] })], [])).toEqual([
    "this node has no interface p, a port of bridge br, so br is without it: make p, and have the watcher or another apply add it",
  ]);
});

test("an MTU that does not fit says what is used", () => {
  expect(findings([spec("a", { mtu: 9000 })], [link("eth0")])).toEqual([
    "macvlan a is to have an MTU of 9000, but eth0 allows 1500, so a gets 1500: set /routes/links/a/mtu to 1500, or give eth0 a larger MTU",
  ]);
  expect(findings([plain("br", { type: "bridge", ports: ["p"], mtu: 9000 })], [link("p")])).toEqual(
    [
      "bridge br is to have an MTU of 9000, but p allows 1500, so larger packets to p are dropped: set /routes/links/br/mtu to 1500, or give p a larger MTU",
    ],
  );
});

test("a collision says what is in the way, and the command that takes it out", () => {
  expect(collisions([A], [made(A, { up: false }, { alias: "theirs", mode: "vepa" })])).toEqual([
    'a, which is to be a macvlan, exists and was not made by wrapper routes: mode vepa instead of bridge; it is left as it is: ip link del dev a; or give the link another name in "links", if it is needed',
  ]);
  const vx = plain("vx", { ...VXLAN, remotes: ["10.0.0.2", "10.0.0.3"] });
  const peers = ["10.0.0.3", "10.0.0.8", "10.0.0.9 vni 9"];
  expect(collisions([vx], [made(vx, {}, { alias: "theirs", peers })])).toEqual([
    "vx, which is to be a vxlan, exists and was not made by wrapper routes: it lacks the peers 10.0.0.2, it has the undeclared peers 10.0.0.8, 10.0.0.9 vni 9; it is left as it is: " +
      "bridge fdb append 00:00:00:00:00:00 dev vx dst 10.0.0.2 && bridge fdb del 00:00:00:00:00:00 dev vx dst 10.0.0.8 && bridge fdb del 00:00:00:00:00:00 dev vx dst 10.0.0.9 vni 9; " +
      "or write its peers into /routes/links/vx/remotes, if they are right",
  ]);
  expect(collisions([vx], [made(vx, { up: false }, { alias: "theirs", peers: [] })])).toEqual([
    'vx, which is to be a vxlan, exists and was not made by wrapper routes: it lacks the peers 10.0.0.2, 10.0.0.3, it is down; it is left as it is: ip link del dev vx; or give the link another name in "links", if it is needed',
  ]);
  expect(
    collisions([plain("vx", VXLAN)], [link("x", {}, { kind: "vxlan", id: 7, port: 4789 })]),
  ).toEqual([
    "x has the VXLAN identifier 7 already, so vx cannot be made: ip link del dev x; or give vx another id, if x is needed",
  ]);
  expect(
    collisions(
      [plain("v", { type: "vlan", parent: "eth0", id: 5 })],
      [link("eth0"), link("eth0.5", {}, { kind: "vlan", parent: "eth0", id: 5 })],
    ),
  ).toEqual([
    "eth0.5 has the VLAN ID 5 of eth0 already, so v cannot be made: ip link del dev eth0.5; or give v another id, if eth0.5 is needed",
  ]);
  expect(
    collisions(
      [plain("br", { type: "bridge", ports: ["p"] })],
      [link("other"), link("p", {}, { master: "other" })],
    ),
  ).toEqual([
    "p, which is to be a port of br, is one of other, so it stays there: ip link set dev p nomaster; or remove it from /routes/links/br/ports, if it is needed there",
  ]);
});
