import { frrConfig } from "../../../../../lib/routes/router/frr";
import { routerModel } from "../../../../../lib/routes/router/model";
import { exampleConf, threeUplinks, uplinkWith } from "./example";

const EXPECTED = `! Upstream router of network "pods" for the pods of node 10.0.0.11: each address pool leaves by its tenant's uplink.
! Printed by "wrapper routes router-config --format frr": change the conflist and print it again.
! Needs staticd and pbrd (pbrd=yes in /etc/frr/daemons). With several nodes, number the entries of their pbr-maps on.
!
ip forwarding
ipv6 forwarding
!
! The way back to the pods.
ip route 10.244.0.0/24 10.0.0.11
ipv6 route 2001:db8:1::/64 fd00::11
ip route 10.66.0.0/24 10.0.0.11
ipv6 route fd66::/64 fd00::11
!
! The ways out: a table for each uplink, which stops what has no other way.
! If the router has no default route yet: ip route 0.0.0.0/0 203.0.113.1 wan0
! If the router has no default route yet: ipv6 route ::/0 2001:db8:ffff::1 wan0
ip route 0.0.0.0/0 198.51.100.1 vpn0 table 200
ip route 0.0.0.0/0 reject 254 table 200
ipv6 route ::/0 2001:db8:66::1 vpn0 table 200
ipv6 route ::/0 reject 254 table 200
!
! LAN and pods first, as the main table has them; then the tenant's uplink.
pbr-map TENANT-ROUTING seq 5
 match src-ip 10.66.0.0/24
 match dst-ip 10.0.0.0/8
 set vrf unchanged
exit
!
pbr-map TENANT-ROUTING seq 10
 match src-ip 10.66.0.0/24
 match dst-ip 192.168.0.0/16
 set vrf unchanged
exit
!
pbr-map TENANT-ROUTING seq 15
 match src-ip 10.66.0.0/24
 match dst-ip 10.244.0.0/24
 set vrf unchanged
exit
!
pbr-map TENANT-ROUTING seq 20
 match src-ip 10.66.0.0/24
 match dst-ip 10.66.0.0/24
 set vrf unchanged
exit
!
pbr-map TENANT-ROUTING seq 25
 match src-ip 10.66.0.0/24
 set nexthop 198.51.100.1 vpn0
exit
!
pbr-map TENANT-ROUTING seq 30
 match src-ip fd66::/64
 match dst-ip fd00::/16
 set vrf unchanged
exit
!
pbr-map TENANT-ROUTING seq 35
 match src-ip fd66::/64
 match dst-ip 2001:db8:1::/64
 set vrf unchanged
exit
!
pbr-map TENANT-ROUTING seq 40
 match src-ip fd66::/64
 match dst-ip fd66::/64
 set vrf unchanged
exit
!
pbr-map TENANT-ROUTING seq 45
 match src-ip fd66::/64
 set nexthop 2001:db8:66::1 vpn0
exit
!
! Switch it on where packets of the nodes come in:
! interface eth0
!  pbr-policy TENANT-ROUTING
! exit
!
! FRR does not translate addresses, and takes a pbr rule away while its next hop is gone.
! These commands of the shell are the translation, and the rules that lead to the tables above then;
! "wrapper routes router-config --format nftables" prints them as a script that can run again.
!   ip -4 rule add priority 30000 from 10.66.0.0/24 to 10.0.0.0/8 lookup main protocol kernel
!   ip -4 rule add priority 30000 from 10.66.0.0/24 to 192.168.0.0/16 lookup main protocol kernel
!   ip -4 rule add priority 30001 from 10.66.0.0/24 lookup main suppress_prefixlength 0 protocol kernel
!   ip -4 rule add priority 30002 from 10.66.0.0/24 lookup 200 protocol kernel
!   ip -6 rule add priority 30000 from fd66::/64 to fd00::/16 lookup main protocol kernel
!   ip -6 rule add priority 30001 from fd66::/64 lookup main suppress_prefixlength 0 protocol kernel
!   ip -6 rule add priority 30002 from fd66::/64 lookup 200 protocol kernel
!   nft -f - <<'EOF'
!   table inet tenant-routing-router-10.0.0.11
!   delete table inet tenant-routing-router-10.0.0.11
!   table inet tenant-routing-router-10.0.0.11 {
!     chain postrouting {
!       type nat hook postrouting priority srcnat; policy accept;
!       ip daddr 10.0.0.0/8 return
!       ip daddr 192.168.0.0/16 return
!       ip6 daddr fd00::/16 return
!       ip saddr 10.244.0.0/24 oifname "wan0" masquerade comment "default"
!       ip saddr 10.66.0.0/24 oifname "vpn0" masquerade comment "vpn"
!       ip6 saddr fd66::/64 oifname "vpn0" masquerade comment "vpn"
!     }
!   }
!   EOF
`;

test("the whole configuration of a dual-stack router", () => {
  expect(frrConfig(routerModel(exampleConf()))).toBe(EXPECTED);
});

test("without LAN and next hops: the interface is the way, a family without one is stopped", () => {
  const uplinks = {
    default: uplinkWith(),
    vpn: uplinkWith({ dev: "wg0", snat: "none" }),
    b: uplinkWith({ dev: "wan1", table: 7, via: ["192.0.2.1"] }),
  };
  const text = frrConfig(routerModel(threeUplinks(uplinks)));
  for (const line of [
    `! IPv4 of "default" takes the router's own default route.`,
    "ip route 0.0.0.0/0 wg0 table 200",
    "ipv6 route ::/0 wg0 table 200",
    " set nexthop wg0",
    "ip route 0.0.0.0/0 192.0.2.1 wan1 table 7",
    "ip route 0.0.0.0/0 reject 254 table 7",
    "ipv6 route ::/0 reject 254 table 7",
    " match dst-ip fd77::/64",
    " set nexthop 192.0.2.1 wan1",
  ])
    expect(text.split("\n")).toContain(line);
  expect(text).not.toContain("ipv6 route ::/0 wan1");
});

test("with only one uplink there is no policy", () => {
  const text = frrConfig(routerModel(exampleConf({ uplinks: { default: uplinkWith() } })));
  expect(text).not.toContain("pbr-map TENANT-ROUTING");
  expect(text).toContain("ip route 10.66.0.0/24 10.0.0.11\n");
});
