#!/bin/sh
# The API server as one program, for `wrapper lab tenants --api-server`: bundles it into DIR and serves,
# with the RBAC of manifests/ and the objects given. Usage: serve.sh --dir DIR [options of main.ts]
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
if [ "${1:-}" != --dir ] || [ -z "${2:-}" ]; then
  echo "Usage: serve.sh --dir DIR [options]" >&2
  exit 2
fi
mkdir -p "$2"
"$root/scripts/node.sh" "$root/test/apiserver/build.mjs" "$2/apiserver.cjs"
exec "$root/scripts/node.sh" "$2/apiserver.cjs" "$@" --objects "$root/manifests/rbac.yaml"
