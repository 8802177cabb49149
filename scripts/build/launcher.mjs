/** cmd/launcher/launcher.c: compiled for the node, or only checked. */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";

const SOURCE = "cmd/launcher/launcher.c";
const STRICT = ["-std=c11", "-Wall", "-Wextra", "-Werror"];
/** In the order of preference: musl's library makes a static program a tenth the size of glibc's. */
const COMPILERS = ["musl-gcc", "gcc"];

/** The compilers of this machine. */
export function compilers() {
  return COMPILERS.filter(
    (name) => spawnSync(name, ["--version"], { stdio: "ignore" }).status === 0,
  );
}

/** Compiles the static launcher into `output`; false without a compiler. */
export function buildLauncher(root, output, compiler) {
  if (compiler === undefined) return false;
  execFileSync(compiler, [...STRICT, "-Os", "-static", "-s", "-o", output, join(root, SOURCE)], {
    stdio: "inherit",
  });
  return true;
}

/** Compiles it with every compiler for its warnings alone. Throws at the first that complains. */
export function checkLauncher(root) {
  const there = compilers();
  for (const compiler of there)
    execFileSync(compiler, [...STRICT, "-O2", "-c", "-o", "/dev/null", join(root, SOURCE)], {
      stdio: "inherit",
    });
  return there;
}
