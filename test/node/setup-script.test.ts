/** scripts/tenant-routing-setup.sh: what it makes of a node, and that it takes it back. */
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { unwrapped } from "../helpers/routes-node";
import { lines, useSetUpNode } from "../helpers/setup-node";

const { path, ip, sysctls, setUp, snapshot, routeOf } = useSetUpNode();
const TENANT_RULES = [
  "0:\tfrom all lookup local",
  "32764:\tfrom all lookup main suppress_prefixlength 0",
  "32765:\tfrom all fwmark 0x10/0xff lookup 100",
  "32765:\tfrom all fwmark 0x10/0xff unreachable",
  "32765:\tfrom all fwmark 0x20/0xff lookup 200",
  "32765:\tfrom all fwmark 0x20/0xff unreachable",
  "32766:\tfrom all lookup main",
];
const CLOSED = "unreachable default proto kernel metric 4294967295";

test("leads each mark to its gateway, after the node's exact routes and before its default", () => {
  expect(setUp()).toMatchObject({ status: 0, stderr: "" });
  expect(lines(ip("rule")).slice(0, 7)).toEqual(TENANT_RULES);
  expect(lines(ip("route", "show", "table", "100"))).toEqual([
    "default via 10.10.10.131 dev eth1 proto kernel",
    CLOSED,
  ]);
  expect(lines(ip("route", "show", "table", "200"))).toEqual([
    "default via 10.10.20.131 dev eth2 proto kernel",
    CLOSED,
  ]);
  expect(routeOf("203.0.113.1", "0x10")).toContain("via 10.10.10.131");
  expect(routeOf("203.0.113.1", "0x4020")).toContain("via 10.10.20.131");
  expect(routeOf("203.0.113.1", "0x4000")).toContain("via 10.0.0.1");
  expect(routeOf("10.200.1.7", "0x10")).toContain("via 10.0.0.3");
  expect(readFileSync(path("names/tenant-routing.conf"), "utf8")).toContain(
    "100 tenant-a\n200 tenant-b\n",
  );
});

test('tags rules and routes "kernel", so that systemd-networkd leaves them alone', () => {
  setUp();
  const rules = lines(ip("-d", "rule") + ip("-6", "-d", "rule")).filter((line) =>
    /^3276[45]:/.test(line),
  );
  expect(rules).toHaveLength(10);
  expect(rules.filter((line) => !line.endsWith("proto kernel"))).toEqual([]);
});

test("can be run again, and then changes nothing", () => {
  setUp();
  const before = snapshot();
  expect(setUp()).toMatchObject({
    status: 0,
    stdout: expect.stringContaining("changes made: none"),
  });
  expect(snapshot()).toBe(before);
});

test("--remove restores the node, whatever the environment says then", () => {
  const before = snapshot();
  setUp({ GATEWAY_A6: "fd00:10::1", PRIORITY: "30000" });
  setUp({ GATEWAY_A6: "fd00:10::1", PRIORITY: "30000" });
  expect(sysctls()).toEqual(["1", "2", "0", "1"]);
  const told = setUp({}, "--remove", "--dry-run");
  expect(told).toMatchObject({
    status: 0,
    stdout: expect.stringContaining("ip -4 rule del pref 30000 fwmark 0x10/0xff lookup 100"),
  });
  expect(sysctls()).toEqual(["1", "2", "0", "1"]);
  expect(setUp({ GATEWAY_A: "", TABLE_TENANT_A: "77" }, "--remove")).toMatchObject({
    status: 0,
    stderr: "",
  });
  expect(snapshot()).toBe(before);
  expect(existsSync(path("names"))).toBe(false);
  expect(readdirSync(path("state/routes"))).toEqual(["queue"]);
  expect(setUp({}, "--remove").stdout).toContain("nothing to remove");
});

test("--dry-run changes nothing and says what would be done", () => {
  const before = snapshot();
  const { status, stdout } = setUp({}, "--dry-run");
  expect(status).toBe(0);
  expect(stdout).toContain("ip -4 rule add pref 32765 fwmark 0x10/0xff lookup 100");
  expect(stdout).toContain("sysctl -w net.ipv4.conf.eth1.rp_filter=2");
  expect(snapshot()).toBe(before);
  expect(existsSync(path("state")) || existsSync(path("names"))).toBe(false);
});

test("a lost gateway closes its tenant; another run brings it back", () => {
  setUp();
  ip("link", "set", "eth1", "down");
  expect(routeOf("203.0.113.1", "0x10")).toMatch(/unreachable|No route to host/);
  expect(routeOf("203.0.113.1", "0x20")).toContain("via 10.10.20.131");
  ip("link", "set", "eth1", "up");
  expect(setUp().status).toBe(0);
  expect(routeOf("203.0.113.1", "0x10")).toContain("via 10.10.10.131");
});

test("a changed mark, gateway or table replaces what was there", () => {
  setUp({ GATEWAY_A6: "fd00:10::1", TENANTS: "A B" });
  setUp({ FWMARK_TENANT_A: "0x30/0xf0", GATEWAY_A: "10.10.10.99", TABLE_TENANT_B: "201" });
  expect(
    lines(ip("rule"))
      .filter((line) => line.includes("fwmark") && line.includes("lookup"))
      .sort(),
  ).toEqual([
    "32765:\tfrom all fwmark 0x20/0xff lookup 201",
    "32765:\tfrom all fwmark 0x30/0xf0 lookup 100",
  ]);
  expect(lines(ip("route", "show", "table", "100"))).toEqual([
    "default via 10.10.10.99 dev eth1 proto kernel",
    CLOSED,
  ]);
  expect(ip("-6", "route", "show", "table", "100")).not.toContain("via");
  expect(lines(ip("route", "show", "table", "200"))).toEqual([]);
});

test("local delivery stays first where its rule was moved to 100, as Cilium does", () => {
  ip("rule", "add", "pref", "100", "lookup", "local");
  ip("rule", "del", "pref", "0");
  expect(setUp()).toMatchObject({ status: 0, stderr: "" });
  expect(routeOf("10.10.10.2", "0x10")).toMatch(/^local /);
  const { status, stdout } = setUp({ PRIORITY: "50" });
  expect([status, unwrapped(stdout)]).toEqual([
    3,
    expect.stringContaining(
      "the IPv4 rule for the local table is at 100 and our first rule is at 49",
    ),
  ]);
  expect(setUp({ PRIORITY: "50" }, "--force").status).toBe(0);
});

test("IPv6 is closed for a tenant without an IPv6 gateway and led to the gateway otherwise", () => {
  ip("-6", "route", "add", "default", "via", "fd00:10::9");
  setUp({ GATEWAY_A6: "fd00:10::1" });
  expect(routeOf("2001:db8::1", "0x10")).toContain("via fd00:10::1");
  expect(routeOf("2001:db8::1", "0x20")).toMatch(/unreachable|No route to host/);
  expect(routeOf("2001:db8::1", "0x0")).toContain("via fd00:10::9");
});

test("a tenant beyond A and B, and one behind a device without a gateway's address", () => {
  const ran = setUp({
    TENANTS: "A VPN",
    DEV_VPN: "eth2",
    FWMARK_TENANT_VPN: "0x40",
    TABLE_TENANT_VPN: "300",
  });
  expect(ran).toMatchObject({ status: 0, stderr: "" });
  expect(routeOf("203.0.113.1", "0x40")).toContain("dev eth2 table 300");
  expect(ip("rule")).not.toContain("lookup 200");
});
