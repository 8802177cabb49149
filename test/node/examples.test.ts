/**
 * Every conflist of conf/examples through ADD, CHECK and DEL, and the original Go wrapper's and the
 * fwmark plugin's among them, as they stand: only plugins that are not installed are replaced, and
 * the paths that they name are the node's own (node-files.ts).
 */
import { readFileSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { useApi } from "../helpers/api";
import type { Conf } from "../helpers/conf";
import { BINARY, KEPT } from "../helpers/harness";
import { launch } from "../helpers/launch";
import { nodeFiles, onlyIpv4, type NodeFiles } from "../helpers/node-files";
import { createRuntime, type Conflist, type Runtime } from "../helpers/node-runtime";
import { useNode, type Pod } from "../helpers/node-world";
import { expectError, expectOk } from "../helpers/outcome";

const EXAMPLES = resolve(__dirname, "../../conf/examples");
const RBAC = readFileSync(resolve(__dirname, "../../manifests/rbac.yaml"), "utf8");
const world = useNode({ keep: true });
const api = useApi(
  world,
  `${RBAC}\n---\napiVersion: v1\nkind: Namespace\nmetadata: { name: team-a }\n`,
);

/** What flannel makes of its own object, and a plugin that passes the result on, for cilium-cni. */
const REPLACED: Readonly<Record<string, (plugin: Conf) => Conf>> = {
  flannel: ({ delegate }) => ({
    type: "bridge",
    bridge: "cni0",
    ...(delegate as Conf),
    ipam: { type: "host-local", subnet: "10.42.0.0/24" },
  }),
  "cilium-cni": () => ({ type: "tuning" }),
};

interface Example {
  readonly annotation: readonly [key: string, value: string];
  /** Whether the annotation comes from the API server; else from the runtime. */
  readonly api?: boolean;
  /** `<address> <mark>` of the rules, without those of replies. */
  readonly rules: readonly RegExp[];
}

const KEY = "tenant.routing/fwmark";
const CASES: Readonly<Record<string, Example>> = {
  "original-go-wrapper": {
    annotation: [KEY, "0x10"],
    api: true,
    rules: [/^10\.200\.0\.\d+\/32 0x10\/0xffffffff$/],
  },
  "chained-flannel-k3s": {
    annotation: ["cni.fwmark.net/name", "vpn"],
    rules: [/^10\.42\.0\.\d+\/32 0x10\/0x10$/],
  },
  ptp: { annotation: [KEY, "tenant-a"], rules: [/^10\.200\.0\.\d+\/32 0x10\/0xff$/] },
  bridge: { annotation: [KEY, "tenant-b"], rules: [/^10\.201\.0\.\d+\/32 0x20\/0xff$/] },
  "dual-stack": {
    annotation: [KEY, "tenant-a"],
    rules: [/^10\.202\.0\.\d+\/32 0x10\/0xff$/, /^fd00:10:202::\d+\/128 0x10\/0xff$/],
  },
  "source-pool": {
    annotation: [KEY, "vpn"],
    rules: [/^10\.201\.0\.\d+\/32 0x30\/0xff$/, /^fd00:201::\w+\/128 0x30\/0xff$/],
  },
  "with-cilium-after": {
    annotation: [KEY, "tenant-b"],
    rules: [/^10\.203\.0\.\d+\/32 0x2000\/0x3000$/],
  },
};

function load(name: string): Conflist {
  const list = JSON.parse(readFileSync(join(EXAMPLES, `${name}.conflist`), "utf8")) as Conflist;
  return {
    ...list,
    plugins: list.plugins.map((plugin) => REPLACED[String(plugin["type"])]?.(plugin) ?? plugin),
  };
}

interface Drive {
  readonly files: NodeFiles;
  readonly runtime: Runtime;
}

async function drive(name: string, annotations: Record<string, string>): Promise<Drive> {
  const files = nodeFiles(world);
  files.write("/etc/kubernetes/kubelet.conf", readFileSync(await api.kubeconfig(), "utf8"));
  files.write(`/etc/cni/net.d/10-${name}.conflist`, JSON.stringify(load(name)));
  const offers = {
    "io.kubernetes.cri.pod-annotations": annotations,
    portMappings: [{ hostPort: 30080, containerPort: 80, protocol: "tcp" }],
    // bandwidth 1.1.1 crashes in CHECK without a limit.
    bandwidth: { ingressRate: 8_000_000, ingressBurst: 8_000_000, egressRate: 0, egressBurst: 0 },
  };
  return {
    files,
    runtime: createRuntime(world, load(name), {
      offers,
      wrap: files.wrap,
      env: { PATH: onlyIpv4(world) },
    }),
  };
}

function marks(): readonly string[] {
  return world.firewall
    .ours()
    .flatMap((line) =>
      line.includes("--ctdir")
        ? []
        : (/-s (\S+) .*--set-xmark (\S+)/.exec(line)?.slice(1).join(" ") ?? line),
    );
}

/** What is left on the node: rules, veths, records, leases. */
function left({ files }: Drive): readonly string[] {
  const records = files.list("/run/tenant-routing").filter((name) => !KEPT.test(name));
  const leases = files
    .list("/var/lib/cni/networks")
    .filter((name) => /\/[0-9a-f][0-9a-f.:]*$/.test(name));
  return [...world.firewall.ours(), ...world.veths(), ...records, ...leases];
}

/** `wrapper check` as a person runs it on the node, without any environment. */
async function check({ files }: Drive, ...args: string[]) {
  return launch({
    netns: world.netns,
    command: [BINARY, "check", ...args],
    env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" },
    stdin: "",
    options: { wrap: files.wrap },
  });
}

async function podWith(annotations: Record<string, string>): Promise<Pod> {
  const pod = { ...world.newPod("team-a"), name: `web-${world.newId()}` };
  await api.apply(
    JSON.stringify({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: pod.name, namespace: pod.namespace, uid: pod.uid, annotations },
    }),
  );
  return pod;
}

