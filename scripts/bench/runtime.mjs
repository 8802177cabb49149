// The container runtime of the labs and the tests (lib/lab/kit/libcni.ts) and the wrapper's tag,
// compiled once, when a process of the benchmark starts.
import { buildSync } from "esbuild";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const { outputFiles } = buildSync({
  stdin: {
    contents: `export * from "./lib/lab/kit/libcni"; export { attachmentTag } from "./lib/marks/tag";`,
    resolveDir: root,
  },
  bundle: true,
  write: false,
  format: "esm",
  platform: "node",
  target: "node24",
  logLevel: "error",
});
const code = Buffer.from(outputFiles[0].contents).toString("base64");

export const { attachmentTag, cniEnvironment, netconfOf, POD_ANNOTATIONS } = await import(
  `data:text/javascript;base64,${code}`
);
