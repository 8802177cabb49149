/** Tests of links that not every kernel makes. */
import { spawnSync } from "node:child_process";
import { resolve } from "node:path";

const PROBE = resolve(__dirname, "../../scripts/kernel-makes-links.sh");

/**
 * A test that needs links of the types vlan and dummy. Where the kernel has none, scripts/run-tests.mjs says so
 * and scripts/test-vm.sh runs it; under CI a skipped one is a failure.
 */
export const vlanTest = spawnSync(PROBE).status === 0 ? test : test.skip;
