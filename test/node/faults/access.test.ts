/** Faults of credentials and of the API server: each named with its code, and ended by what is printed. */
import { dirname, join } from "node:path";
import { useApi } from "../../helpers/api";
import { documents, RBAC } from "../../helpers/api-objects";
import { KEY } from "../../helpers/conf";
import { testFaults, useFaultNode } from "../../helpers/fault-node";
import { sh } from "../../helpers/shell";

const [SERVER, NODE] = ["10.99.0.1", "10.99.0.2"];
const world = { netns: `tra-${process.pid}-api` };
beforeAll(() => void sh("ip", "netns", "add", world.netns));
const api = useApi(world, cluster("tenant-a"), "--host", "0.0.0.0", "--advertise", SERVER);
afterAll(() => void sh("ip", "netns", "del", world.netns));

let kubeconfig = "";
const node = useFaultNode(async (routes) => {
  connect(routes.netns);
  kubeconfig = await api.kubeconfig();
  return { kubeconfig };
});

function connect(netns: string): void {
  sh(
    "ip",
    "-n",
    netns,
    "link",
    "add",
    "api0",
    "type",
    "veth",
    "peer",
    "api0",
    "netns",
    world.netns,
  );
  for (const [where, address] of [
    [netns, NODE],
    [world.netns, SERVER],
  ] as const) {
    sh("ip", "-n", where, "addr", "add", `${address}/24`, "dev", "api0");
    sh("ip", "-n", where, "link", "set", "api0", "up");
  }
}

/** The node's pods as the API server has them; team-a/web-0 asks for this tenant. */
function cluster(tenant: string): string {
  const pod = (n: number, namespace: string, name: string, annotations: object): string =>
    JSON.stringify({
      ...{ apiVersion: "v1", kind: "Pod", spec: { nodeName: "n1" } },
      metadata: { namespace, name, annotations, uid: `6c2a5b0e-54b1-4f43-8f0a-00000000000${n}` },
    });
  const namespaces = ["default", "team-a", "plain"].map((name) =>
    JSON.stringify({ apiVersion: "v1", kind: "Namespace", metadata: { name } }),
  );
  return documents(
    RBAC,
    ...namespaces.map((each) => `${each}\n`),
    `${pod(1, "team-a", "web-0", { [KEY]: tenant })}\n`,
    `${pod(2, "plain", "client-0", {})}\n`,
  );
}

/** So many days from now, as OpenSSL writes it. */
function day(days: number): string {
  const date = new Date(Date.now() + days * 24 * 60 * 60 * 1000);
  return `${date.toISOString().slice(0, 19).replace(/[-:T]/g, "")}Z`;
}

function codes(): readonly string[] {
  return node.status().findings.map(({ code }) => code);
}

