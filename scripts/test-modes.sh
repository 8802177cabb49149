#!/usr/bin/env bash
# Runs the contract and node tests of the plugin in its other modes and with the nftables backend (decision 0094).
# scripts/test.sh runs them as the packed binary with iptables. Usage: sudo ./scripts/test-modes.sh [parts of paths] [-t title]
set -euo pipefail
cd "$(dirname "$0")/.."
./scripts/need-mount-point.sh test-modes
./scripts/install-deps.sh
exec ./scripts/node.sh scripts/test-modes.mjs "$@"
