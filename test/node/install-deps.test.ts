/** scripts/install-deps.sh with stand-ins for apt-get and npm: what it says before, during and after. */
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const SCRIPT = resolve(__dirname, "../../scripts/install-deps.sh");
const PROGRAMS = [
  "bash",
  "cat",
  "chmod",
  "dirname",
  "flock",
  "grep",
  "ln",
  "mkdir",
  "mktemp",
  "rm",
  "sleep",
  "tail",
  "tr",
  "uname",
];
const OF_LABS = ["dnsmasq", "kea-dhcp6", "dhclient"];
const LOCK = JSON.stringify({ packages: { "": {}, "node_modules/one": { version: "1.0.0" } } });
const ARCH = process.arch === "arm64" ? "arm64" : "x64";

let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "install-deps-"));
  for (const name of ["scripts", "bin"]) mkdirSync(join(root, name));
  copyFileSync(SCRIPT, join(root, "scripts/install-deps.sh"));
  writeFileSync(join(root, "package-lock.json"), LOCK);
  for (const name of PROGRAMS)
    symlinkSync(
      ["/usr/bin", "/bin"].map((dir) => join(dir, name)).find((path) => existsSync(path)) ?? name,
      join(root, "bin", name),
    );
  symlinkSync(process.execPath, join(root, "bin/node"));
  standIn("apt-get", "");
  standIn("promtool", "");
  standIn(
    "npm",
    `[ "$1" = ci ] || { echo built; exit; }
    mkdir -p node_modules/node-linux-${ARCH}/bin; cat package-lock.json >node_modules/.package-lock.json
    : >node_modules/node-linux-${ARCH}/bin/node; chmod 755 node_modules/node-linux-${ARCH}/bin/node`,
  );
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** A program that notes its arguments and then does what the script says. */
function standIn(name: string, script: string): void {
  writeFileSync(
    join(root, "bin", name),
    `#!${root}/bin/bash\necho "${name} $*" >>'${root}/calls'\n${script}\n`,
  );
  chmodSync(join(root, "bin", name), 0o755);
}

interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly calls: readonly string[];
}

function install(): Ran {
  rmSync(join(root, "calls"), { force: true });
  const errors = openSync(join(root, "stderr"), "w");
  const { status, stdout } = spawnSync("bash", [join(root, "scripts/install-deps.sh")], {
    env: { PATH: join(root, "bin"), HEARTBEAT: "0.2", UNITS: join(root, "units") },
    encoding: "utf8",
    stdio: ["ignore", "pipe", errors],
  });
  closeSync(errors);
  const calls = existsSync(join(root, "calls"))
    ? readFileSync(join(root, "calls"), "utf8").trimEnd().split("\n")
    : [];
  return { status, stdout, stderr: readFileSync(join(root, "stderr"), "utf8"), calls };
}

test("says first what is missing, then each step; a second time only what the build says", () => {
  const first = install();
  expect(first.stdout).toMatch(
    /^To be installed, as a rule: apt packages \(1 to 3 minutes\), npm packages \(.*\), the binary \(.*\)\..*\nStep 1 of 3: installing packages: .*\bopenssl\b.*\nStep 2 of 3: installing npm packages\nStep 3 of 3: building the binary\nbuilt\n$/,
  );
  expect(first.calls).toEqual([
    "apt-get update -q",
    expect.stringMatching(/^apt-get install .*openssl/),
    expect.stringMatching(/^npm ci /),
    "npm run --silent build",
  ]);
  expect(first.status).toBe(0);
  // Nothing is missing any more, as far as the stand-ins go.
  const found = ["ping", "curl", "openssl", "jq", "gcc", "musl-gcc", ...OF_LABS];
  for (const name of found) standIn(name, "");
  mkdirSync(join(root, "dist"));
  writeFileSync(join(root, "dist/tenant-routing-wrapper"), "", { mode: 0o755 });
  expect(install()).toMatchObject({
    status: 0,
    stdout: "built\n",
    stderr: "",
    calls: ["npm run --silent build"],
  });
});

test("promtool is taken out of its package, which is not installed", () => {
  rmSync(join(root, "bin/promtool"));
  symlinkSync("/bin/mv", join(root, "bin/mv"));
  for (const name of ["ping", "curl", "openssl", "jq", "gcc", "musl-gcc"]) standIn(name, "");
  standIn("apt-get", `[ "$1" != download ] || echo package >prometheus_1_all.deb`);
  standIn("dpkg-deb", `mkdir -p "$3/usr/bin"; cat "$2" >"$3/usr/bin/promtool"`);
  const { status, stdout, calls } = install();
  expect([status, stdout]).toEqual([0, expect.stringContaining("taking promtool out of")]);
  expect(calls.slice(0, 3)).toEqual([
    "apt-get update -q",
    "apt-get download -q prometheus",
    "dpkg-deb -x prometheus_1_all.deb .",
  ]);
  expect(readFileSync(join(root, "dist/tools/promtool"), "utf8")).toBe("package\n");
});

test("gives signs of life while a step takes its time, with its last words", () => {
  standIn(
    "apt-get",
    `[ "$1" = update ] || exit 0; echo Get:1 a list; until grep -qs 's  Get:1 a list' '${root}/stderr'; do sleep 0.05; done`,
  );
  const { status, stderr } = install();
  expect(stderr).toMatch(/^( {3}\.\.\. \d+ s {2}.*\n)+$/);
  expect(status).toBe(0);
});

test("a step that fails shows its words, and what failed", () => {
  standIn("npm", "echo registry cannot be reached; exit 7");
  const { status, stderr, calls } = install();
  expect(stderr).toMatch(/^registry cannot be reached\ninstall-deps: failed: npm ci .*\n$/m);
  expect(calls.at(-1)).toMatch(/^npm ci /);
  expect(status).toBe(1);
});

test("what a lab needs brings no service into the system; one that somebody has stays as it is", () => {
  const script = join(root, "scripts/install-deps.sh");
  // Whether this machine has the programs or not.
  writeFileSync(script, readFileSync(script, "utf8").replace(":/usr/sbin:/sbin", ""));
  const unit = join(root, "units/kea-dhcp6-server.service");
  const { stdout, calls } = install();
  expect(calls.find((call) => call.startsWith("apt-get install"))).toContain(" kea-dhcp6-server ");
  expect(readlinkSync(unit)).toBe("/dev/null");
  expect(stdout).toContain(
    "The service kea-dhcp6-server is masked: only the labs use it. For one of your own: systemctl unmask kea-dhcp6-server\n",
  );
  rmSync(unit);
  writeFileSync(unit, "[Service]\n");
  expect(install().stdout).not.toContain("masked");
  expect(readFileSync(unit, "utf8")).toBe("[Service]\n");
  rmSync(unit);
  standIn("kea-dhcp6", "");
  install();
  expect(existsSync(unit)).toBe(false);
});