testFaults(node, [
  {
    title: "kubeconfig is missing",
    code: "TR0501",
    provoke: ({ run }) => void run(`mv ${kubeconfig} ${kubeconfig}.away`),
    remedy: /^Put the kubelet's kubeconfig at /,
    end: ({ run }) => void run(`mv ${kubeconfig}.away ${kubeconfig}`),
  },
  {
    title: "kubeconfig mode 666",
    code: "TR0502",
    provoke: ({ run }) => void run(`chmod 666 ${kubeconfig}`),
    remedy: /^chmod go-w /,
  },
  {
    title: "kubeconfig of another user",
    code: "TR0503",
    provoke: ({ run }) => void run(`chown 4242 ${kubeconfig}`),
    remedy: /^chown 0 /,
  },
  {
    title: "kubeconfig that is none",
    code: "TR0504",
    provoke: ({ run }) =>
      void run(`cp ${kubeconfig} ${kubeconfig}.good; echo hello >${kubeconfig}`),
    remedy: /^Correct \S+ as the message says$/,
    end: ({ run }) => void run(`mv ${kubeconfig}.good ${kubeconfig}`),
  },
  {
    title: "client certificate has expired",
    code: "TR0505",
    provoke: () => api.rotateClient("?expired"),
    remedy: "systemctl restart kubelet",
    end: () => api.rotateClient(),
  },
  {
    title: "client certificate expires within days",
    code: "TR0506",
    provoke: () => api.rotateClient(`?from=${day(-1)}&until=${day(5)}`),
    remedy: "systemctl restart kubelet",
    end: () => api.rotateClient(),
  },
  {
    title: "the clock is before the client certificate's first day",
    code: "TR0508",
    provoke: () => api.rotateClient(`?from=${day(2)}&until=${day(300)}`),
    remedy: "systemctl restart systemd-timesyncd",
    end: () => api.rotateClient(),
  },
  {
    title: "token has expired",
    code: "TR0507",
    provoke: async ({ files }) => {
      const path = await api.kubeconfig("token-file");
      node.configure({ kubeconfig: path });
      expect(codes()).not.toContain("TR0507");
      const part = (value: object): string =>
        Buffer.from(JSON.stringify(value)).toString("base64url");
      const token = `${part({ alg: "RS256" })}.${part({ exp: 1_600_000_000 })}.c2lnbmF0dXJl`;
      files.write("/var/lib/expired", token);
      node.run(`cp /var/lib/expired ${join(dirname(path), "token")}`);
    },
    remedy: /^Write a new token to \S+\/token$/,
    end: async () => {
      await api.kubeconfig("token-file");
      expect(codes()).not.toContain("TR0507");
      node.configure();
    },
  },
  {
    title: "API server does not know the token",
    code: "TR0512",
    provoke: async () => node.configure({ kubeconfig: await api.kubeconfig("bad-token") }),
    remedy: "systemctl restart kubelet",
    end: () => node.configure(),
  },
  {
    title: "another node's token",
    code: "TR0514",
    provoke: async () => node.configure({ kubeconfig: await api.kubeconfig("token") }),
    remedy: /^Put this node's own kubeconfig at \S+, or grant its user get on pods$/,
    end: () => node.configure(),
  },
  {
    title: "API server is down",
    code: "TR0511",
    provoke: () => api.stop(),
    remedy: /^Repair the API server or the way to it: curl -k https:\/\/10\.99\.0\.1:\d+\/readyz$/,
    end: () => api.start(),
  },
  {
    title: "API server says nothing",
    code: "TR0511",
    provoke: () => void node.routes.run("iptables -A OUTPUT -d 10.99.0.1 -j DROP"),
    remedy: /^Repair the API server or the way to it/,
    end: () => void node.routes.run("iptables -D OUTPUT -d 10.99.0.1 -j DROP"),
  },
  {
    title: "API server's certificate is from another authority",
    code: "TR0513",
    provoke: () => api.show("other-ca"),
    remedy: /^Renew the server's certificate/,
    end: () => api.show("valid"),
  },
  {
    title: "API server answers with a page of a portal",
    code: "TR0516",
    provoke: () => api.fault({ kind: "nonJson" }),
    remedy: /^Check that server in \S+ is a Kubernetes API server, and its health$/,
    end: () => api.heal(),
  },
  {
    title: "annotation changed, and changes are ignored",
    code: "TR0613",
    provoke: async ({ configure }) => {
      configure({ onAnnotationChange: "ignore" });
      await api.apply(cluster("tenant-b"));
    },
    remedy: "kubectl -n team-a delete pod web-0",
    end: () => api.apply(cluster("tenant-a")),
  },
  {
    title: "namespaces 403",
    code: "TR0515",
    provoke: () =>
      api.apply(RBAC.replace('resources: ["namespaces"]', 'resources: ["configmaps"]')),
    remedy: "kubectl apply -f manifests/rbac.yaml",
    end: () => api.apply(RBAC),
  },
  {
    title: "annotation changed",
    code: "TR0614",
    provoke: () => api.apply(cluster("tenant-b")),
    remedy: "wrapper repair --apply",
    end: () => api.apply(cluster("tenant-a")),
  },
  {
    title: "annotation names no tenant",
    code: "TR0615",
    provoke: () => api.apply(cluster("tenant-z")),
    remedy: "Correct the annotation of team-a/web-0, or of its namespace",
    end: () => api.apply(cluster("tenant-a")),
  },
]);

test("an agent that does not know its pods yet says so, and is ready when it does", async () => {
  node.configure({ agent: { socket: join(node.routes.dir, "agent.sock") } });
  await api.stop();
  const agent = node.startAgent();
  try {
    await node.reaches(({ findings }) =>
      findings.some(({ code, fault }) => code === "TR0803" && fault.includes("TR0808 ")),
    );
    await api.start();
    await node.reaches(({ findings }) => findings.length === 0);
  } finally {
    agent.kill("SIGKILL");
  }
});
