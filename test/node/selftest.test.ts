/** `wrapper selftest`, the packed binary with the real plugins: what holds is told so, and each property can fail. */
import { spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expectNothingLeft } from "../helpers/lab";
import { sh, until } from "../helpers/shell";
import { withTableNames } from "../helpers/table-names";

// One run takes some 6 s on a quiet machine of two cores.
jest.setTimeout(120_000);
const WRAPPER = resolve(__dirname, "../../dist/wrapper");
const EXAMPLES = resolve(__dirname, "../../conf/examples");
const PATH = "/usr/sbin:/usr/bin:/sbin:/bin";
const PLUGINS = "/opt/cni/bin:/usr/lib/cni:/usr/libexec/cni";
const PTP =
  PLUGINS.split(":")
    .map((dir) => join(dir, "ptp"))
    .find((path) => existsSync(path)) ?? "";
const ALL_WELL = [
  "pods are attached",
  "node routes",
  "own gateway",
  "cluster traffic stays",
  "reply path",
  "marks of others survive",
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
interface Answer {
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

let dir = "";
beforeAll(() => void (dir = mkdtempSync(join(tmpdir(), "selftest-"))));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function selftest(conf: string, ...args: readonly string[]) {
  const [program, ...words] = withTableNames([WRAPPER, "selftest", "--conf", conf, ...args]);
  return spawnSync(program, words, { env: { PATH }, encoding: "utf8" });
}

function run(conf: string, ...args: readonly string[]): Ran {
  const { status, stdout, stderr } = selftest(conf, "-o", "json", ...args);
  if (!stdout.startsWith("{"))
    throw new Error(`no answer, status ${String(status)}: ${stdout}${stderr}`);
  return { status, stderr, answer: JSON.parse(stdout) as Answer };
}

/** `property: result`, for each. */
function results({ properties }: Answer): Readonly<Record<string, string>> {
  return Object.fromEntries(properties.map(({ name, result }) => [name, result]));
}

/** The checks that are not ok, as one text. */
function troubles({ properties }: Answer): readonly string[] {
  return properties.flatMap(({ name, checks }) =>
    checks
      .filter(({ result }) => result !== "ok")
      .map(
        ({ tenant = "", result, reason, remedy }) =>
          `${result} ${name} ${tenant}: ${reason} | ${remedy}`,
      ),
  );
}

interface Changes {
  readonly ours?: object;
  readonly tenant?: object;
  readonly tenants?: object;
  readonly delegate?: object;
}

/** A dual-stack conflist with one tenant, changed. Returns its path. */
function conflist({ ours = {}, tenant = {}, tenants = {}, delegate = {} }: Changes): string {
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
function sabotaged(script: string): string {
  const bin = join(dir, "bin");
  mkdirSync(bin, { recursive: true });
  writeFileSync(
    join(bin, "ptp"),
    `#!/bin/sh\nconf=$(cat)\n{ ${script}\n} >&2\nprintf %s "$conf" | ${PTP}\n`,
  );
  chmodSync(join(bin, "ptp"), 0o755);
  return `${bin}:${PLUGINS}`;
}

/** What of this machine a careless test could have touched. */
function machine(): string {
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

describe("the examples", () => {
  test.each([
    ["bridge", ["tenant-a (0x10/0xff, table 100)", "tenant-b (0x20/0xff, table 200)"]],
    ["ptp", ["tenant-a (0x10/0xff, table 100)", "vpn (0x20/0xff, table 200)"]],
    [
      "with-cilium-after",
      ["tenant-a (0x1000/0x3000, table 100)", "tenant-b (0x2000/0x3000, table 200)"],
    ],
  ])("%s: every property holds", (name, tested) => {
    const { status, answer } = run(join(EXAMPLES, `${name}.conflist`));
    expect(troubles(answer).filter((text) => text.startsWith("FAILED"))).toEqual([]);
    expect(results(answer)).toEqual(
      Object.fromEntries(ALL_WELL.map((property) => [property, "ok"])),
    );
    expect(answer.tested).toEqual(tested);
    expect(status).toBe(0);
  });

  test("dual-stack: every property holds, in both families wherever there are packets", () => {
    const { stdout, stderr, status } = selftest(join(EXAMPLES, "dual-stack.conflist"));
    expect(stdout).toMatch(/^PROPERTY +RESULT +REMEDY$/m);
    for (const property of [
      "cluster traffic stays",
      "reply path",
      "marks of others survive",
      "address reuse",
      "lost gateway stops",
      "local rule at 100",
    ]) {
      expect(stdout).toMatch(new RegExp(`^${property} +ok \\(tenant-a: IPv4 and IPv6\\)$`, "m"));
    }
    expect(stdout).not.toMatch(/FAILED|not applicable/);
    // What is being done, one line for each.
    const lines = stderr
      .trimEnd()
      .split("\n")
      .map((line) => /^wrapper selftest: \d+ s: (?:\d+ of 11: )?(.*)$/.exec(line)?.[1]);
    expect(lines).toHaveLength(1 + ALL_WELL.length);
    expect([...lines].sort()).toEqual(
      ["a node, its gateways and neighbours are made, in network namespaces", ...ALL_WELL].sort(),
    );
    expect(stdout).not.toContain("wrapper selftest:");
    expect(status).toBe(0);
  });

  test("chained-flannel-k3s: after ptp in flannel's place, for the mark only", () => {
    const { status, answer } = run(join(EXAMPLES, "chained-flannel-k3s.conflist"));
    expect(results(answer)).toMatchObject({
      "pods are attached": "ok",
      "node routes": "not applicable",
      "marks of others survive": "ok",
      "fail-closed": "ok",
      "DEL leaves nothing": "ok",
    });
    expect(answer.notes.join("\n")).toContain(
      "the plugin flannel reaches beyond a network namespace, so ptp with a test pool takes its place",
    );
    expect(status).toBe(0);
  });

  test("original-go-wrapper: the mark without a mask and the missing default route are found", () => {
    const { status, answer } = run(join(EXAMPLES, "original-go-wrapper.conflist"));
    expect(troubles(answer)).toEqual(
      expect.arrayContaining([
        expect.stringMatching(
          /^FAILED own gateway no tenant: .* \| the pod has no IPv4 default route: add \{ "dst": "0\.0\.0\.0\/0" \}/,
        ),
        expect.stringMatching(
          /^FAILED marks of others survive 0x10\/0xffffffff: its mask covers bits of kube-proxy \(0xc000\)/,
        ),
      ]),
    );
    expect(status).toBe(1);
  });
});

test("a gateway on the delegate's own bridge, another beside it, and a next hop that is link-local: every property holds", () => {
  const gateways = [
    { via: "10.202.0.250", dev: "br-pods" },
    { via: "10.9.9.1", dev: "eth1", weight: 3 },
    { via: "fe80::1", dev: "eth1" },
  ];
  const { status, answer } = run(
    conflist({
      tenant: { gateways },
      delegate: { type: "bridge", bridge: "br-pods", isGateway: true },
    }),
  );
  expect(troubles(answer)).toEqual([]);
  expect(status).toBe(0);
});

describe("a conflist that does not keep a promise", () => {
  const CASES: readonly (readonly [string, Changes, readonly RegExp[]])[] = [
    [
      "onError allow",
      { ours: { onError: "allow" } },
      [
        /^FAILED fail-closed : a pod whose tenant the API server does not tell starts \| onError is "allow"/,
      ],
    ],
    [
      "a tenant without a gateway",
      { tenants: { red: { fwmark: "0x20/0xff", table: 200 } } },
      [/^FAILED own gateway red: it has a table and no gateway/],
    ],
    [
      "replies marked, and ports published",
      { ours: { markReplies: true } },
      [
        /^FAILED reply path : markReplies is true: .*portmap publishes ports.* \| remove "markReplies", or portmap/,
      ],
    ],
    [
      "tenants before a local rule at 100",
      { ours: { routes: { excludePriority: 48, localPriority: 49, tenantPriority: 50 } } },
      [/^FAILED local rule at 100 blue: .*its pod does not reach the node/],
    ],
    [
      "a mask over portmap's bit",
      { tenant: { fwmark: "0x1000/0x3000" } },
      [
        /^FAILED marks of others survive blue: its mask covers bits of portmap \(0x2000\)/,
        /^FAILED node routes : with pods on the node wrapper routes apply refuses: .*CNI-HOSTPORT/,
      ],
    ],
    [
      "a tenant whose namespaces are exempt",
      { ours: { exemptNamespaces: ["blue-*"] } },
      [/^FAILED pods are attached blue: every namespace that may use it is exempt/],
    ],
    [
      "a delegate past the node",
      { delegate: { type: "macvlan", master: "eth7" } },
      [
        /^FAILED own gateway blue: its packets do not get out: .*\| macvlan leads pods' packets past the node's own routing/,
        /^FAILED own gateway no tenant: .*\| macvlan leads/,
      ],
    ],
    [
      "a delegate that hides pods",
      { delegate: { ipMasq: true } },
      [/^note: the gateway of tenant blue sees 198\.18\.\d+\.1 instead of the pod's address/],
    ],
    [
      "a fallback",
      { tenant: { onGatewayLoss: "fallback" } },
      [
        /^not applicable lost gateway stops blue: onGatewayLoss is fallback: .* leave by the node's default route/,
      ],
    ],
  ];
  test.each(CASES)("%s", (_, changes, expected) => {
    const { status, answer } = run(conflist(changes));
    const texts = [...troubles(answer), ...answer.notes.map((note) => `note: ${note}`)];
    expect(texts).toEqual(
      expect.arrayContaining(expected.map((pattern) => expect.stringMatching(pattern) as string)),
    );
    // The rest of the table is not drawn into it.
    const failed = texts.filter((text) => text.startsWith("FAILED"));
    expect(failed.filter((text) => !expected.some((pattern) => pattern.test(text)))).toEqual([]);
    expect(status).toBe(failed.length > 0 ? 1 : 0);
    expect(failed.length > 0).toBe(expected.some((pattern) => pattern.source.includes("FAILED")));
  });
});

describe("a node that does not keep a promise", () => {
  const MARK_REPLIES =
    "nft 'add table inet sab; add chain inet sab c { type filter hook prerouting priority -140; }; flush chain inet sab c; add rule inet sab c ct direction reply meta mark set 0x10'";
  const CASES: readonly (readonly [string, string, RegExp])[] = [
    [
      "the rule for what the main table knows is gone",
      "ip rule del pref 32764; ip -6 rule del pref 32764",
      /^FAILED cluster traffic stays blue: its pods do not reach another pod of the node .*, a pod of another node/,
    ],
    [
      "somebody marks replies",
      MARK_REPLIES,
      /^FAILED reply path blue: a client beyond the default gateway gets no answer from its pod/,
    ],
    [
      "somebody marks everything",
      "iptables -t mangle -C PREROUTING -j MARK --set-mark 0x99 || iptables -t mangle -I PREROUTING -j MARK --set-mark 0x99",
      /^FAILED marks of others survive blue: after the rule for 0x10\/0xff the mark is not what it should be/,
    ],
    [
      "the old rule at 50 stands",
      "ip rule del pref 50; ip rule add pref 50 fwmark 0x10/0xff lookup 100",
      /^FAILED local rule at 100 blue: .*its pod does not reach the node/,
    ],
    [
      "the mark of a pod that is gone stays",
      "case $CNI_COMMAND$CNI_ARGS in ADD*heir*) iptables -t mangle -A PREROUTING -s 10.202.0.0/24 -j MARK --set-xmark 0x10/0xff;; esac",
      /^FAILED address reuse blue: .*does not leave by the default gateway: answered by gw/,
    ],
    [
      "there is no stop behind the gateway",
      "for f in -4 -6; do ip $f route del unreachable default table 100 metric 4294967295; ip $f rule del pref 32765 unreachable; done",
      /^FAILED lost gateway stops blue: with the interface to its gateway down its packets leave elsewhere \([1-9]/,
    ],
    [
      "the delegate does not delete",
      "[ $CNI_COMMAND = ADD ] || exit 0",
      /^FAILED DEL leaves nothing : left on the node: .*lease selftest\/10\.202\.0\.\d/,
    ],
    [
      "a legacy rule stays",
      "[ $CNI_COMMAND = DEL ] || iptables-legacy -t mangle -A FORWARD -m comment --comment 'tenant-routing blue/left 0-0' -j ACCEPT",
      /^FAILED DEL leaves nothing : left on the node: .*rule -A FORWARD .*tenant-routing blue\/left/,
    ],
    [
      "the delegate does not add",
      "[ $CNI_COMMAND = DEL ] || exit 1",
      /^FAILED pods are attached : a pod without a tenant does not start/,
    ],
  ];
  test.each(CASES)("%s", (_, script, expected) => {
    const { status, answer } = run(conflist({}), "--cni-path", sabotaged(script));
    expect(troubles(answer)).toEqual(expect.arrayContaining([expect.stringMatching(expected)]));
    expect(status).toBe(1);
  });
});

test.each(["nft", "legacy"])(
  "nothing outside its namespaces is touched, and nothing is left (iptables %s)",
  async (iptables) => {
    const conf = conflist({ ours: { iptables } });
    const bytes = readFileSync(conf, "utf8");
    const before = machine();
    const child = spawn(WRAPPER, ["selftest", "--conf", conf], {
      env: { PATH },
      stdio: ["ignore", "pipe", "ignore"],
    });
    const status = await new Promise((done) => child.on("close", done).stdout.resume());
    expect(status).toBe(0);
    expect(machine()).toBe(before);
    expect(readFileSync(conf, "utf8")).toBe(bytes);
    expectNothingLeft(`trl${child.pid ?? 0}a`);
  },
);

test("SIGTERM in the middle removes everything", async () => {
  const child = spawn(WRAPPER, ["selftest", "--conf", conflist({})], {
    env: { PATH },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const closed = new Promise((done) => child.on("close", done));
  let stderr = "";
  child.stderr.on("data", (chunk: Buffer) => void (stderr += chunk.toString()));
  child.stdout.resume();
  await until("a pod of the test", () =>
    sh("ip", "netns", "list").includes(`trl${String(child.pid)}a-tenant-0`),
  );
  child.kill("SIGTERM");
  expect(await closed).toBe(143);
  expect(stderr).toMatch(/\nwrapper selftest: stopped by SIGTERM; everything was removed\n$/);
  expectNothingLeft(`trl${child.pid ?? 0}a`);
});

describe("status 2: it could not run", () => {
  test.each([
    [
      "no such conflist",
      ["--conf", "/nonexistent.conflist"],
      /^wrapper selftest: \/nonexistent\.conflist cannot be read: ENOENT/,
    ],
    ["an unknown output format", ["-o", "yaml"], /^wrapper selftest: unknown output format "yaml"/],
    [
      "a plugin of the chain that is not installed",
      ["--conf", join(EXAMPLES, "chained-flannel-k3s.conflist"), "--cni-path", "/nonexistent"],
      /the CNI plugin ptp .* apt-get install .*containernetworking-plugins/,
    ],
  ])("%s", (_, args, message) => {
    const { status, stdout, stderr } = spawnSync(WRAPPER, ["selftest", ...args], {
      env: { PATH },
      encoding: "utf8",
    });
    expect(stderr).toMatch(message);
    expect(stdout).toBe("");
    expect(status).toBe(2);
  });

  test("a conflist with mistakes: all of them", () => {
    const { status, stderr } = selftest(
      conflist({ ours: { onErorr: "deny", lockTimeout: "soon" } }),
    );
    expect(stderr).toContain("/onErorr");
    expect(stderr).toContain("/lockTimeout");
    expect(status).toBe(2);
  });

  test("not root", () => {
    const { status, stderr } = spawnSync(
      "setpriv",
      [
        "--reuid=65534",
        "--clear-groups",
        WRAPPER,
        "selftest",
        "--conf",
        join(EXAMPLES, "ptp.conflist"),
      ],
      { env: { PATH }, encoding: "utf8" },
    );
    expect(stderr).toContain("run it as root");
    expect(status).toBe(2);
  });
});
