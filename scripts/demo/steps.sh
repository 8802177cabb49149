# shellcheck shell=bash disable=SC2034,SC2154 # demo.sh and its parts share their variables
# The demo's steps, in the order in which they are shown.

internet=203.0.113.80
browse=(curl -sS --max-time 3)

steps() {
  show_routes
  show_pods || return 0
  show_gateways
  show_local_traffic
  show_inbound
  show_other_bits
  show_lost_gateway
  show_on_call
  # What is kept must still work: the API server too.
  [[ ! $keep ]] || return 0
  show_api_down
  show_removal
}

show_routes() {
  heading "The node's routes: one table per tenant, chosen by the packet's mark"
  set_up_routes
  claim "the setup script succeeds" ok
  in_ns node ip rule
  claim "local routes first, then the tenants, then everybody's default" \
    has_all "32764:" "suppress_prefixlength 0" "32765:	from all fwmark 0x10/0xff lookup 100" "fwmark 0x20/0xff lookup 200"
  in_ns node ip route show table 100
  claim "without its gateway a tenant's traffic stops instead of leaking" has "unreachable default"
}

show_pods() {
  local failed_before=$failed
  heading "Three pods, attached by the packed binary with the real ptp"
  say "The whole configuration of the node is one conflist:" ""
  sed 's/^/     /' "$dir/demo.conflist"
  echo
  say "cni is what a container runtime does with that file (scripts/demo/cni.mjs)." ""
  in_ns -q "grep -B2 tenant.routing/ tenants.yaml" node grep -hE -B2 '^    tenant\.routing/' "$root/manifests/tenants.yaml"
  start_pod team-a/web-0 30080:80
  claim "web-0 is attached; its tenant is in its own annotation" ok
  start_pod team-b/api-0
  claim "api-0 is attached; its tenant is in its namespace's annotation" ok
  start_pod plain/client-0
  claim "client-0 is attached; it has no tenant" ok
  if ((failed > failed_before)); then say "Without the pods there is nothing more to show."; return 1; fi
}

show_gateways() {
  heading "Each pod reaches the internet through its own gateway"
  in_ns web-0 "${browse[@]}" "http://$internet/"
  claim "web-0 leaves by gateway A" has "198.51.100.11, gateway A"
  in_ns api-0 "${browse[@]}" "http://$internet/"
  claim "api-0 leaves by gateway B" has "198.51.100.22, gateway B"
  in_ns client-0 "${browse[@]}" "http://$internet/"
  claim "client-0 leaves by the node's default gateway" has "198.51.100.1, the default gateway"
}

show_local_traffic() {
  heading "Local traffic stays local: no gateway sees it, no address is changed"
  in_ns web-0 "${browse[@]}" "http://${address[api-0]}/"
  claim "pod to pod, tenant A to tenant B" has "api-0 here; you came from ${address[web-0]}"
  in_ns client-0 "${browse[@]}" "http://${address[web-0]}/"
  claim "pod to pod, no tenant to tenant A" has "web-0 here; you came from ${address[client-0]}"
  in_ns web-0 "${browse[@]}" http://10.0.0.2:8080/
  claim "pod to node" has "node here; you came from ${address[web-0]}"
  in_ns node "${browse[@]}" "http://${address[web-0]}/"
  claim "node to pod, as the kubelet's probes do" has "web-0 here"
}

show_inbound() {
  heading "A client outside opens a connection to web-0 and gets its answer"
  say "gw-default forwards 198.51.100.1:30080 to the node, portmap forwards it to web-0:80."
  in_ns client "${browse[@]}" http://198.51.100.1:30080/
  claim "the answer takes the way the question came, not gateway A" has "web-0 here; you came from 192.0.2.50"
}

show_other_bits() {
  heading "Only the mask's bits of the mark change: kube-proxy and others keep theirs"
  in_quiet node iptables -w 10 -t mangle -I PREROUTING 1 -s "${address[web-0]}" -j MARK --set-xmark 0x4000/0x4000
  in_quiet node iptables -w 10 -t mangle -A FORWARD -s "${address[web-0]}" -m mark --mark 0x4010
  say "Somebody else set 0x4000 on web-0's packets before us; here is a counter for 0x4010."
  in_ns web-0 "${browse[@]}" "http://$internet/"
  claim "web-0 still leaves by gateway A" has "gateway A"
  in_ns -q "iptables -t mangle -nvxL FORWARD" node sh -c "iptables -w 10 -t mangle -nvxL FORWARD | tail -n 1"
  claim "its packets carry both marks" counted
  in_quiet node iptables -w 10 -t mangle -D FORWARD -s "${address[web-0]}" -m mark --mark 0x4010
  in_quiet node iptables -w 10 -t mangle -D PREROUTING -s "${address[web-0]}" -j MARK --set-xmark 0x4000/0x4000
}

