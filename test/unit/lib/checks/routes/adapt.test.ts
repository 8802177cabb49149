/** The node routes' own findings and collisions, as findings of checks. */
import { collisionFinding, routeFinding } from "../../../../../lib/checks/routes/adapt";
import type { Finding } from "../../../../../lib/routes/conflicts/kinds";
import type { ResolvedGateway } from "../../../../../lib/routes/model";
import { spec } from "../../routes/links/rig";
import { findingText } from "../../../../../lib/routes/conflicts/text";

const GATEWAY: ResolvedGateway = {
  ...{ tenant: "a", family: 4, via: "10.0.0.1", dev: "eth1", weight: 1 },
  ...{ check: undefined, unusable: "device-down" },
};
const DOWN: Finding = { kind: "device-down", tenant: "a", gateway: GATEWAY };

test("fault, consequence and remedy are the parts of the sentence that the routes print", () => {
  const found = routeFinding(DOWN);
  expect(found).toEqual({
    ...{ kind: "device-down", code: "TR0102", category: "routes", severity: "failed" },
    fault: "eth1 is down",
    consequence: "gateway 10.0.0.1 dev eth1 of tenant a is left out",
    remedy: "ip link set eth1 up && wrapper routes apply",
    subject: "a",
  });
  expect(findingText(DOWN)).toBe(
    `${found.consequence} because ${found.fault}: ip link set eth1 up`,
  );
});

test("a gateway that was taken out is named as one, in front too", () => {
  expect(routeFinding({ kind: "gateway-failed", tenant: "a", gateway: GATEWAY })).toMatchObject({
    code: "TR0105",
    fault: "the watcher has taken a gateway out, because it does not answer",
    consequence: "gateway 10.0.0.1 dev eth1 of tenant a is left out",
  });
});

test.each<[Finding, string, string]>([
  [
    { kind: "no-gateway", tenant: "a", table: 100 },
    "warning",
    'List its "gateways"; or, where a router',
  ],
  [
    {
      ...{ kind: "strict-rp-filter", tenant: "a", path: "net/ipv4/conf/eth1/rp_filter" },
      ...{ have: "1", want: "2", dev: "eth1", all: "0" },
    },
    "failed",
    "wrapper routes apply --sysctl",
  ],
  [
    { kind: "link-waits", tenant: undefined, spec: spec("a"), waitsFor: "parent-up", dev: "eth0" },
    "failed",
    "ip link set eth0 up && wrapper routes apply",
  ],
  [
    { kind: "link-waits", tenant: undefined, spec: spec("a"), waitsFor: "parent", dev: "eth0" },
    "failed",
    "Make eth0",
  ],
  [
    { kind: "ra-default", tenant: undefined, dev: "eth0" },
    "warning",
    "sysctl -w net/ipv6/conf/eth0",
  ],
])("%j", (finding, severity, remedy) => {
  const found = routeFinding(finding);
  expect([found.severity, found.remedy]).toEqual([
    severity,
    expect.stringContaining(remedy) as string,
  ]);
});

test("a collision that sends packets astray is failed, and one that is only unseen a warning", () => {
  const unseen = collisionFinding({ kind: "unseen", tenant: undefined, problem: "it failed" });
  expect([unseen.code, unseen.severity, unseen.fault]).toEqual(["TR0207", "warning", "it failed"]);
  const late = collisionFinding({
    ...{ kind: "priority", tenant: undefined, family: 4, first: 10, local: 100 },
  });
  expect([late.code, late.severity]).toEqual(["TR0204", "failed"]);
});
