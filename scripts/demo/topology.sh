# shellcheck shell=bash disable=SC2034,SC2154 # demo.sh and its parts share their variables
# The demo's machines, as network namespaces: $prefix-node, -gw-a, -gw-b, -gw-default, -internet, -client.

machines=(node gw-a gw-b gw-default internet client)

picture() {
  cat <<'TEXT'

   pods 10.200.0.0/24           node             gateways         internet
  +-------------+      +-------------------+
  | web-0     A |------|              eth1 |---- gw-a ---------+
  +-------------+      | 0x10 -> table 100 |     198.51.100.11 |
  | api-0     B |------|              eth2 |---- gw-b ---------+-- server
  +-------------+      | 0x20 -> table 200 |     198.51.100.22 |   203.0.113.80
  | client-0    |------|              eth0 |---- gw-default ---+
  +-------------+      | no mark -> main   |     198.51.100.1  +-- client
                       +-------------------+                       192.0.2.50
TEXT
}

# exec_in MACHINE COMMAND...: without the names that this machine has for routing tables, because what is
# shown are numbers. ip netns exec has made a mount namespace, so they are hidden from this command only.
exec_in() {
  # shellcheck disable=SC2016 # the inner shell's own
  ip netns exec "$prefix-$1" sh -c 'for dir in /etc/iproute2 /usr/share/iproute2/rt_tables.d /usr/lib/iproute2/rt_tables.d; do
      [ ! -d "$dir" ] || mount -t tmpfs none "$dir" || exit
    done
    exec "$@"' sh "${@:2}"
}

in_quiet() { exec_in "$@"; }

# A cable: cable MACHINE DEVICE ADDRESS/LEN MACHINE DEVICE ADDRESS/LEN; "-" for no address.
cable() {
  ip -n "$prefix-$1" link add "$2" type veth peer name "$5" netns "$prefix-$4"
  plug "$1" "$2" "$3"
  plug "$4" "$5" "$6"
}

plug() {
  if [[ $3 != - ]]; then ip -n "$prefix-$1" addr add "$3" dev "$2"; fi
  ip -n "$prefix-$1" link set "$2" up
}

# A gateway of the node: between its own network and the internet's, hiding what is behind it.
gateway() {
  local name=$1 device=$2 net=$3 inside=$4 public=$5
  cable node "$device" "$net.2/24" "$name" lan "$net.$inside/24"
  cable "$name" wan "$public/24" internet "to-$name" -
  ip -n "$prefix-internet" link set "to-$name" master br0
  ip -n "$prefix-$name" route add default via 198.51.100.254
  ip -n "$prefix-$name" route add 10.200.0.0/24 via "$net.2"
  in_quiet "$name" iptables -w 10 -t nat -A POSTROUTING -o wan -j MASQUERADE
}

build_machines() {
  local machine
  for machine in "${machines[@]}"; do
    ip netns add "$prefix-$machine"
    ip -n "$prefix-$machine" link set lo up
    in_quiet "$machine" sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward
      echo 0 >/proc/sys/net/ipv4/conf/all/rp_filter; echo 0 >/proc/sys/net/ipv4/conf/default/rp_filter'
  done
  ip -n "$prefix-internet" link add br0 type bridge
  plug internet br0 198.51.100.254/24
  ip -n "$prefix-internet" addr add 203.0.113.80/32 dev lo
  gateway gw-default eth0 10.0.0 1 198.51.100.1
  gateway gw-a eth1 10.10.10 131 198.51.100.11
  gateway gw-b eth2 10.10.20 131 198.51.100.22
  ip -n "$prefix-node" route add default via 10.0.0.1
  # Strict, as several distributions have it.
  in_quiet node sh -c 'cd /proc/sys/net/ipv4/conf && echo 1 | tee eth0/rp_filter eth1/rp_filter eth2/rp_filter >/dev/null'
  # A client of a service in the cluster: the public address of gw-default leads to the node's port 30080.
  cable client eth0 192.0.2.50/24 internet to-client 192.0.2.1/24
  ip -n "$prefix-client" route add default via 192.0.2.1
  in_quiet gw-default iptables -w 10 -t nat -A PREROUTING -i wan -p tcp --dport 30080 -j DNAT --to-destination 10.0.0.2
}

# Removes a demo's machines, their processes and its directory, however far it got.
remove_demo() {
  local dir=$1 prefix netns
  prefix=$(cat "$dir/prefix")
  # Not from ip netns list, which complains about each name of others that ends while it reads.
  for netns in /run/netns/"$prefix"-*; do
    [[ -e $netns ]] || continue
    netns=${netns##*/}
    # shellcheck disable=SC2046 # one word per process
    kill -9 $(ip netns pids "$netns") 2>/dev/null || true
    ip netns del "$netns"
  done
  rm -rf "$dir"
}
