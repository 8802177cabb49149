// npm run build: dist/tenant-routing-wrapper, and the same file as dist/wrapper; dist/tenant-routing-launcher
// where there is a C compiler.
// Does nothing when dist is newer than every input; `--force` builds anyway.
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { bundle } from "./build/bundle.mjs";
import { buildLauncher, compilers } from "./build/launcher.mjs";
import { pack } from "./build/pack.mjs";
import { identity, inputHash } from "./build/stamp.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "..");
const dist = join(root, "dist");
const binary = join(dist, "tenant-routing-wrapper");
const alias = join(dist, "wrapper");
const launcher = join(dist, "tenant-routing-launcher");
const stampFile = join(dist, "tenant-routing-wrapper.stamp");

/** The Node binary that npm installed, never the host's: the compiled code belongs to exactly this one. */
const nodePath = join(root, "node_modules", `node-linux-${process.arch}`, "bin", "node");

async function main() {
  if (!existsSync(nodePath)) {
    throw new Error(
      `${nodePath} is missing: run npm ci with optional dependencies, on linux x64 or arm64`,
    );
  }
  const stamp = identity(root);
  const [compiler] = compilers();
  const hash = `${inputHash(root, nodePath, stamp)} ${compiler ?? "no compiler"}`;
  if (!process.argv.includes("--force") && isFresh(hash, compiler)) return;
  const started = performance.now();
  mkdirSync(dist, { recursive: true });
  // Inside dist, so that the renames are atomic: tests may be running the old binary.
  const work = mkdtempSync(join(dist, ".build-"));
  try {
    await make(work, stamp);
    makeLauncher(work, compiler);
    publish(work, hash, compiler);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  const megabytes = (statSync(binary).size / 1e6).toFixed(0);
  if (compiler !== undefined)
    console.log(
      `dist/tenant-routing-launcher (${compiler}): ${(statSync(launcher).size / 1e3).toFixed(0)} KB`,
    );
  console.log(
    `dist/tenant-routing-wrapper ${stamp.version} (${stamp.commit}): ${megabytes} MB in ${((performance.now() - started) / 1000).toFixed(1)} s`,
  );
}

function isFresh(hash, compiler) {
  const made = compiler === undefined ? [] : [launcher];
  return (
    [binary, alias, stampFile, ...made].every((file) => existsSync(file)) &&
    readFileSync(stampFile, "utf8") === hash
  );
}

async function make(work, stamp) {
  const define = {
    __VERSION__: JSON.stringify(stamp.version),
    __COMMIT__: JSON.stringify(stamp.commit),
    __DATE__: JSON.stringify(stamp.date),
  };
  const scripts = await bundle(root, define);
  const files = [...scripts.keys()].map((name) => join(work, name));
  for (const [name, source] of scripts) writeFileSync(join(work, name), source, "latin1");
  execFileSync(nodePath, [join(here, "build", "code-cache.mjs"), ...files], {
    env: {},
    stdio: "inherit",
  });
  const assets = Object.fromEntries(
    [...scripts.keys()].flatMap((name) =>
      [name, `${name}.cache`].map((asset) => [asset, join(work, asset)]),
    ),
  );
  const output = join(work, "tenant-routing-wrapper");
  await pack({
    main: join(here, "build", "loader.cjs"),
    assets,
    nodePath,
    output,
    arch: process.arch,
  });
  chmodSync(output, 0o755);
  // Fails the build when the binary does not accept its own compiled code.
  execFileSync(output, ["--check-code-cache"], { env: {}, stdio: ["ignore", "ignore", "inherit"] });
}

/** Without a compiler the packed binary does everything, so only a release (CI) must not do without. */
function makeLauncher(work, compiler) {
  if (buildLauncher(root, join(work, "tenant-routing-launcher"), compiler)) return;
  const message = "there is no C compiler (apt install gcc, better with musl-tools)";
  if (process.env.CI) throw new Error(message);
  console.error(`*** dist/tenant-routing-launcher is NOT built: ${message}`);
}

function publish(work, hash, compiler) {
  const output = join(work, "tenant-routing-wrapper");
  linkSync(output, join(work, "wrapper"));
  rmSync(stampFile, { force: true });
  renameSync(output, binary);
  renameSync(join(work, "wrapper"), alias);
  // One of an older source would not match the binary.
  if (compiler === undefined) rmSync(launcher, { force: true });
  else renameSync(join(work, "tenant-routing-launcher"), launcher);
  writeFileSync(stampFile, hash);
}

try {
  await main();
} catch (error) {
  console.error(`build failed: ${error.message}`);
  process.exitCode = 1;
}