test("there is a case for every example", () => {
  expect(readdirSync(EXAMPLES).sort()).toEqual(
    Object.keys(CASES)
      .map((name) => `${name}.conflist`)
      .sort(),
  );
});

test.each(Object.entries(CASES))(
  "%s: ADD, CHECK, wrapper check, DEL, DEL",
  async (name, { annotation: [key, value], api: fromApi = false, rules }) => {
    const driven = await drive(name, fromApi ? {} : { [key]: value });
    const pod = await podWith(fromApi ? { [key]: value } : {});
    expectOk(await driven.runtime.add(pod));
    expect(marks()).toHaveLength(rules.length);
    rules.forEach((pattern, n) => expect(marks()[n]).toMatch(pattern));
    expect(await api.requests()).toHaveLength(fromApi ? 2 : 0);
    expect(
      driven.files.list("/run/tenant-routing").filter((file) => file.endsWith(".json")),
    ).toHaveLength(1);
    expect(driven.files.list("/var/log")).not.toEqual([]);
    expectOk(await driven.runtime.check(pod));
    expect(await check(driven)).toMatchObject({
      exit: 0,
      stdout: expect.stringContaining(`${pod.namespace}/${pod.name}`),
    });
    expectOk(await driven.runtime.del(pod));
    expect(left(driven)).toEqual([]);
    await world.vanish(pod);
    expectOk(await driven.runtime.del(pod, { netns: "" }));
    expect(await check(driven)).toMatchObject({
      exit: 0,
      stdout: expect.stringContaining("no attachments"),
    });
  },
);

describe("ptp.conflist", () => {
  test("the tenant vpn has addresses of its own, and DEL gives them back", async () => {
    const driven = await drive("ptp", { [KEY]: "vpn" });
    const pod = await podWith({});
    expectOk(await driven.runtime.add(pod));
    expect(marks()).toEqual(["10.200.64.2/32 0x20/0xff"]);
    expectOk(await driven.runtime.check(pod));
    expectOk(await driven.runtime.del(pod));
    expect(left(driven)).toEqual([]);
  });

  test("another namespace may not use tenant-a: refused, nothing made", async () => {
    const driven = await drive("ptp", { [KEY]: "tenant-a" });
    const pod = { ...world.newPod("default", "web-0") };
    expectError(await driven.runtime.add(pod), "tenantForbidden", "default/web-0", "tenant-a");
    expect(left(driven)).toEqual([]);
  });

  test("kube-system is exempt", async () => {
    const driven = await drive("ptp", { [KEY]: "tenant-a" });
    const pod = { ...world.newPod("kube-system", "coredns-0") };
    expectOk(await driven.runtime.add(pod));
    expect(marks()).toEqual([]);
    expectOk(await driven.runtime.del(pod));
    expect(left(driven)).toEqual([]);
  });
});
