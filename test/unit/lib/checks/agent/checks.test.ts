/** The checks of agent and watcher, with an agent on a socket and units that are enabled or not. */
import type * as Fs from "node:fs";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { agentChecks, type AgentView } from "../../../../../lib/checks/agent/checks";
import type { Looked } from "../../../../../lib/checks/run";
import { confWith, routesWith } from "../../../../helpers/conf-object";

/** Units that systemd would start. The machine's own are never looked at. */
const mockEnabled = new Set<string>();
jest.mock("node:fs", () => {
  const fs = jest.requireActual<typeof Fs>("node:fs");
  const wants = "/etc/systemd/system/multi-user.target.wants/";
  const existsSync = (path: string): boolean =>
    path.startsWith(wants) ? mockEnabled.has(path.slice(wants.length)) : fs.existsSync(path);
  return { ...fs, existsSync };
});

let dir = "";
let server: Server | undefined;
beforeEach(() => void (dir = mkdtempSync(join(tmpdir(), "agent-"))));
afterEach(async () => {
  mockEnabled.clear();
  server?.closeAllConnections();
  await new Promise((resolve) => (server === undefined ? resolve(0) : server.close(resolve)));
  server = undefined;
  rmSync(dir, { recursive: true });
});

const NOW = new Date("2026-06-01T00:00:30Z");
const socket = (): string => join(dir, "agent.sock");

function viewOf(statusFile?: string): AgentView {
  const agent = { ...confWith().agent, socket: socket() };
  const watch = { ...routesWith().watch, statusFile };
  return {
    conf: () => confWith({ agent, routes: routesWith({ watch }) }),
    ...{ clock: { now: () => NOW }, version: "1.0.0", isAlive: (pid) => pid === 7 },
  };
}

function look(name: "agent" | "watcher", statusFile?: string): Promise<Looked> {
  const check = agentChecks(viewOf(statusFile)).find((each) => each.name === name);
  if (check === undefined) throw new Error(`no check ${name}`);
  return check.look();
}

/** An agent that answers `pages`, and everything else with 200. */
async function serve(pages: Readonly<Record<string, readonly [number, string]>>): Promise<void> {
  const listening = createServer((request, response) => {
    const [status, body] = pages[request.url ?? ""] ?? [200, ""];
    response.writeHead(status).end(body);
  });
  server = listening;
  await new Promise<void>((resolve) => listening.listen(socket(), resolve));
}

test("both are of the agent's category and need nothing but this machine", () => {
  expect(agentChecks(viewOf()).map((each) => [each.name, each.category, each.local])).toEqual([
    ["agent", "agent", true],
    ["watcher", "agent", true],
  ]);
});

describe("agent", () => {
  test("none is there and none is wanted", async () => {
    mockEnabled.add("tenant-routing-routes.service");
    expect(await look("agent")).toEqual({ findings: [], skipped: "no agent on this node" });
  });

  test("its unit is enabled and its socket is not there", async () => {
    mockEnabled.add("tenant-routing-agent.service");
    expect((await look("agent")).findings).toMatchObject([
      {
        ...{ code: "TR0801", severity: "failed", subject: socket() },
        fault: `the agent at ${socket()} is not there (its unit is enabled, and there is no socket)`,
        remedy: "systemctl restart tenant-routing-agent",
      },
    ]);
  });

  test("it answers, and is of our version", async () => {
    await serve({ "/metrics": [200, 'tenant_routing_build_info{version="1.0.0"} 1\n'] });
    expect(await look("agent")).toEqual({ findings: [], summary: "the agent answers" });
  });

  test("each of its three pages is judged", async () => {
    await serve({
      "/healthz": [503, "sick\n"],
      "/readyz": [503, "not yet\n"],
      "/metrics": [200, 'tenant_routing_build_info{version="0.9.0"} 1\n'],
    });
    const { findings, summary } = await look("agent");
    expect(findings.map(({ code, fault }) => [code, fault])).toEqual([
      ["TR0803", "the agent is not ready: sick"],
      ["TR0803", "the agent is not ready: not yet"],
      ["TR0804", "the agent is version 0.9.0, and this binary is 1.0.0"],
    ]);
    expect(summary).toBe("");
  });

  test("a socket at which nobody listens", async () => {
    writeFileSync(socket(), "");
    expect((await look("agent")).findings).toMatchObject([{ code: "TR0801", subject: socket() }]);
  });
});

describe("watcher", () => {
  const write = (status: object): string => {
    const path = join(dir, "status.json");
    writeFileSync(path, JSON.stringify({ time: "2026-06-01T00:00:00Z", pid: 7, ...status }));
    return path;
  };

  test.each([undefined, "gone.json"])("status file %s: skipped", async (file) => {
    mockEnabled.add("tenant-routing-agent.service");
    const path = file && join(dir, file);
    expect(await look("watcher", path)).toEqual({
      findings: [],
      skipped: "no watcher on this node",
    });
  });

  test.each([undefined, "/nowhere/gone.json"])("enabled, status file %s: dead", async (path) => {
    mockEnabled.add("tenant-routing-routes.service");
    const { findings } = await look("watcher", path);
    expect(findings).toMatchObject([
      { code: "TR0805", remedy: "systemctl restart tenant-routing-routes", subject: path },
    ]);
    expect(findings[0]?.fault).toBe(
      `the watcher that writes ${path ?? "no status file"} is enabled and does not run`,
    );
  });

  test("at work", async () => {
    expect(await look("watcher", write({}))).toEqual({
      findings: [],
      summary: "the watcher is at work",
    });
  });

  test("its process has ended", async () => {
    const path = write({ pid: 8 });
    const { findings, summary } = await look("watcher", path);
    expect(findings).toMatchObject([
      {
        ...{ code: "TR0805", subject: path },
        fault: `the watcher that writes ${path} has ended (process 8)`,
      },
    ]);
    expect(summary).toBe("");
  });

  test("a status file that is no JSON: the look fails", async () => {
    const path = join(dir, "status.json");
    writeFileSync(path, "{");
    await expect(look("watcher", path)).rejects.toThrow(path);
  });
});
