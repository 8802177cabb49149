#!/usr/bin/env bash
# Installs what the tests need (apt packages, npm packages, the packed binary), then runs them all.
# Usage: sudo ./scripts/test.sh [arguments for jest, such as a path or -t "D6"]
set -euo pipefail
cd "$(dirname "$0")/.."
./scripts/need-mount-point.sh test || echo "test: only the tests that need no network namespaces are run" >&2
./scripts/install-deps.sh
exec npm test --silent -- "$@"
