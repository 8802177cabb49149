// Bundles the standalone server into one file that plain Node runs:
//   node test/apiserver/build.mjs [OUTFILE]     (default dist/apiserver.cjs)
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));

await build({
  entryPoints: [join(here, "main.ts")],
  outfile: process.argv[2] ?? join(here, "..", "..", "dist", "apiserver.cjs"),
  bundle: true,
  platform: "node",
  target: "node24",
  format: "cjs",
  logLevel: "warning",
});
