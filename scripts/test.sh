#!/usr/bin/env bash
# Installs what the tests need (apt packages, npm packages, the packed binary), then runs them all.
# Usage: sudo ./scripts/test.sh [arguments for jest, such as a path or -t "D6"]
set -euo pipefail
cd "$(dirname "$0")/.."
./scripts/install-deps.sh
exec npm test --silent -- "$@"
