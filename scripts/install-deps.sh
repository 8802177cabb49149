#!/usr/bin/env bash
# Installs what the tests and the demo need, when it is missing: apt packages, npm packages, the packed binary.
# Usage: scripts/install-deps.sh [--with-lint]   (as root, on Debian 12 or Ubuntu 22.04 or later; quiet when nothing is missing)
set -euo pipefail
cd "$(dirname "$0")/.."

die() { echo "install-deps: $*" >&2; exit 1; }

# Runs a command and shows its output only when it fails.
quietly() {
  local log
  log=$(mktemp)
  if ! "$@" >"$log" 2>&1 </dev/null; then
    cat "$log" >&2
    rm -f "$log"
    die "failed: $*"
  fi
  rm -f "$log"
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
"
# Old ones are enough: npm itself brings the Node that is used, as a package.
command -v npm >/dev/null || needs+="
node                  nodejs
npm                   npm
"
[[ ${1:-} != --with-lint ]] || needs+="
shellcheck            shellcheck
"

is_there() {
  if [[ $1 == /* ]]; then [[ -e $1 ]]; else PATH=$PATH:/usr/sbin:/sbin command -v "$1" >/dev/null; fi
}

install_packages() {
  local thing package missing=()
  while read -r thing package; do
    if [[ $thing ]] && ! is_there "$thing" && [[ " ${missing[*]} " != *" $package "* ]]; then missing+=("$package"); fi
  done <<<"$needs"
  [[ ${missing[*]} ]] || return 0
  command -v apt-get >/dev/null || die "missing: ${missing[*]}. Only apt is supported here: install them yourself"
  [[ $EUID -eq 0 ]] || die "missing: ${missing[*]}. Run it as root (sudo) to install them"
  echo "Installing packages: ${missing[*]}"
  quietly apt-get update -q
  DEBIAN_FRONTEND=noninteractive quietly apt-get install -q -y -o DPkg::Lock::Timeout=120 --no-install-recommends "${missing[@]}"
}

# True when node_modules holds what package-lock.json asks for. File times would not say: npm writes both.
npm_is_current() {
  [[ -f node_modules/.package-lock.json ]] && node - <<'JS'
const { readFileSync } = require("node:fs");
const packages = (file) => JSON.parse(readFileSync(file, "utf8")).packages;
const installed = packages("node_modules/.package-lock.json");
const current = Object.entries(packages("package-lock.json")).every(([path, { version, optional }]) =>
  path === "" || (path in installed ? installed[path].version === version : optional));
process.exit(current ? 0 : 1);
JS
}

install_packages
# Two runs at once (a demo beside the tests) must not both write node_modules.
exec 9<package-lock.json
flock 9
if ! npm_is_current; then
  echo "Installing npm packages"
  # Not the old npm's complaints about packages that want the newer Node it is just fetching.
  quietly npm ci --no-audit --no-fund --loglevel=error
fi
case $(uname -m) in x86_64) arch=x64 ;; aarch64) arch=arm64 ;; *) die "this machine is $(uname -m); Node comes for x86_64 and aarch64 only" ;; esac
[[ -x node_modules/node-linux-$arch/bin/node ]] || die "npm left out node-linux-$arch: run npm ci without --omit=optional"
npm run --silent build
