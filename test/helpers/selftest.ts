/** Runs `wrapper selftest`, the packed binary with the real plugins. */
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { WRAPPER } from "./lab";
import { withTableNames } from "./table-names";

/** A directory for the conflists and plugins of a test file. `path()` in its tests and hooks. */
export function useDirectory(): () => string {
  let dir = "";
  beforeAll(() => void (dir = mkdtempSync(join(tmpdir(), "selftest-"))));
  afterAll(() => rmSync(dir, { recursive: true, force: true }));
  return () => dir;
}

/** The conflists of the repository. */
export const EXAMPLES = resolve(__dirname, "../../conf/examples");
/** The environment of a run: nothing but the directories of programs. */
export const PATH = "/usr/sbin:/usr/bin:/sbin:/bin";
const PLUGINS = "/opt/cni/bin:/usr/lib/cni:/usr/libexec/cni";
const PTP =
  PLUGINS.split(":")
    .map((dir) => join(dir, "ptp"))
    .find((path) => existsSync(path)) ?? "";
/** Every property, in the order of the table. */
export const ALL_WELL = [
  "pods are attached",
  "node routes",
  "own gateway",
  "cluster traffic stays",
  "reply path",
  "foreign marks survive",
  "fail-closed",
  "address reuse",
  "lost gateway stops",
  "local rule at 100",
  "DEL leaves nothing",
];

interface Check {
  readonly tenant?: string;
  readonly family?: number;
  readonly result: string;
  readonly reason: string;
  readonly remedy: string;
}
export interface Answer {
  readonly ok: boolean;
  readonly tested: readonly string[];
  readonly properties: readonly {
    readonly name: string;
    readonly result: string;
    readonly checks: readonly Check[];
  }[];
  readonly notes: readonly string[];
}
interface Ran {
  readonly status: number | null;
  readonly stderr: string;
  readonly answer: Answer;
}

/** `wrapper selftest` on a machine whose routing tables have names. */
export function selftest(conf: string, ...args: readonly string[]) {
  const [program, ...words] = withTableNames([WRAPPER, "selftest", "--conf", conf, ...args]);
  return spawnSync(program, words, { env: { PATH }, encoding: "utf8" });
}

/** The same, with its JSON answer. Throws when there is none. */
export function run(conf: string, ...args: readonly string[]): Ran {
  const { status, stdout, stderr } = selftest(conf, "-o", "json", ...args);
  if (!stdout.startsWith("{"))
    throw new Error(`no answer, status ${String(status)}: ${stdout}${stderr}`);
  return { status, stderr, answer: JSON.parse(stdout) as Answer };
}

/** `property: result`, for each. */
export function results({ properties }: Answer): Readonly<Record<string, string>> {
  return Object.fromEntries(properties.map(({ name, result }) => [name, result]));
}

/** The checks that are not ok, each as one text: `FAILED own gateway blue: reason | remedy`. */
export function conditions({ properties }: Answer): readonly string[] {
  return properties.flatMap(({ name, checks }) =>
    checks
      .filter(({ result }) => result !== "ok")
      .map(
        ({ tenant = "", result, reason, remedy }) =>
          `${result} ${name} ${tenant}: ${reason} | ${remedy}`,
      ),
  );
}

/** Fields in place of those of the usual conflist. */
export interface Changes {
  readonly ours?: object;
  readonly tenant?: object;
  readonly tenants?: object;
  readonly delegate?: object;
}

/** A dual-stack conflist with the tenant blue, changed, in `dir`. Returns its path. */
export function writeConflist(
  dir: string,
  { ours = {}, tenant = {}, tenants = {}, delegate = {} }: Changes,
): string {
  const blue = {
    fwmark: "0x10/0xff",
    namespaces: ["blue-*"],
    table: 100,
    gateways: [
      { via: "10.10.10.131", dev: "eth1" },
      { via: "fd00:10:10::131", dev: "eth1" },
    ],
    ...tenant,
  };
  const ipam = {
    type: "host-local",
    ranges: [[{ subnet: "10.202.0.0/24" }], [{ subnet: "fd00:10:202::/112" }]],
    routes: [{ dst: "0.0.0.0/0" }, { dst: "::/0" }],
  };
  const plugin = {
    type: "tenant-routing-wrapper",
    kubeconfig: "/etc/kubernetes/kubelet.conf",
    capabilities: { "io.kubernetes.cri.pod-annotations": true },
    tenants: { blue, ...tenants },
    delegate: { type: "ptp", ipMasq: false, ipam, ...delegate },
    ...ours,
  };
  const path = join(dir, "test.conflist");
  writeFileSync(
    path,
    JSON.stringify({
      cniVersion: "1.0.0",
      name: "selftest",
      plugins: [plugin, { type: "portmap", capabilities: { portMappings: true } }],
    }),
  );
  return path;
}

/** A ptp that first does something to the node that it runs on. Returns the directories of plugins with it. */
export function sabotaged(dir: string, script: string): string {
  const bin = join(dir, "bin");
  mkdirSync(bin, { recursive: true });
  writeFileSync(
    join(bin, "ptp"),
    `#!/bin/sh\nconf=$(cat)\n{ ${script}\n} >&2\nprintf %s "$conf" | ${PTP}\n`,
  );
  chmodSync(join(bin, "ptp"), 0o755);
  return `${bin}:${PLUGINS}`;
}

/** Everything of this machine that a careless self-test could have touched. */
export function machineState(): string {
  const commands = [
    "ip -4 rule",
    "ip -6 rule",
    "ip -4 route show table all",
    "ip -6 route show table all | grep -v 'expires'",
    "ip -br link | cut -d' ' -f1",
    "nft list ruleset",
    "cat /proc/net/ip_tables_names /proc/net/ip6_tables_names 2>/dev/null || true",
    "sysctl -a --pattern '^net[.]ipv[46][.]' 2>/dev/null",
    "find /run/tenant-routing /run/tenant-routing-status.json /var/log/tenant-routing /var/lib/cni /run/cni /etc/cni /etc/iproute2 -printf '%p %s %T@\\n' 2>/dev/null | sort",
  ];
  return commands
    .map((command) => spawnSync("sh", ["-c", command], { encoding: "utf8" }).stdout)
    .join("\n---\n");
}
