// The entry point inside the packed binary: runs the scripts of bundle.mjs, compiled ahead of
// time by code-cache.mjs. Everything else is in them.
"use strict";
const { getAssetKeys, getRawAsset } = require("node:sea");
const { Script } = require("node:vm");

const CORE = "core.js";
const CACHE = ".cache";
/** Part name -> function that evaluates it; of the scripts taken up so far. */
const parts = new Map();
const modules = new Map();

function compile(script) {
  const source = Buffer.from(getRawAsset(script)).latin1Slice();
  return new Script(source, {
    filename: script,
    cachedData: Buffer.from(getRawAsset(script + CACHE)),
  });
}

function takeUp(script) {
  const list = compile(script).runInThisContext();
  for (let i = 0; i < list.length; i += 2) parts.set(list[i], list[i + 1]);
}

function load(id) {
  if (!id.startsWith("./")) return require(id);
  const name = id.slice(2);
  const known = modules.get(name);
  if (known !== undefined) return known.exports;
  if (!parts.has(name)) takeUp(parts.get("homes")()[name]);
  const module = { exports: {} };
  modules.set(name, module);
  parts.get(name)(module.exports, load, module, interop);
  return module.exports;
}

/** Stands for esbuild's helpers of ES modules in CommonJS clothes; see bundle.mjs. */
const interop = {
  /** What `import` sees of a module: itself for one of ours, its members and `default` for one of Node's. */
  namespaceOf: (exports) =>
    exports.__esModule ? exports : { __proto__: exports, default: exports },
  /** What a part of ours exports; the getters are there already. */
  exported: (exports) => Object.defineProperty(exports, "__esModule", { value: true }),
};

// For the build, and for a node where starts are slow: does this machine accept the compiled code?
if (process.argv[2] === "--check-code-cache") {
  const names = getAssetKeys().filter((name) => !name.endsWith(CACHE));
  const rejected = names.filter((name) => compile(name).cachedDataRejected !== false);
  console.log(
    rejected.length === 0 ? `${names.length} scripts accepted` : `rejected: ${rejected.join(", ")}`,
  );
  process.exitCode = rejected.length === 0 ? 0 : 1;
} else {
  takeUp(CORE);
  load("./main.js");
}
