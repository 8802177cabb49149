// Keeps the parts of prom-client that we never reach out of the bundle (decision 0088).
//
// Its entry drags in OpenTelemetry's API, a push gateway with two HTTP stacks, node:cluster and the
// collectors of Node.js: 140 KB, 10 ms and 12 MB that counters, gauges and histograms do not need.
import { stubPlugin } from "./stubs.mjs";

const entry = /[\\/]prom-client[\\/]index\.js$/;

/** Each is only a property of the entry; one that is used all the same is no constructor, which says so. */
const stubs = Object.fromEntries(
  ["./lib/summary", "./lib/pushgateway", "./lib/defaultMetrics", "./lib/cluster"].map((path) => [
    path,
    "module.exports = undefined;",
  ]),
);

/** esbuild plugin. Fails the build when prom-client no longer imports what a stub stands for. */
export function promClientStubs() {
  return stubPlugin("prom-client", entry, stubs);
}
