/** What an agent's answers and a watcher's status mean. */
import { createServer } from "node:http";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { askAgent, type Said } from "../../../../../lib/checks/agent/ask";
import { agentFindings, watcherFindings } from "../../../../../lib/checks/agent/findings";

const said = (body: string, status = 200): Said => ({ kind: "answered", status, body });
const INFO = said('tenant_routing_build_info{version="1.0.0",commit="c"} 1\n');
const WELL = {
  ...{ socket: "/s", version: "1.0.0" },
  ...{ health: said("ok"), ready: said("ok"), metrics: INFO },
};

test.each<[string, object, readonly string[]]>([
  ["all well", {}, []],
  ["nobody listens", { health: { kind: "dead", why: "ECONNREFUSED" } }, ["agent-dead"]],
  ["silence", { health: { kind: "silent" } }, ["agent-frozen"]],
  ["not ready", { ready: said("one\ntwo\n", 503) }, ["agent-not-ready", "agent-not-ready"]],
  [
    "a reason that both give",
    { health: said("x", 503), ready: said("x", 503) },
    ["agent-not-ready"],
  ],
  ["another version", { version: "1.1.0" }, ["agent-version"]],
  ["no figures", { metrics: { kind: "silent" } }, []],
])("agent: %s", (_, change, expected) => {
  expect(agentFindings({ ...WELL, ...change }).map(({ kind }) => kind)).toEqual(expected);
});

const NOW = new Date("2026-06-01T00:02:00Z");
const STATUS = { time: "2026-06-01T00:01:30Z", pid: 7, error: null };

test.each<[string, object, readonly string[]]>([
  ["at work", {}, []],
  ["ended", { pid: 8 }, ["watcher-dead"]],
  ["hangs", { time: "2026-06-01T00:00:00Z" }, ["watcher-dead"]],
  ["no time", { time: 5 }, ["watcher-dead"]],
  ["in trouble", { error: "it hurts" }, ["watcher-trouble"]],
])("watcher: %s", (_, change, expected) => {
  const bytes = Buffer.from(JSON.stringify({ ...STATUS, ...change }));
  const isAlive = (pid: number): boolean => pid === 7;
  expect(watcherFindings({ path: "/w", bytes, now: NOW, isAlive }).map(({ kind }) => kind)).toEqual(
    expected,
  );
});

test("a status that cannot be read is not taken for a good one", () => {
  const view = { path: "/w", now: NOW, isAlive: () => true };
  expect(() => watcherFindings({ ...view, bytes: Buffer.from("{") })).toThrow("/w");
  expect(() => watcherFindings({ ...view, bytes: Buffer.from("[]") })).toThrow("not a JSON object");
});

describe("one GET on a socket", () => {
  let dir = "";
  beforeEach(() => void (dir = mkdtempSync(join(tmpdir(), "ask-"))));
  afterEach(() => rmSync(dir, { recursive: true }));

  test("that answers, says nothing, and is not there", async () => {
    const path = join(dir, "s");
    const server = createServer((request, response) => {
      if (request.url === "/a") response.writeHead(503).end("why");
    });
    await new Promise<void>((resolve) => server.listen(path, resolve));
    expect(await askAgent(path, "/a", 10_000)).toEqual(said("why", 503));
    expect(await askAgent(path, "/b", 50)).toEqual({ kind: "silent" });
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    expect(await askAgent(path, "/a", 10_000)).toMatchObject({ kind: "dead" });
  });
});
