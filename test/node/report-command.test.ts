/** `wrapper report`: all parts, no secret, whatever else is broken. */
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer, type Server } from "node:http";
import { join } from "node:path";
import { VARIANTS } from "../helpers/firewall";
import { BINARY } from "../helpers/harness";
import { launch } from "../helpers/launch";
import { nodeFiles, type NodeFiles } from "../helpers/node-files";
import { annotated, ASKS, createRuntime, type Conflist } from "../helpers/node-runtime";
import { useNode } from "../helpers/node-world";
import { expectOk } from "../helpers/outcome";
import { sh } from "../helpers/shell";

const world = useNode();
const SECRET = "hunter2hunter2";
const CONFLIST = "/etc/cni/net.d/10-tenant-routing.conflist";

function nodeWith(ours: object = {}): { readonly files: NodeFiles; readonly list: Conflist } {
  const files = nodeFiles(world);
  const list = {
    cniVersion: "1.0.0",
    name: "tenant-routing",
    plugins: [
      {
        type: "tenant-routing-wrapper",
        ...ASKS,
        ...ours,
        agent: { socket: join(world.dir, "agent.sock") },
        delegate: {
          type: "ptp",
          ipMasq: false,
          password: SECRET,
          site: { note: SECRET },
          ipam: { type: "host-local", subnet: "10.88.0.0/24" },
        },
      },
    ],
  };
  files.write(CONFLIST, JSON.stringify(list));
  return { files, list };
}

async function report({ wrap }: NodeFiles, ...args: string[]) {
  return launch({
    netns: world.netns,
    command: [BINARY, "report", ...args],
    env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", MY_TOKEN: SECRET, PLAIN: SECRET },
    stdin: "",
    options: { wrap },
  });
}

/** What is in the archive, by name. */
function unpack(file: string): ReadonlyMap<string, string> {
  const dir = join(world.dir, "unpacked");
  mkdirSync(dir);
  sh("tar", "-C", dir, "-xzf", file);
  const names = readdirSync(dir, { recursive: true, encoding: "utf8" });
  return new Map(
    names
      .filter((name) => statSync(join(dir, name)).isFile())
      .map((name) => [name, readFileSync(join(dir, name), "utf8")]),
  );
}

test.each(VARIANTS)(
  "it has the rules of iptables-%s, makes no table by looking, and is for its owner only",
  async (iptables) => {
    const { files, list } = nodeWith({ iptables });
    const runtime = createRuntime(world, list, { wrap: files.wrap, ...annotated("0x10/0xff") });
    expectOk(await runtime.add(world.newPod()));
    const file = join(world.dir, "r.tar.gz");
    const { exit, stdout } = await report(files, file);
    expect([exit, statSync(file).mode & 0o777]).toEqual([0, 0o600]);
    expect(stdout).toMatch(/r\.tar\.gz: \d+ parts, [\d.]+ KiB/);
    const parts = unpack(file);
    const rule = '--comment "tenant-routing team-a/web-0 ';
    expect(parts.get("firewall/iptables")).toMatch(
      new RegExp(`== iptables-${iptables}\\n[^]*${rule}`),
    );
    expect(parts.get("versions")).toContain("CNI tenant-routing-wrapper");
    expect(parts.get("commands/check.json")).toContain("team-a/web-0");
    expect(parts.get("commands/rules.json")).toContain("0x10/0xff");
    expect(parts.get("commands/drift.json")).toContain('"findings": []');
    expect(parts.get("wrapper.log")).toContain('"msg":"ADD"');
    expect(parts.get("journal.json")).toContain('"web-0"');
    expect(parts.get("net.d.txt")).toContain("tenant-routing-wrapper");
    expect(parts.get("routing/rule4")).toContain("lookup main");
    expect(parts.get("routing/routes4")).toContain("10.88.0.2");
    expect(parts.get("agent/metrics")).toContain("could not be collected: no agent answers");
    const legacy = "cat /proc/net/ip_tables_names /proc/net/ip6_tables_names 2>/dev/null || :";
    expect(world.inside(undefined, "sh", "-c", legacy)).toBe(iptables === "nft" ? "" : "mangle\n");
  },
);

