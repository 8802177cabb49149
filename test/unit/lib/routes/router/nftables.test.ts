import { nftablesConfig } from "../../../../../lib/routes/router/nftables";
import { routerModel } from "../../../../../lib/routes/router/model";
import { exampleConf, uplinkWith } from "./example";

const EXPECTED = `#!/bin/sh
# Upstream router of network "pods" for the pods of node 10.0.0.11: each address pool leaves by its tenant's uplink.
# Printed by "wrapper routes router-config --format nftables": change the conflist and print it again.
# Run it as root on the router at every boot, and as often as you like; "sh FILE remove" takes everything
# away but forwarding and the main table's default route. Do that with the old file before you run one with
# other pools, uplinks or networks.

set -u
LC_ALL=C
export LC_ALL
failed=0
action=\${1:-apply}
case $action in
apply | remove) ;;
*) echo "usage: sh FILE [apply | remove]" >&2 && exit 2 ;;
esac

# One rule, exactly once. Without it packets would take the wrong way, so nothing goes on then.
rule() {
  family=$1 && shift
  if [ "$action" = remove ]; then
    ip "$family" rule del "$@" protocol kernel 2>/dev/null
  elif ! message=$(ip "$family" rule add "$@" protocol kernel 2>&1); then
    case $message in
    *"File exists"*) ;;
    *) echo "ip $family rule add $*: $message" >&2 && exit 1 ;;
    esac
  fi
}

# One route of ours.
route() {
  family=$1 && shift
  if [ "$action" = remove ]; then
    ip "$family" route del "$@" proto kernel 2>/dev/null
  elif ! ip "$family" route replace "$@" proto kernel; then
    echo "ip $family route replace $*: failed" >&2 && failed=1
  fi
}

# One route of a tenant's table. It stays as long as rules for other nodes' pools lead there.
table_route() {
  [ "$action" = remove ] && [ -n "$(ip "$1" rule show priority 30002 table "$2")" ] && return
  table=$2
  family=$1 && shift 2
  route "$family" "$@" table "$table"
}

# The default route of the main table, unless the router has one of its own.
main_default() {
  family=$1 && shift
  if [ "$action" = apply ] && ! message=$(ip "$family" route add default "$@" proto kernel 2>&1); then
    case $message in
    *"File exists"*) ;;
    *) echo "ip $family route add default $*: $message" >&2 && failed=1 ;;
    esac
  fi
}

# The tenants' tables stop what has no other way.
close_tables() {
  table_route -4 200 unreachable default metric 4294967295
  table_route -6 200 unreachable default metric 4294967295
}
[ "$action" = remove ] || close_tables

# LAN, then the main table's exact routes, then the tenant's table.
rule -4 priority 30000 from 10.66.0.0/24 to 10.0.0.0/8 lookup main
rule -4 priority 30000 from 10.66.0.0/24 to 192.168.0.0/16 lookup main
rule -4 priority 30001 from 10.66.0.0/24 lookup main suppress_prefixlength 0
rule -4 priority 30002 from 10.66.0.0/24 lookup 200
rule -6 priority 30000 from fd66::/64 to fd00::/16 lookup main
rule -6 priority 30001 from fd66::/64 lookup main suppress_prefixlength 0
rule -6 priority 30002 from fd66::/64 lookup 200

# Translation on the uplinks, never towards the LAN.
if [ "$action" = remove ]; then
  nft delete table inet tenant-routing-router-10.0.0.11 2>/dev/null
else
  nft -f - <<'EOF' || exit 1
table inet tenant-routing-router-10.0.0.11
delete table inet tenant-routing-router-10.0.0.11
table inet tenant-routing-router-10.0.0.11 {
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    ip daddr 10.0.0.0/8 return
    ip daddr 192.168.0.0/16 return
    ip6 daddr fd00::/16 return
    ip saddr 10.244.0.0/24 oifname "wan0" masquerade comment "default"
    ip saddr 10.66.0.0/24 oifname "vpn0" masquerade comment "vpn"
    ip6 saddr fd66::/64 oifname "vpn0" masquerade comment "vpn"
  }
}
EOF
fi

# The way back to the pods.
route -4 10.244.0.0/24 via 10.0.0.11
route -6 2001:db8:1::/64 via fd00::11
route -4 10.66.0.0/24 via 10.0.0.11
route -6 fd66::/64 via fd00::11

# The ways out.
main_default -4 via 203.0.113.1 dev wan0
main_default -6 via 2001:db8:ffff::1 dev wan0
table_route -4 200 default via 198.51.100.1 dev vpn0
table_route -6 200 default via 2001:db8:66::1 dev vpn0

[ "$action" = apply ] || close_tables

# Forwarding, once everything else is in place.
if [ "$action" = apply ]; then
  echo 1 >/proc/sys/net/ipv4/ip_forward
  # An interface with a default route from router advertisements also needs accept_ra=2.
  echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
fi

exit $failed
`;

