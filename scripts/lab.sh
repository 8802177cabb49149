#!/usr/bin/env bash
# Proves topologies with real packets, in network namespaces of this machine:
#   sudo ./scripts/lab.sh [NAME | all] [--no-install] [options of `wrapper lab`: --verify --pause --keep --remove]
# Installs and builds what is missing first, unless told not to. Brings the API server of the tests, which
# the packed binary does not have: with it the lab `tenants` reads annotations as on a real node.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
name=${LAB_SH_NAME:-lab}

install=1 arguments=()
for argument; do
  if [[ $argument == --no-install ]]; then install=""; else arguments+=("$argument"); fi
done
[[ $EUID -eq 0 ]] || { echo "$name: run it as root: it makes network namespaces" >&2; exit 2; }
"$root/scripts/need-mount-point.sh" "$name"
if [[ $install ]]; then "$root/scripts/install-deps.sh"; fi
[[ -x $root/dist/wrapper ]] || { echo "$name: dist/wrapper is missing: run npm run build" >&2; exit 2; }
exec "$root/dist/wrapper" lab --api-server "$root/test/apiserver/serve.sh" ${arguments+"${arguments[@]}"}
