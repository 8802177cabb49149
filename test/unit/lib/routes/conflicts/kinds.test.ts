import { COLLISIONS, FINDINGS, isProblem } from "../../../../../lib/routes/conflicts/kinds";

const codes = (rows: Readonly<Record<string, { readonly code: string }>>): readonly string[] =>
  Object.values(rows).map(({ code }) => code);

test("a finding's code stays what it was when it was first given", () => {
  expect(Object.entries(FINDINGS).map(([kind, { code }]) => `${code} ${kind}`)).toEqual([
    "TR0101 device-missing",
    "TR0102 device-down",
    "TR0103 gateway-own-address",
    "TR0104 gateway-off-link",
    "TR0105 gateway-failed",
    "TR0106 mark-without-tenant",
    "TR0107 forwarding-off",
    "TR0108 strict-rp-filter",
    "TR0109 main-refuses",
    "TR0122 link-waits",
    "TR0110 main-may-refuse",
    "TR0111 no-gateway",
    "TR0112 no-default-route",
    "TR0113 half-default",
    "TR0114 rule-before",
    "TR0115 ra-default",
    "TR0116 mtu",
    "TR0123 link-mtu",
  ]);
});

test("a collision's code stays what it was when it was first given", () => {
  expect(Object.entries(COLLISIONS).map(([kind, { code }]) => `${code} ${kind}`)).toEqual([
    "TR0201 mark",
    "TR0202 mask",
    "TR0203 table",
    "TR0204 priority",
    "TR0205 route",
    "TR0206 name",
    "TR0207 unseen",
    "TR0208 link",
    "TR0209 link-id",
    "TR0210 link-port",
  ]);
});

test("every code is four digits, and no two kinds have the same", () => {
  const all = [...codes(FINDINGS), ...codes(COLLISIONS)];
  expect(new Set(all).size).toBe(all.length);
  for (const code of all) expect(code).toMatch(/^TR0[12][0-9]{2}$/);
});

test("a problem is what keeps packets from getting through; the rest warns", () => {
  expect([isProblem({ kind: "device-down" }), isProblem({ kind: "mtu" })]).toEqual([true, false]);
});
