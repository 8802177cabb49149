// cmd/main.ts and all it imports -> a few scripts that the loader in the binary can run.
import { basename } from "node:path";
import { build, transform } from "esbuild";
import { clientNodeStubs } from "./client-node-stubs.mjs";
import { promClientStubs } from "./prom-client-stubs.mjs";

const TARGET = "node24";

/** What the plugin may need is one script: each further one costs 0.1 ms and more to take up. */
export const CORE = "core.js";
/** What only the command line needs: 2 ms of every verb, if it were in the core. */
export const CLI = "cli.js";
/** The part of the command line, by which all that only it needs is told from the rest. */
const CLI_PART = "./cli-";
/** A part that is loaded on its own is worth a script from this size on (characters). */
const WORTH_A_SCRIPT = 64 * 1024;

/**
 * Bundles the program. Every `import()` in the source is a part that is evaluated when it is
 * reached; large ones (the API client, the logger) are scripts of their own, and the command line is
 * one, so that only those who reach them pay for taking them up. `define` replaces identifiers.
 * Returns script name -> source. A script evaluates to an object: part name -> module function;
 * `CORE` has the entry, `main.js`; a part that is in no script of its name is in `CORE` or `CLI`.
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
    plugins: [clientNodeStubs(), promClientStubs()],
    define,
  });
  const parts = await Promise.all(
    outputFiles.map(async (file) => [basename(file.path), await toFunction(file.text)]),
  );
  return group(parts);
}

function group(parts) {
  const needed = closure("./main.js", new Map(parts), EVALUATED);
  const plugin = closure("./main.js", new Map(parts), MENTIONED);
  const scriptOf = (name, source) => {
    if (source.length >= WORTH_A_SCRIPT && !needed.has(`./${name}`)) return name;
    return plugin.has(`./${name}`) ? CORE : CLI;
  };
  const scripts = new Map([
    [CORE, []],
    [CLI, []],
  ]);
  for (const [name, source] of parts) {
    const script = scriptOf(name, source);
    scripts.set(script, [...(scripts.get(script) ?? []), `${JSON.stringify(name)}: ${source}`]);
  }
  return new Map([...scripts].map(([name, entries]) => [name, `({\n${entries.join(",\n")}\n})`]));
}

/** Of what a part requires: what is evaluated with it (a lazy one is required inside a `.then`), and everything. */
const EVALUATED = /^var \w+ = require\("(\.\/[^"]+)"\);$/gm;
const MENTIONED = /require\("(\.\/[^"]+)"\)/g;

/** The parts that are reached from `id`, except by way of the command line. */
function closure(id, parts, pattern, seen = new Set()) {
  if (seen.has(id) || id.startsWith(CLI_PART)) return seen;
  seen.add(id);
  for (const [, child] of (parts.get(id.slice(2)) ?? "").matchAll(pattern))
    closure(child, parts, pattern, seen);
  return seen;
}

/**
 * The source stays readable: a stack trace in a bug report is worth more than what minifying
 * saves at start (0.4 ms measured). ASCII only, esbuild's default: the loader reads Latin-1.
 */
async function toFunction(source) {
  const { code } = await transform(source, {
    format: "cjs",
    platform: "node",
    target: TARGET,
    // import() becomes require(): the loader has no module resolution for import().
    supported: { "dynamic-import": false },
    logLevel: "warning",
  });
  // esbuild's interop copies modules property by property, 3 ms for those of one ADD; the loader's does not.
  const body = code
    .replaceAll("__toESM(require(", "interop.namespaceOf(require(")
    .replaceAll("__toCommonJS(", "interop.exported(");
  return `function (exports, require, module, interop) {\n${body}\n}`;
}