counted() { [[ $output =~ ^\ *([0-9]+) ]] && ((BASH_REMATCH[1] > 0)); }

internet_calls() { wc -l <"$dir/ready-internet.calls"; }

show_lost_gateway() {
  heading "Gateway A is lost: tenant A stops, nothing leaks, nobody else notices"
  local calls
  calls=$(internet_calls)
  in_ns node ip link set eth1 down
  in_ns web-0 "${browse[@]}" "http://$internet/"
  claim "web-0 gets an error at once" not_ok
  claim "nothing of it reached the internet by another gateway" same_calls "$calls"
  in_ns api-0 "${browse[@]}" "http://$internet/"
  claim "api-0 still leaves by gateway B" has "gateway B"
  in_ns client "${browse[@]}" http://198.51.100.1:30080/
  claim "web-0 still answers clients that come by the default gateway" has "web-0 here"
  in_ns node ip link set eth1 up
  say "The kernel dropped the route with the link, so:"
  set_up_routes
  in_ns web-0 "${browse[@]}" "http://$internet/"
  claim "with the gateway back, web-0 leaves by it again" has "gateway A"
}

same_calls() { (($(internet_calls) == $1)); }

show_on_call() {
  heading "What the on-call engineer sees"
  in_ns -q "iptables-save -t mangle | grep tenant-routing" node sh -c "iptables-save -t mangle | grep tenant-routing"
  claim "the rules name the pod" has_all team-a/web-0 team-b/api-0 "--set-xmark 0x10/0xff" "--set-xmark 0x20/0xff"
  claim "a pod without a tenant has no rule" lacks "client-0"
  check
  claim "wrapper check finds everything in order" ok
  claim "it lists pods, tenants and marks" has_all team-a/web-0 tenant-a 0x10/0xff team-b/api-0 tenant-b 0x20/0xff
  in_quiet node iptables-save -t mangle >"$dir/saved"
  in_quiet node iptables -w 10 -t mangle -F PREROUTING
  say "Now somebody flushes the rules:"
  check team-a/web-0
  claim "wrapper check says so, and exits with 1" exits_with 1
  in_quiet node iptables-restore "$dir/saved"
}

only_housekeeping() { ! grep -qvxE 'ipam/demo:|journal:|last_reserved_ip\.0|lock|queue|generation|collected|iptables-backend|' <<<"$output"; }

exits_with() { ((status == $1)); }

# Everything that an attachment leaves on the node while it lives.
node_state() { in_quiet node sh -c "iptables-save | grep -e '^-'; ip -br link; ls -A '$dir/ipam/demo' '$dir/journal'"; }

show_api_down() {
  heading "The API server is down: a new pod is not let through unmarked"
  local before
  before=$(node_state)
  stop_api_server
  start_pod team-a/late-0
  claim "ADD fails with code 11 (try again later) and names the pod" has_all "error 11" team-a/late-0
  claim "it leaves no interface, no address, no rule, no file" test "$(node_state)" = "$before"
  in_ns web-0 "${browse[@]}" "http://$internet/"
  claim "running pods are not affected" has "gateway A"
}

show_removal() {
  heading "The pods are deleted (the API server is still down)"
  local pod
  for pod in team-a/web-0 team-b/api-0 plain/client-0; do
    cni DEL "$pod"
    claim "DEL of $pod succeeds" ok
  done
  in_ns -q "iptables-save | grep tenant-routing" node sh -c "iptables-save | grep tenant-routing"
  claim "no rule is left" is_empty
  in_ns node ip -br link
  claim "no interface of a pod is left" lacks veth
  in_ns -q "ls -A ipam/demo journal" node sh -c "cd '$dir' && ls -A ipam/demo journal"
  claim "no address and no record is left, only lock files and the like" only_housekeeping
  set_up_routes --remove
  in_ns node ip rule
  claim "the node's own rules are as before" lacks fwmark
}
