// cmd/main.ts and all it imports -> a few scripts that the loader in the binary can run.
import { basename } from "node:path";
import { build, transform } from "esbuild";
import { clientNodeStubs } from "./client-node-stubs.mjs";

const TARGET = "node24";

/** The function around every script; loader.cjs calls it. */
const HEAD = "(function (exports, require, module) {";
const TAIL = "\n})";

/**
 * Bundles the program. Every `import()` in the source becomes a script of its own, with shared
 * modules in shared scripts, so that a path pays only for what it loads.
 * Returns script name -> source; `main.js` is the entry. `define` replaces identifiers.
 */
export async function bundle(root, define) {
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: ["cmd/main.ts"],
    bundle: true,
    write: false,
    outdir: "out",
    platform: "node",
    target: TARGET,
    // Only ES modules can be split; each is turned into CommonJS below.
    format: "esm",
    splitting: true,
    chunkNames: "[name]-[hash]",
    legalComments: "none",
    logLevel: "warning",
    plugins: [clientNodeStubs()],
    define,
  });
  const scripts = await Promise.all(outputFiles.map(async (file) => [basename(file.path), await toScript(file.text)]));
  return new Map(scripts);
}

/**
 * The source stays readable: a stack trace in a bug report is worth more than what minifying
 * saves at start (0.4 ms measured). ASCII only, esbuild's default: the loader reads Latin-1.
 */
async function toScript(source) {
  const { code } = await transform(source, {
    format: "cjs",
    platform: "node",
    target: TARGET,
    // import() becomes require(): the loader has no module resolution for import().
    supported: { "dynamic-import": false },
    logLevel: "warning",
  });
  return `${HEAD}${code}${TAIL}`;
}
