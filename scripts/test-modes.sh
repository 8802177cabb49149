#!/bin/sh
# Runs the contract and node tests of the plugin in its other modes: through the launcher with an agent, and through
# the launcher without one. What does not run the plugin is left to scripts/test.sh. Arguments go to jest.
set -eu
cd "$(dirname "$0")/.."
for mode in agent no-agent; do
  echo "== the plugin's mode: $mode"
  TEST_MODE=$mode ./scripts/test.sh --selectProjects contract node \
    --testPathIgnorePatterns contract/launcher contract/metrics node/agent- node/lab- node/routes node/selftest \
    node/setup-script node/demo node/install-deps node/marks node/router-config "$@"
done
