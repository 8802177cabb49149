/** Faults of the machine, the agent and the watcher: each named with its code, and ended by what is printed. */
import { spawn, type ChildProcess } from "node:child_process";
import { join } from "node:path";
import { testFaults, useFaultNode } from "../../helpers/fault-node";

const node = useFaultNode();
const fill = (dir: string): void =>
  void node.run(`dd if=/dev/zero of=${dir}/filler bs=64k 2>/dev/null || :`);
const empty = (dir: string) => (): void => void node.run(`rm ${dir}/filler`);

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
    agent = spawn("nsenter", [
      ...["-t", String(node.holder), "-m", "-n", "--", "env", "-i"],
      ...[`PATH=${node.bin}:/usr/sbin:/usr/bin:/sbin:/bin`, "wrapper", "agent"],
    ]);
    await node.reaches(
      ({ findings, text }) => findings.length === 0 && text.includes("the agent answers"),
    );
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
});
