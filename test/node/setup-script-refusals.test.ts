/** scripts/tenant-routing-setup.sh where something is in the way, missing or badly written. */
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { unwrapped } from "../helpers/routes-node";
import { useSetUpNode } from "../helpers/setup-node";

const { path, ip, setUp, snapshot, routeOf } = useSetUpNode();

test("notices others that use the same marks, tables and priorities: nothing is changed without --force", () => {
  ip("rule", "add", "pref", "50", "fwmark", "0x10", "lookup", "100");
  ip("rule", "add", "pref", "32765", "lookup", "300");
  ip("rule", "add", "pref", "40", "fwmark", "0x4000/0x4000", "lookup", "300");
  ip("route", "add", "198.51.100.0/24", "dev", "eth2", "table", "200");
  ip("route", "add", "128.0.0.0/1", "dev", "eth2");
  const before = snapshot();
  const { status, stdout, stderr } = setUp();
  expect([status, stderr]).toEqual([3, expect.stringContaining("--force")]);
  const says = [
    /^COLLISION table.*pref 50 /m,
    /^COLLISION mark.*ip rule 50/m,
    /^COLLISION priority.*pref 32765 /m,
    /^COLLISION table.*198\.51\.100\.0\/24/m,
    /^warning half-default/m,
  ];
  for (const each of says) expect(unwrapped(stdout)).toMatch(each);
  expect(stdout).not.toContain("0x4000");
  expect(snapshot()).toBe(before);
  expect(setUp({}, "--force").status).toBe(0);
  expect(routeOf("100.64.0.1", "0x20")).toContain("via 10.10.20.131");
});

test.each([
  [{ GATEWAY_A: "203.0.113.5" }, "gateway-off-link"],
  [{ DEV_A: "eth9" }, "device-missing"],
])(
  "%j: that tenant is closed, the others work, and it says so",
  (env: Record<string, string>, finding) => {
    expect(setUp(env)).toMatchObject({
      status: 1,
      stdout: expect.stringContaining(`PROBLEM ${finding} (tenant tenant-a)`),
    });
    expect(routeOf("203.0.113.1", "0x10")).toMatch(/unreachable|No route to host/);
    expect(routeOf("203.0.113.1", "0x20")).toContain("via 10.10.20.131");
  },
);

test.each([
  [{ FWMARK_TENANT_B: "0x10" }, "tenant-a"],
  [{ MASK: "0xf" }, "/tenants/tenant-a/fwmark"],
  [{ FWMARK_TENANT_A: "0" }, "/tenants/tenant-a/fwmark"],
  [{ FWMARK_TENANT_A: 'x[$(reboot)]", "y\\' }, "/tenants/tenant-a/fwmark"],
  [{ FWMARK_TENANT_A: "0x10\n" }, "FWMARK_TENANT_A has a control character"],
  [{ TABLE_TENANT_B: "100" }, '/tenants/tenant-b/table is 100, the table of tenant "tenant-a"'],
  [{ TABLE_TENANT_A: "254" }, "/tenants/tenant-a/table"],
  [{ TABLE_TENANT_A: "main" }, "/tenants/tenant-a/table"],
  [{ GATEWAY_A: "" }, "GATEWAY_A is not set"],
  [{ GATEWAY_A: "gw-a.example" }, "/tenants/tenant-a/gateways"],
  [{ PRIORITY: "32766" }, "is not in 3 to 32765"],
  [{ PRIORITY: "x[$(reboot)]" }, "is not in 3 to 32765"],
  [{ TENANTS: "" }, "names no tenant"],
  [{ TENANTS: "A a" }, "names a twice"],
  [{ TENANTS: "A C", GATEWAY_C: "10.10.20.9" }, "tenant C has no defaults"],
  [{ RT_TABLES_DIR: "names" }, "/routes/namesDir"],
  [{ WRAPPER: "/none/wrapper" }, "WRAPPER"],
])("refuses %j before it changes anything", (env: Record<string, string>, message) => {
  const before = snapshot();
  // Its own place: other tests run the script at the same time.
  const temporary = path("temporary");
  mkdirSync(temporary, { recursive: true });
  const { status, stderr } = setUp({ TMPDIR: temporary, ...env });
  expect([status, stderr]).toEqual([2, expect.stringContaining(message)]);
  expect(snapshot()).toBe(before);
  expect(readdirSync(temporary)).toEqual([]);
});

test("a file of names that somebody else made is in the way", () => {
  mkdirSync(path("names"));
  writeFileSync(path("names/tenant-routing.conf"), "100 mine\n");
  const before = snapshot();
  expect(setUp()).toMatchObject({ status: 3, stdout: expect.stringContaining("COLLISION name") });
  expect(snapshot()).toBe(before);
});
