#!/usr/bin/env bash
# Proves topologies with real packets, in network namespaces of this machine: sudo ./scripts/lab.sh NAME|all [--verify] [--keep]
# Installs and builds what is missing first; the labs themselves are `wrapper lab`.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
[[ $EUID -eq 0 ]] || { echo "lab: run it as root: it makes network namespaces" >&2; exit 2; }
"$root/scripts/need-mount-point.sh" lab
"$root/scripts/install-deps.sh"
exec "$root/dist/wrapper" lab "$@"
