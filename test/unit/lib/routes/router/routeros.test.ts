import { routerosConfig } from "../../../../../lib/routes/router/routeros";
import { routerModel } from "../../../../../lib/routes/router/model";
import { exampleConf, threeUplinks, uplinkWith } from "./example";

const EXPECTED = `# Upstream router of network "pods" for the pods of node 10.0.0.11: each address pool leaves by its tenant's uplink.
# Printed by "wrapper routes router-config --format routeros": change the conflist and print it again.
# For RouterOS 7. Everything it makes has the comment "tenant-routing 10.0.0.11", and is replaced when it runs again.
# Put its srcnat rules before other ones that translate packets on the same interfaces.

# What an earlier run has made.
/routing/rule/remove [find where comment="tenant-routing 10.0.0.11"]
/ip/route/remove [find where comment="tenant-routing 10.0.0.11"]
/ip/firewall/nat/remove [find where comment="tenant-routing 10.0.0.11"]
/ip/firewall/address-list/remove [find where comment="tenant-routing 10.0.0.11"]
/ipv6/route/remove [find where comment="tenant-routing 10.0.0.11"]
/ipv6/firewall/nat/remove [find where comment="tenant-routing 10.0.0.11"]
/ipv6/firewall/address-list/remove [find where comment="tenant-routing 10.0.0.11"]

# Tables.
:if ([:len [/routing/table/find where name="tenant-vpn"]] = 0) do={ /routing/table/add name="tenant-vpn" fib comment="tenant-routing" }

# The way back to the pods.
/ip/route/add dst-address=10.244.0.0/24 gateway=10.0.0.11 check-gateway=ping comment="tenant-routing 10.0.0.11"
/ipv6/route/add dst-address=2001:db8:1::/64 gateway=fd00::11 check-gateway=ping comment="tenant-routing 10.0.0.11"
/ip/route/add dst-address=10.66.0.0/24 gateway=10.0.0.11 check-gateway=ping comment="tenant-routing 10.0.0.11"
/ipv6/route/add dst-address=fd66::/64 gateway=fd00::11 check-gateway=ping comment="tenant-routing 10.0.0.11"

# The ways out.
# If the router has no default route yet: /ip/route/add dst-address=0.0.0.0/0 gateway=203.0.113.1%wan0 check-gateway=ping comment="tenant-routing 10.0.0.11"
# If the router has no default route yet: /ipv6/route/add dst-address=::/0 gateway=2001:db8:ffff::1%wan0 check-gateway=ping comment="tenant-routing 10.0.0.11"
/ip/route/add dst-address=0.0.0.0/0 gateway=198.51.100.1%vpn0 check-gateway=ping routing-table="tenant-vpn" comment="tenant-routing 10.0.0.11"
/ipv6/route/add dst-address=::/0 gateway=2001:db8:66::1%vpn0 check-gateway=ping routing-table="tenant-vpn" comment="tenant-routing 10.0.0.11"

# LAN, then the main table's exact routes, then the tenant's table and nothing else.
/routing/rule/add src-address=10.66.0.0/24 dst-address=10.0.0.0/8 action=lookup table=main comment="tenant-routing 10.0.0.11"
/routing/rule/add src-address=10.66.0.0/24 dst-address=192.168.0.0/16 action=lookup table=main comment="tenant-routing 10.0.0.11"
/routing/rule/add src-address=10.66.0.0/24 action=lookup min-prefix=0 table=main comment="tenant-routing 10.0.0.11"
/routing/rule/add src-address=10.66.0.0/24 action=lookup-only-in-table table="tenant-vpn" comment="tenant-routing 10.0.0.11"
/routing/rule/add src-address=fd66::/64 dst-address=fd00::/16 action=lookup table=main comment="tenant-routing 10.0.0.11"
/routing/rule/add src-address=fd66::/64 action=lookup min-prefix=0 table=main comment="tenant-routing 10.0.0.11"
/routing/rule/add src-address=fd66::/64 action=lookup-only-in-table table="tenant-vpn" comment="tenant-routing 10.0.0.11"

# Translation on the uplinks, never towards the LAN.
/ip/firewall/address-list/add list=tenant-routing-lan-10.0.0.11 address=10.0.0.0/8 comment="tenant-routing 10.0.0.11"
/ip/firewall/address-list/add list=tenant-routing-lan-10.0.0.11 address=192.168.0.0/16 comment="tenant-routing 10.0.0.11"
/ipv6/firewall/address-list/add list=tenant-routing-lan-10.0.0.11 address=fd00::/16 comment="tenant-routing 10.0.0.11"
/ip/firewall/nat/add chain=srcnat src-address=10.244.0.0/24 dst-address-list=!tenant-routing-lan-10.0.0.11 out-interface=wan0 action=masquerade comment="tenant-routing 10.0.0.11"
/ip/firewall/nat/add chain=srcnat src-address=10.66.0.0/24 dst-address-list=!tenant-routing-lan-10.0.0.11 out-interface=vpn0 action=masquerade comment="tenant-routing 10.0.0.11"
/ipv6/firewall/nat/add chain=srcnat src-address=fd66::/64 dst-address-list=!tenant-routing-lan-10.0.0.11 out-interface=vpn0 action=masquerade comment="tenant-routing 10.0.0.11"

# Forwarding.
/ip/settings/set ip-forward=yes
/ipv6/settings/set forward=yes
`;

test("the whole configuration of a dual-stack router", () => {
  expect(routerosConfig(routerModel(exampleConf()))).toBe(EXPECTED);
});

test("without LAN and next hops, with fixed addresses", () => {
  const uplinks = {
    default: uplinkWith(),
    vpn: uplinkWith({ dev: "wg0", snat: ["198.51.100.9"], snat6: ["2001:db8:66::9"] }),
    b: uplinkWith({ dev: "wan1", table: 7, via: ["192.0.2.1"] }),
  };
  const text = routerosConfig(routerModel(threeUplinks(uplinks)));
  const ours = 'comment="tenant-routing 10.0.0.11"';
  for (const line of [
    `# IPv4 of "default" takes the router's own default route.`,
    `/ip/route/add dst-address=0.0.0.0/0 gateway=wg0 routing-table="tenant-vpn" ${ours}`,
    `/ipv6/route/add dst-address=::/0 gateway=wg0 routing-table="tenant-vpn" ${ours}`,
    `/ip/route/add dst-address=0.0.0.0/0 gateway=192.0.2.1%wan1 check-gateway=ping routing-table="tenant-b" ${ours}`,
    '# IPv6 of "b" has no next hop and is stopped.',
    `/ip/firewall/nat/add chain=srcnat src-address=10.66.0.0/24 out-interface=wg0 action=src-nat to-addresses=198.51.100.9 ${ours}`,
    `/ipv6/firewall/nat/add chain=srcnat src-address=fd66::/64 out-interface=wg0 action=src-nat to-address=2001:db8:66::9/128 ${ours}`,
  ])
    expect(text.split("\n")).toContain(line);
  expect(text).not.toContain("address-list/add");
});
