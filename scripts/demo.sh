#!/usr/bin/env bash
# Shows tenant routing with real packets: a node, gateways and pods in network namespaces of this machine.
# shellcheck disable=SC1091,SC2034,SC2154 # its parts, in scripts/demo, are checked on their own and share its variables
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)

usage() {
  cat <<'TEXT'
Usage: sudo ./scripts/demo.sh [--verify] [--pause] [--keep] [--no-install]
       sudo ./scripts/demo.sh --remove

  --verify      every statement is an assertion; the last line counts them, the exit status is 1 if one failed
  --pause       waits for Enter before each step
  --keep        leaves the pods standing instead of deleting them, and says how to look around
  --remove      removes what --keep, or a demo that was killed, left
  --no-install  does not install or build anything first
TEXT
}

verify="" pause="" keep="" install=1 remove=""
for argument; do
  case $argument in
    --verify) verify=1 ;;
    --pause) pause=1 ;;
    --keep) keep=1 ;;
    --remove) remove=1 ;;
    --no-install) install="" ;;
    -h | --help) usage; exit ;;
    *) echo "demo: unknown argument $argument; --help lists them" >&2; exit 2 ;;
  esac
done
[[ $EUID -eq 0 ]] || { echo "demo: run it as root: it makes network namespaces" >&2; exit 2; }
"$root/scripts/need-mount-point.sh" demo

source "$root/scripts/demo/show.sh"
source "$root/scripts/demo/topology.sh"
source "$root/scripts/demo/node.sh"
source "$root/scripts/demo/steps.sh"

# Ours, and kept or of a demo that was killed.
is_left() {
  [[ -O $1 && -f $1/prefix ]] || return 1
  [[ -e $1/kept ]] || ! grep -qs demo.sh "/proc/$(sed 's/^trd//' "$1/prefix")/cmdline"
}

if [[ $remove ]]; then
  for left in /tmp/tenant-routing-demo.*; do
    if is_left "$left"; then remove_demo "$left"; echo "Removed $left"; fi
  done
  exit
fi

if [[ $install ]]; then "$root/scripts/install-deps.sh"; fi
[[ -x $root/dist/tenant-routing-wrapper ]] || { echo "demo: dist/tenant-routing-wrapper is missing: run npm run build" >&2; exit 2; }

# Short: interface and socket names are limited; with the process ID demos can run beside each other.
prefix=trd$$
dir=$(mktemp -d /tmp/tenant-routing-demo.XXXXXX)
echo "$prefix" >"$dir/prefix"

finish() {
  local result=$?
  trap - EXIT INT TERM
  if [[ ! -e $dir/kept ]]; then remove_demo "$dir"; elif ((result > 1)); then how_to_look_around; fi
  exit "$result"
}
trap finish EXIT
trap 'exit 130' INT TERM

how_to_look_around() {
  cat <<TEXT

Left standing. For example:
  sudo ip netns exec $prefix-web-0 curl http://203.0.113.80/
  sudo ip netns exec $prefix-node iptables-save -t mangle
  sudo ip netns exec $prefix-node $root/dist/wrapper check --conf $dir/demo.conflist
  sudo ip netns exec $prefix-node tail $dir/wrapper.log
To remove it:
  sudo $root/scripts/demo.sh --remove
TEXT
}

echo "Everything here is a network namespace of this machine; nothing else of it is touched."
picture
build_machines
responder internet internet 80 198.51.100.1="the default gateway" 198.51.100.11="gateway A" 198.51.100.22="gateway B"
responder node node 8080
start_api_server
write_conflist
if [[ $keep ]]; then touch "$dir/kept"; fi
steps

if [[ $keep ]]; then how_to_look_around; fi
if [[ $verify ]]; then printf '\n%d passed, %d failed\n' "$passed" "$failed"; fi
((failed == 0))