/** The lines that are not the same for every router. */
function own(router: Parameters<typeof exampleConf>[0]): readonly string[] {
  const lines = nftablesConfig(routerModel(exampleConf(router))).split("\n");
  return lines
    .filter((line) =>
      /^ *(?:rule|route|table_route|main_default) -|^# IPv|^ +(?:ip6? [sd]addr)/.test(line),
    )
    .map((line) => line.trim());
}

test("the whole script of a dual-stack router", () => {
  expect(nftablesConfig(routerModel(exampleConf()))).toBe(EXPECTED);
});

test("interfaces without next hops, fixed addresses, no LAN: no line too many", () => {
  const vpn = uplinkWith({
    dev: "wg0",
    table: 77,
    snat: ["198.51.100.9"],
    snat6: ["2001:db8:66::9"],
  });
  expect(
    own({ lan: [], uplinks: { vpn, default: uplinkWith({ snat: "none", snat6: "masquerade" }) } }),
  ).toEqual([
    "table_route -4 77 unreachable default metric 4294967295",
    "table_route -6 77 unreachable default metric 4294967295",
    "rule -4 priority 30001 from 10.66.0.0/24 lookup main suppress_prefixlength 0",
    "rule -4 priority 30002 from 10.66.0.0/24 lookup 77",
    "rule -6 priority 30001 from fd66::/64 lookup main suppress_prefixlength 0",
    "rule -6 priority 30002 from fd66::/64 lookup 77",
    'ip saddr 10.66.0.0/24 oifname "wg0" snat ip to 198.51.100.9 comment "vpn"',
    'ip6 saddr fd66::/64 oifname "wg0" snat ip6 to 2001:db8:66::9 comment "vpn"',
    'ip6 saddr 2001:db8:1::/64 oifname "wan0" masquerade comment "default"',
    "route -4 10.244.0.0/24 via 10.0.0.11",
    "route -6 2001:db8:1::/64 via fd00::11",
    "route -4 10.66.0.0/24 via 10.0.0.11",
    "route -6 fd66::/64 via fd00::11",
    "table_route -4 77 default dev wg0",
    "table_route -6 77 default dev wg0",
    `# IPv4 of "default" takes the router's own default route.`,
    `# IPv6 of "default" takes the router's own default route.`,
  ]);
});

test("a family without a next hop is stopped, and the default uplink may have a table too", () => {
  const uplinks = { default: uplinkWith({ table: 50, via: ["203.0.113.1"], snat: "none" }) };
  expect(own({ lan: ["192.168.0.0/16"], uplinks })).toEqual([
    "table_route -4 50 unreachable default metric 4294967295",
    "table_route -6 50 unreachable default metric 4294967295",
    ...["10.244.0.0/24", "10.66.0.0/24"].flatMap((pool) => [
      `rule -4 priority 30000 from ${pool} to 192.168.0.0/16 lookup main`,
      `rule -4 priority 30001 from ${pool} lookup main suppress_prefixlength 0`,
      `rule -4 priority 30002 from ${pool} lookup 50`,
    ]),
    ...["2001:db8:1::/64", "fd66::/64"].flatMap((pool) => [
      `rule -6 priority 30001 from ${pool} lookup main suppress_prefixlength 0`,
      `rule -6 priority 30002 from ${pool} lookup 50`,
    ]),
    "ip daddr 192.168.0.0/16 return",
    "route -4 10.244.0.0/24 via 10.0.0.11",
    "route -6 2001:db8:1::/64 via fd00::11",
    "route -4 10.66.0.0/24 via 10.0.0.11",
    "route -6 fd66::/64 via fd00::11",
    "table_route -4 50 default via 203.0.113.1 dev wan0",
    '# IPv6 of "default" has no next hop and is stopped.',
  ]);
});
