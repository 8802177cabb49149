/** Faults of the machine, the agent and the watcher: each named with its code, and ended by what is printed. */
import { spawn, type ChildProcess } from "node:child_process";
import { join } from "node:path";
import { testFaults, useFaultNode, type FaultNode } from "../../helpers/fault-node";

const node = useFaultNode();
const fill = (dir: string): void =>
  void node.run(`dd if=/dev/zero of=${dir}/filler bs=64k 2>/dev/null || :`);
const empty = (dir: string) => (): void => void node.run(`rm ${dir}/filler`);

/** Until /usr/sbin is unmounted, the node has neither iptables nor nft. */
function hideFirewall({ run, routes }: FaultNode): void {
  const copy = join(routes.dir, "sbin");
  run(
    `cp -a /usr/sbin/. ${copy}; cd ${copy}; rm -f iptables* ip6tables* xtables* nft
    mount --bind ${copy} /usr/sbin`,
  );
}

testFaults(node, [
  {
    title: "/run full",
    code: "TR0701",
    provoke: () => fill("/run/tenant-routing"),
    remedy: "Free space there: du -xah /run | sort -h | tail",
    end: empty("/run/tenant-routing"),
  },
  {
    title: "log disk full",
    code: "TR0702",
    provoke: () => fill("/var/log/tenant-routing"),
    remedy: "Free space there: du -xah /var/log/tenant-routing | sort -h | tail",
    end: empty("/var/log/tenant-routing"),
  },
  {
    title: "log disk nearly full",
    code: "TR0703",
    provoke: () =>
      void node.run(
        "head -c $((2 * 1024 * 1024 - 90 * 1024)) /dev/zero >/var/log/tenant-routing/filler",
      ),
    remedy: "Free space there: du -xah /var/log/tenant-routing | sort -h | tail",
    end: empty("/var/log/tenant-routing"),
  },
  {
    title: "forwarding off, and no tenant has a table",
    code: "TR0704",
    provoke: ({ configure, routes }) => {
      configure({
        tenants: { "tenant-a": { fwmark: "0x10/0xff" }, "tenant-b": { fwmark: "0x20/0xff" } },
      });
      routes.set("ipv4/ip_forward", "0");
    },
    remedy: "sysctl -w net.ipv4.ip_forward=1",
  },
  {
    title: "the firewall's programs are missing",
    code: "TR0705",
    provoke: hideFirewall,
    remedy: "Install the package iptables: apt-get install iptables, or dnf install iptables",
    end: ({ run }) => void run("umount /usr/sbin"),
  },
  {
    title: "the journal's directory is open to others",
    code: "TR0706",
    provoke: () => void node.run("chmod 0755 /run/tenant-routing"),
    remedy: "chown 0:0 /run/tenant-routing && chmod 0700 /run/tenant-routing",
  },
  {
    title: "the agent's unit is enabled, and no agent is there",
    code: "TR0801",
    provoke: ({ files }) =>
      files.write(
        "/etc/systemd/system/multi-user.target.wants/tenant-routing-agent.service",
        "[Unit]\n",
      ),
    remedy: "systemctl restart tenant-routing-agent",
    end: () =>
      void node.run("rm /etc/systemd/system/multi-user.target.wants/tenant-routing-agent.service"),
  },
  {
    title: "the watcher has ended and left its status",
    code: "TR0805",
    provoke: ({ files }) =>
      files.write(
        "/run/tenant-routing-status.json",
        JSON.stringify({ time: new Date().toISOString(), pid: 2 ** 22 + 1, error: null }),
      ),
    remedy: "systemctl restart tenant-routing-routes",
    end: () => void node.run("rm /run/tenant-routing-status.json"),
  },
  {
    title: "the watcher hangs",
    code: "TR0805",
    provoke: ({ files }) =>
      files.write(
        "/run/tenant-routing-status.json",
        JSON.stringify({ time: "2026-01-01T00:00:00Z", pid: process.pid, error: null }),
      ),
    remedy: "systemctl restart tenant-routing-routes",
    end: () => void node.run("rm /run/tenant-routing-status.json"),
  },
  {
    title: "the watcher says that something is wrong",
    code: "TR0806",
    provoke: ({ files }) =>
      files.write(
        "/run/tenant-routing-status.json",
        JSON.stringify({ time: new Date().toISOString(), pid: process.pid, error: "it hurts" }),
      ),
    remedy: "Do what it says; /run/tenant-routing-status.json has all of it",
    end: () => void node.run("rm /run/tenant-routing-status.json"),
  },
]);

describe("an agent", () => {
  let agent: ChildProcess | undefined;
  const socket = (): string => join(node.routes.dir, "agent.sock");
  const kill = (): void => void agent?.kill("SIGKILL");
  afterEach(kill);

  test("that runs, is frozen, and is dead", async () => {
    node.configure({ agent: { socket: socket() } });
    agent = node.startAgent();
    await node.reaches(
      ({ findings, text }) => findings.length === 0 && text.includes("the agent answers"),
    );
    hideFirewall(node);
    await node.reaches(({ findings }) =>
      findings.some(({ code, fault }) => code === "TR0803" && fault.includes("TR0705 ")),
    );
    node.run("umount /usr/sbin");
    await node.reaches(({ findings }) => findings.length === 0);
    agent.kill("SIGSTOP");
    expect(node.status("--only agent").findings).toMatchObject([
      { code: "TR0802", remedy: "systemctl restart tenant-routing-agent" },
    ]);
    agent.kill("SIGCONT");
    await node.reaches(({ findings }) => findings.length === 0);
    const ended = new Promise((resolve) => agent?.once("exit", resolve));
    kill();
    await ended;
    expect(node.status("--only agent").findings).toMatchObject([
      { code: "TR0801", fault: expect.stringContaining("ECONNREFUSED") as string },
      // It watched the routes, too.
      { code: "TR0805", fault: expect.stringContaining("has ended") as string },
    ]);
  });

  test("of another version, for all that is asked of it", async () => {
    node.configure({ agent: { socket: socket() } });
    const answers: Readonly<Record<string, string>> = {
      "/healthz": "ok\n",
      "/readyz": "ok\n",
      "/metrics": 'tenant_routing_build_info{version="0.0.1",commit="abc"} 1\n',
    };
    // As an agent of that version would answer: one is not built for it.
    const server = spawn(process.execPath, [
      "-e",
      `require("node:http").createServer((q, r) => r.end(${JSON.stringify(answers)}[q.url]))
        .listen(${JSON.stringify(socket())}, () => console.log("listening"))`,
    ]);
    try {
      await new Promise((resolve) => server.stdout.once("data", resolve));
      const { status, findings } = node.status("--only agent");
      expect([status, findings]).toMatchObject([
        0,
        [{ code: "TR0804", remedy: "systemctl restart tenant-routing-agent" }],
      ]);
    } finally {
      server.kill("SIGKILL");
    }
  });
});