test("no secret of any input is in it", async () => {
  const { files, list } = nodeWith({ kubeconfig: "/etc/kubernetes/kubelet.conf" });
  const pem = `-----BEGIN PRIVATE KEY-----\n${SECRET}\n-----END PRIVATE KEY-----`;
  const kubeconfig = `users: [{ name: u, user: { token: ${SECRET}, client-key-data: ${Buffer.from(pem).toString("base64")} } }]\n`;
  files.write("/etc/kubernetes/kubelet.conf", kubeconfig);
  files.write("/etc/cni/net.d/calico-kubeconfig", kubeconfig);
  files.write("/etc/cni/net.d/kubeconfig.json", JSON.stringify({ users: [{ token: SECRET }] }));
  files.write("/etc/cni/net.d/05-other.conflist", `{"plugins": [{"type": "x", "k": "${SECRET}"}]}`);
  files.write("/etc/cni/net.d/99-torn.conflist", `{"password": "${SECRET}"`);
  files.write("/run/tenant-routing-status.json", JSON.stringify({ token: SECRET }));
  const runtime = createRuntime(world, list, {
    wrap: files.wrap,
    offers: {
      "io.kubernetes.cri.pod-annotations": {
        "tenant.routing/fwmark": "0x10/0xff",
        "another.example/key": SECRET,
      },
    },
    env: { SOME_VARIABLE: SECRET },
  });
  expectOk(await runtime.add(world.newPod()));
  const log = join(world.dir, "fs/var/log/tenant-routing/wrapper.log");
  appendFileSync(
    log,
    `${JSON.stringify({ details: `Authorization: Bearer ${SECRET}\n${pem}` })}\n`,
  );
  world.firewall.tables(
    "nft",
    "iptables",
    `-A PREROUTING -m comment --comment "password=${SECRET}" -j ACCEPT`,
  );
  const server = await serve(join(world.dir, "agent.sock"), `token="${SECRET}"\nmarks 1\n`);
  const file = join(world.dir, "r.tar.gz");
  try {
    expect((await report(files, file)).exit).toBe(0);
  } finally {
    server.close();
  }
  const parts = unpack(file);
  const encoded = Buffer.from(pem).toString("base64").slice(12, 40);
  for (const [name, text] of parts)
    expect([name, text.includes(SECRET), text.includes(encoded)]).toEqual([name, false, false]);
  // They were looked at all the same.
  expect(parts.get("agent/metrics")).toContain("marks 1");
  expect(parts.get("net.d.listing")).toContain("calico-kubeconfig");
  expect(parts.get("net.d.txt")).toMatch(/99-torn\.conflist\nnot shown: .*not valid JSON/);
  expect(parts.get("firewall/iptables")).toContain("password=[removed]");
});

test("on a node where hardly anything works the rest is there, and each failure in its place", async () => {
  const files = nodeFiles(world);
  files.write("/etc/cni/net.d/10-x.conflist", "{");
  const file = join(world.dir, "r.tar.gz");
  const { exit, stderr } = await report(files, file, "--conf", CONFLIST);
  expect([exit, stderr]).toEqual([0, expect.stringContaining("no conflist, so the default paths")]);
  const parts = unpack(file);
  expect(parts.get("routing/rule4")).toContain("lookup main");
  expect(parts.get("firewall/nft")).toBeDefined();
  // Where they are by default.
  expect(parts.get("journal.listing")).toContain("/run/tenant-routing");
  expect(parts.get("commands/check.json")).toContain("status 2");
});

test("a file or link that is there is not written to, and nothing is left where it cannot be written", async () => {
  const { files } = nodeWith();
  const target = join(world.dir, "target");
  writeFileSync(target, "mine");
  symlinkSync(target, join(world.dir, "link"));
  for (const name of ["target", "link", "none/r.tar.gz"]) {
    const { exit, stderr } = await report(files, join(world.dir, name));
    expect([exit, stderr]).toEqual([2, expect.stringContaining("cannot be written")]);
  }
  expect(readFileSync(target, "utf8")).toBe("mine");
  expect(existsSync(join(world.dir, "none"))).toBe(false);
});

function serve(socket: string, body: string): Promise<Server> {
  const server = createServer((_request, response) => response.end(body));
  return new Promise((resolve) => server.listen(socket, () => resolve(server)));
}
