#!/usr/bin/env bash
# Installs what the tests and the demo need, when it is missing: apt packages, npm packages, the packed binary.
# Usage: scripts/install-deps.sh [--with-lint]   (as root, on Debian 12 or Ubuntu 22.04 or later; quiet when nothing is missing)
# Services of the packages are masked before they are there; UNITS is where (default /etc/systemd/system).
# HEARTBEAT is the number of seconds between signs of life (default 10; on a terminal one line is renewed each second).
set -euo pipefail
cd "$(dirname "$0")/.."

die() { echo "install-deps: $*" >&2; exit 1; }

# Until it is killed: how long it has taken, and the last words of what is being done.
heartbeat() {
  local log=$1 seconds=${HEARTBEAT:-10} format='   ... %d s  %.60s\n' last
  if [[ -t 2 ]]; then seconds=1 format='\r\033[K   %d s  %.60s'; fi
  # bash itself complains on stderr when it is killed at an unfortunate moment.
  exec 3>&2 2>/dev/null
  SECONDS=0
  # Its sleep goes with it: a reader of our stderr would wait for that one too.
  trap 'kill "$!" 2>/dev/null; exit' TERM
  while sleep "$seconds" & wait "$!"; do
    last=$(tail -n 1 "$log" | tr -d '\r\033') || true
    # shellcheck disable=SC2059 # the format is one of ours
    printf "$format" "$SECONDS" "$last" >&3
  done
}

beat=""
stop_heartbeat() {
  if [[ ! $beat ]]; then return; fi
  kill "$beat" 2>/dev/null || true
  wait "$beat" 2>/dev/null || true
  beat=""
  if [[ -t 2 ]]; then printf '\r\033[K' >&2; fi
}
trap stop_heartbeat EXIT

# Runs a command with signs of life; shows its output only when it fails.
quietly() {
  local log status=0
  log=$(mktemp)
  heartbeat "$log" 9>&- &
  beat=$!
  "$@" >"$log" 2>&1 </dev/null || status=$?
  stop_heartbeat
  if ((status)); then cat "$log" >&2; fi
  rm -f "$log"
  ((status == 0)) || die "failed: $*"
}

# step WORDS: what begins now. All steps were counted before the first.
done_steps=0
step() {
  done_steps=$((done_steps + 1))
  echo "Step $done_steps of ${#steps[@]}: $*"
}

# What must be there, and the package that brings it. A name without a slash is a command.
needs="
ip                    iproute2
iptables-nft          iptables
iptables-legacy       iptables
nft                   nftables
/usr/lib/cni/ptp      containernetworking-plugins
ping                  iputils-ping
curl                  curl
openssl               openssl
jq                    jq
gcc                   gcc
/usr/include/stdio.h  libc6-dev
musl-gcc              musl-tools
dnsmasq               dnsmasq-base
kea-dhcp6             kea-dhcp6-server
dhclient              isc-dhcp-client
"
# Services that these packages would start, now and at every boot. The labs run the programs by themselves.
services="kea-dhcp6-server"
# Old ones are enough: npm itself brings the Node that is used, as a package.
command -v npm >/dev/null || needs+="
node                  nodejs
npm                   npm
"
[[ ${1:-} != --with-lint ]] || needs+="
shellcheck            shellcheck
zsh                   zsh
fish                  fish
mandoc                mandoc
"
# Ubuntu's packages have no browser that works without snapd.
[[ ${1:-} != --with-lint ]] || ! grep -qsx ID=debian /etc/os-release || needs+="
chromium              chromium
"

