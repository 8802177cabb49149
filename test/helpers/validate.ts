/** Runs `wrapper validate` on files of a test's own directory, in a network namespace of its own. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { StatusObject } from "../../lib/checks/report/json";
import { BINARY } from "./launch";

/** The versions that plugins before 1.6.0 speak, and those after it. */
export const OLD = ["0.3.1", "0.4.0", "1.0.0"];
export const NEW = [...OLD, "1.1.0"];

export const KUBECONFIG = `apiVersion: v1
kind: Config
current-context: c
clusters: [{ name: k, cluster: { server: "https://192.0.2.1:6443" } }]
users: [{ name: u, user: { token: abc } }]
contexts: [{ name: c, context: { cluster: k, user: u } }]
`;

export interface Bench {
  readonly dir: string;
  readonly netDir: string;
  /** A file in netDir that no runtime reads. */
  readonly file: string;
  readonly kubeconfig: string;
  /** Installs a plugin that knows VERSION and nothing else. */
  plugin(name: string, versions: readonly string[]): string;
  /** A conflist without a mistake. */
  good(): string;
  run(
    args?: readonly string[],
    more?: { readonly input?: string; readonly before?: string; readonly from?: string },
  ): Said;
  findings(args?: readonly string[], before?: string): StatusObject["findings"];
  codes(args?: readonly string[]): readonly string[];
}

interface Said {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A fresh directory for every test. Call it at the top of the file. */
export function useBench(): Bench {
  const bench = {} as { -readonly [K in keyof Bench]: Bench[K] };
  beforeAll(() => {
    if (!existsSync(BINARY)) throw new Error(`${BINARY} is missing: run npm run build`);
  });
  beforeEach(() => {
    Object.assign(bench, create());
  });
  afterEach(() => rmSync(bench.dir, { recursive: true }));
  return bench;
}

function create(): Bench {
  const dir = mkdtempSync(join(tmpdir(), "trc-validate-"));
  const [netDir, plugins, kubeconfig] = [join(dir, "net.d"), join(dir, "bin"), join(dir, "conf")];
  const file = join(netDir, ".new");
  for (const each of [netDir, plugins]) mkdirSync(each);
  writeFileSync(kubeconfig, KUBECONFIG, { mode: 0o600 });
  symlinkSync(BINARY, join(plugins, "tenant-routing-wrapper"));
  const plugin = (name: string, versions: readonly string[]): string => {
    const answer = JSON.stringify({ cniVersion: versions.at(-1), supportedVersions: versions });
    const said = versions.length === 0 ? "exit 1" : `cat >/dev/null; echo '${answer}'`;
    writeFileSync(join(plugins, name), `#!/bin/sh\n${said}\n`, { mode: 0o755 });
    return join(plugins, name);
  };
  for (const name of ["ptp", "host-local", "portmap", "flannel"]) plugin(name, NEW);
  // What uses marks on this machine is no business of the test.
  const run: Bench["run"] = (args = [file], { input = "", before = "", from } = {}) => {
    const where = [...(args.includes("--net-dir") ? [] : ["--net-dir", netDir])];
    const call = ["validate", ...args, ...where, "--cni-path", plugins];
    const stdin = from === undefined ? "" : ` <'${from}'`;
    const script = `${before === "" ? ":" : before}; exec "$0" "$@"${stdin}`;
    const { status, stdout, stderr } = spawnSync(
      "unshare",
      ["-n", "sh", "-c", script, BINARY, ...call],
      {
        ...{ input, encoding: "utf8", cwd: dir },
        env: { PATH: process.env["PATH"], NO_COLOR: "1" },
      },
    );
    return { status, stdout, stderr };
  };
  const findings: Bench["findings"] = (args = [file], before = "") => {
    const { stdout, stderr } = run([...args, "-o", "json"], { before });
    expect(stderr).toBe("");
    return (JSON.parse(stdout) as StatusObject).findings;
  };
  return {
    ...{ dir, netDir, file, kubeconfig, plugin, run, findings },
    good: () => conflist(dir, kubeconfig),
    codes: (args) => findings(args).map(({ code }) => code),
  };
}

function conflist(dir: string, kubeconfig: string): string {
  return `{
  "cniVersion": "1.0.0",
  "name": "tenant-routing",
  "plugins": [
    {
      "type": "tenant-routing-wrapper",
      "kubeconfig": "${kubeconfig}",
      "capabilities": { "io.kubernetes.cri.pod-annotations": true },
      "dataDir": "${dir}/data",
      "routes": { "namesDir": "" },
      "tenants": {
        "tenant-a": { "fwmark": "0x10/0xff", "namespaces": ["team-a"] },
        "tenant-b": { "fwmark": "0x20/0xff", "namespaces": ["team-b"] }
      },
      "delegate": {
        "type": "ptp",
        "ipam": { "type": "host-local", "subnet": "10.200.0.0/24" }
      }
    },
    { "type": "portmap", "capabilities": { "portMappings": true } }
  ]
}
`;
}
