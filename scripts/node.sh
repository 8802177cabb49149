#!/bin/sh
# Runs its arguments with the Node.js that npm installed with the project, whatever the host has.
# npm's own link in node_modules/.bin is not relied on: npm 9 (Debian 12) drops it together with the
# package for the other architecture.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
case $(uname -m) in x86_64) arch=x64 ;; aarch64) arch=arm64 ;; *) arch=$(uname -m) ;; esac
bin=$root/node_modules/node-linux-$arch/bin
if [ ! -x "$bin/node" ]; then
  echo "node.sh: $bin/node is missing: run npm ci (without --omit=optional) on linux x86_64 or aarch64" >&2
  exit 1
fi
PATH=$bin:$PATH exec "$bin/node" "$@"