is_there() {
  if [[ $1 == /* ]]; then [[ -e $1 ]]; else PATH=$PATH:/usr/sbin:/sbin command -v "$1" >/dev/null; fi
}

missing=() steps=() npm_wanted="" promtool_wanted=""
find_missing() {
  local thing package
  if ! is_there promtool && [[ ! -x dist/tools/promtool ]]; then promtool_wanted=1; fi
  while read -r thing package; do
    if [[ $thing ]] && ! is_there "$thing" && [[ " ${missing[*]} " != *" $package "* ]]; then missing+=("$package"); fi
  done <<<"$needs"
  local all="${missing[*]}${promtool_wanted:+ promtool (package prometheus)}"
  [[ $all ]] || return 0
  command -v apt-get >/dev/null || die "missing: ${all# }. Only apt is supported here: install them yourself"
  [[ $EUID -eq 0 ]] || die "missing: ${all# }. Run it as root (sudo) to install them"
}

# A service that somebody has is in no missing package, and stays as it is.
mask_services() {
  local service units=${UNITS:-/etc/systemd/system}
  for service in $services; do
    if [[ " ${missing[*]} " != *" $service "* || -e $units/$service.service || -L $units/$service.service ]]; then continue; fi
    mkdir -p "$units"
    ln -s /dev/null "$units/$service.service"
    echo "The service $service is masked: only the labs use it. For one of your own: systemctl unmask $service"
  done
}

install_packages() {
  step "installing packages: ${missing[*]}"
  mask_services
  # In runlevel 1 nothing is started where there is no systemd.
  RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive quietly apt-get install -q -y -o DPkg::Lock::Timeout=120 --no-install-recommends "${missing[@]}"
}

unpack_prometheus() (cd "$1" && apt-get download -q prometheus && dpkg-deb -x prometheus_*.deb .)

# The program alone: the package would start a server.
install_promtool() {
  step "taking promtool out of the package prometheus"
  local dir
  dir=$(mktemp -d)
  quietly unpack_prometheus "$dir"
  mkdir -p dist/tools
  mv "$dir/usr/bin/promtool" dist/tools/promtool
  rm -r "$dir"
}

# True when node_modules holds what package-lock.json asks for. File times would not say: npm writes both.
npm_is_current() {
  [[ -f node_modules/.package-lock.json ]] && command -v node >/dev/null && node - <<'JS'
const { readFileSync } = require("node:fs");
const packages = (file) => JSON.parse(readFileSync(file, "utf8")).packages;
const installed = packages("node_modules/.package-lock.json");
const current = Object.entries(packages("package-lock.json")).every(([path, { version, optional }]) =>
  path === "" || (path in installed ? installed[path].version === version : optional));
process.exit(current ? 0 : 1);
JS
}

# What is to be done, and how long that takes as a rule, before any of it begins.
plan() {
  find_missing
  if [[ ${missing[*]} ]]; then steps+=("apt packages (1 to 3 minutes)"); fi
  if [[ $promtool_wanted ]]; then steps+=("promtool (some 10 seconds)"); fi
  if ! npm_is_current; then npm_wanted=1 steps+=("npm packages (1 to 3 minutes)"); fi
  if [[ ${steps[*]} || ! -x dist/tenant-routing-wrapper ]]; then steps+=("the binary (some 10 seconds)"); fi
  [[ ${steps[*]} ]] || return 0
  local list
  list=$(printf ', %s' "${steps[@]}")
  echo "To be installed, as a rule: ${list:2}. On a slow line it takes longer."
}

case $(uname -m) in x86_64) arch=x64 ;; aarch64) arch=arm64 ;; *) die "this machine is $(uname -m); Node comes for x86_64 and aarch64 only" ;; esac
# Two runs at once (a demo beside the tests) must not both write node_modules.
exec 9<package-lock.json
flock -n 9 || { echo "Waiting for another run of install-deps"; flock 9; }
plan
if [[ ${missing[*]} || $promtool_wanted ]]; then quietly apt-get update -q; fi
if [[ ${missing[*]} ]]; then install_packages; fi
if [[ $promtool_wanted ]]; then install_promtool; fi
if [[ $npm_wanted ]]; then
  step "installing npm packages"
  # Not the old npm's complaints about packages that want the newer Node it is just fetching.
  quietly npm ci --no-audit --no-fund --loglevel=error
fi
[[ -x node_modules/node-linux-$arch/bin/node ]] || die "npm left out node-linux-$arch: run npm ci without --omit=optional"
if [[ ${steps[*]} ]]; then step "building the binary"; fi
npm run --silent build
