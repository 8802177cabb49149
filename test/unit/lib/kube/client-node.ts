/**
 * client-node is published as ES modules only, which jest's CommonJS does not load. This bundles
 * the two files we use the way the build does, stand-ins included, so that tests meet the code that ships.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const ROOT = resolve(__dirname, "../../../..");

const BUNDLE = `
  import { build } from "esbuild";
  import { clientNodeStubs } from "./scripts/build/client-node-stubs.mjs";
  const file = (name) => "./node_modules/@kubernetes/client-node/dist/" + name + ".js";
  await build({
    stdin: { contents: 'export * from "' + file("config") + '"; export * from "' + file("exec_auth") + '";', resolveDir: "." },
    outfile: process.argv[1], bundle: true, platform: "node", target: "node24", format: "cjs", plugins: [clientNodeStubs()],
  });
`;

/** client-node's `KubeConfig` and `ExecAuth`, for `jest.mock` of the modules that export them. */
export function loadClientNode(): Record<string, unknown> {
  const dir = mkdtempSync(join(tmpdir(), "client-node-"));
  try {
    const outfile = join(dir, "client-node.cjs");
    execFileSync(process.execPath, ["--input-type=module", "-e", BUNDLE, outfile], {
      cwd: ROOT,
      stdio: "pipe",
    });
    // eslint-disable-next-line @typescript-eslint/no-require-imports
    return require(outfile) as Record<string, unknown>;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
