// cmd/main.ts and all it imports -> a few scripts that the loader in the binary can run.
import { basename } from "node:path";
import { build, transform } from "esbuild";
import { clientNodeStubs } from "./client-node-stubs.mjs";
import { promClientStubs } from "./prom-client-stubs.mjs";

const TARGET = "node24";

/** What every ADD and DEL evaluates is one script: each further one costs 0.1 ms and more to take up. */
export const CORE = "core.js";
/** What asks the API server for annotations. */
export const API = "api.js";
/** What else the plugin may need: the other verbs, and what an ADD or a DEL needs only when something is wrong. */
export const PLUGIN = "plugin.js";
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
 * Returns script name -> source. A script evaluates to a list: part name, its module function, the next part
 * name ... (an object of so many members takes V8 longer). `CORE` has the entry, `main.js`, and as `homes` a
 * function that returns the script of each part that is in another one.
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
  return group(new Map(parts));
}

function group(parts) {
  const homeOf = homes(parts);
  const scripts = new Map([CORE, API, PLUGIN, CLI].map((script) => [script, []]));
  const elsewhere = {};
  for (const [name, source] of parts) {
    const script = homeOf(name, source);
    if (script !== CORE) elsewhere[name] = script;
    scripts.set(script, [...(scripts.get(script) ?? []), `${JSON.stringify(name)}, ${source}`]);
  }
  scripts.get(CORE).push(`"homes", () => (${JSON.stringify(elsewhere)})`);
  return new Map([...scripts].map(([name, entries]) => [name, `[\n${entries.join(",\n")}\n]`]));
}

/** From a part to its script. */
function homes(parts) {
  const core = evaluatedWith(["./main.js", entry(parts, "add"), entry(parts, "del")], parts);
  const api = evaluatedWith([entry(parts, "source")], parts);
  const plugin = closure("./main.js", parts, MENTIONED);
  return (name, { length }) => {
    const id = `./${name}`;
    if (core.has(id)) return CORE;
    if (length >= WORTH_A_SCRIPT) return name;
    if (api.has(id)) return API;
    return plugin.has(id) ? PLUGIN : CLI;
  };
}

/** The part that `import()` of a file of that name begins with. Throws unless there is exactly one. */
function entry(parts, file) {
  const names = [...parts.keys()].filter((name) => name.replace(/-[0-9A-Z]{8}\.js$/, "") === file);
  if (names.length !== 1) throw new Error(`${names.length} parts are named ${file}: ${names}`);
  return `./${names[0]}`;
}

/** Of what a part requires: what is evaluated with it (a lazy one is required inside a `.then`), and everything. */
const EVALUATED = /^(?:var \w+ = )?require\("(\.\/[^"]+)"\);$/gm;
const MENTIONED = /require\("(\.\/[^"]+)"\)/g;

function evaluatedWith(ids, parts) {
  const seen = new Set();
  for (const id of ids) closure(id, parts, EVALUATED, seen);
  return seen;
}

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
