// Compiles scripts ahead of time: node code-cache.mjs FILE... writes FILE.cache beside each.
//
// V8's own cache leaves out functions that have not run, and compiling those is most of what a
// short-lived process does. So everything is compiled here, eagerly. Must run in the very Node
// binary that will be packed: a cache is good for one V8 version and one set of V8 flags
// (decision 0025).
import { readFileSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { setFlagsFromString } from "node:v8";
import { Script } from "node:vm";

for (const file of process.argv.slice(2)) {
  setFlagsFromString("--no-lazy");
  const script = new Script(readFileSync(file, "latin1"), { filename: basename(file) });
  // Back before the cache is made: it records the flags, and the binary runs with the defaults.
  setFlagsFromString("--lazy");
  writeFileSync(`${file}.cache`, script.createCachedData());
}
