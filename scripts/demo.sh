#!/usr/bin/env bash
# Shows tenant routing with real packets, in network namespaces of this machine: the lab `tenants`.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: sudo ./scripts/demo.sh [--verify] [--pause] [--keep] [--no-install]
       sudo ./scripts/demo.sh --remove

  --verify      every statement is an assertion; the last line counts them, the exit status is 1 if one failed
  --pause       waits for Enter before each step
  --keep        leaves the pods running instead of deleting them, and says how to look around
  --remove      removes what --keep, or a demo or lab that was killed, left
  --no-install  does not install or build anything first
TEXT
}

arguments=(tenants)
for argument; do
  case $argument in
    --verify | --pause | --keep | --no-install) arguments+=("$argument") ;;
    --remove) arguments+=(--remove --no-install) ;;
    -h | --help) usage; exit ;;
    *) echo "demo: unknown argument $argument; --help lists them" >&2; exit 2 ;;
  esac
done
LAB_SH_NAME=demo exec "$(dirname "$0")/lab.sh" "${arguments[@]}"
