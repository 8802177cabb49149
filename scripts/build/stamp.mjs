// What a build is made of, and what it says of itself.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { globSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

/** Everything that ends up in the binary, or decides what does. */
const INPUTS = [
  "cmd",
  "lib",
  "delegates",
  "conf",
  "scripts/build.mjs",
  "scripts/build",
  "package.json",
  "package-lock.json",
  "tsconfig.json",
];
const NOT_INPUTS = /^conf\/examples\/|\.md$/;

/**
 * Version, commit and date for `define`. Commit and date are those of the last commit that touched
 * an input, so a rebuild of the same sources is the same; SOURCE_DATE_EPOCH (seconds) overrides
 * the date, and GIT_COMMIT the commit where there is no repository. Outside git: "unknown".
 */
export function identity(root) {
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const [commit, committed] = (
    git(root, "log", "-1", "--format=%h %ct", "--abbrev=12", "--", ...INPUTS) ?? ""
  ).split(" ");
  const dirty = commit && git(root, "status", "--porcelain", "--", ...INPUTS) ? "-dirty" : "";
  const epoch = process.env.SOURCE_DATE_EPOCH ?? committed;
  return {
    version,
    commit: commit ? `${commit}${dirty}` : (process.env.GIT_COMMIT ?? "unknown"),
    date: epoch ? new Date(Number(epoch) * 1000).toISOString() : "unknown",
  };
}

/** A hash over all inputs, the Node binary and the identity: the same hash, the same binary. */
export function inputHash(root, nodePath, stamp) {
  const hash = createHash("sha256").update(JSON.stringify(stamp));
  const { size, mtimeMs } = statSync(nodePath);
  hash.update(`${size} ${mtimeMs}`);
  const files = INPUTS.flatMap((input) =>
    statSync(join(root, input)).isFile() ? [input] : globSync(`${input}/**/*.*`, { cwd: root }),
  );
  for (const file of files.filter((name) => !NOT_INPUTS.test(name)).sort()) {
    hash.update(`\0${file}\0`).update(readFileSync(join(root, file)));
  }
  return hash.digest("hex");
}

function git(root, ...args) {
  try {
    return execFileSync("git", ["-C", root, ...args], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
  } catch {
    return undefined;
  }
}
