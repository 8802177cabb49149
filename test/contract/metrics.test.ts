/** The pages of a real agent: on its socket, on a port, and beside requests. */
import { spawn } from "node:child_process";
import { renameSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { runByAgent, startAgent, type RunningAgent } from "../helpers/agent";
import { conf, scripted, type Conf } from "../helpers/conf";
import {
  namingProblems,
  type Page,
  pageOn,
  readExposition,
  samplesOn,
} from "../helpers/exposition";
import { useWorld } from "../helpers/harness";
import { expectError, expectOk } from "../helpers/outcome";
import { sh } from "../helpers/shell";

const world = useWorld();
let agents: RunningAgent[] = [];
afterEach(async () => {
  for (const agent of agents) await agent.stop();
  agents = [];
});

async function started(agent: Conf = {}, wrap = ""): Promise<RunningAgent> {
  const running = await startAgent(world, conf(), agent, { wrap });
  agents.push(running);
  return running;
}

const page = ({ socket }: RunningAgent, path: string): Promise<Page> => pageOn(socket, path);

/** The same from the port, which is in the world's namespace. */
function pageOnPort(port: number, path: string): Promise<Page> {
  const script = `require("node:http").get("http://127.0.0.1:${port}${path}", (r) => {
    let text = ""; r.on("data", (d) => (text += d)); r.on("end", () => console.log(JSON.stringify({ status: r.statusCode, text })));
  }).on("error", (e) => console.log(JSON.stringify({ status: 0, text: e.code })));`;
  return new Promise((resolve) => {
    const args = ["netns", "exec", world.netns, process.execPath, "-e", script];
    const child = spawn("ip", args, { stdio: ["ignore", "pipe", "inherit"] });
    let out = "";
    child.stdout.on("data", (piece: Buffer) => (out += piece.toString()));
    child.on("close", () => resolve(JSON.parse(out) as Page));
  });
}

const samples = ({ socket }: RunningAgent): ReturnType<typeof samplesOn> => samplesOn(socket);

async function eventually<T>(read: () => Promise<T>, holds: (value: T) => boolean): Promise<T> {
  const deadline = Date.now() + 120_000;
  for (;;) {
    const value = await read();
    if (holds(value)) return value;
    if (Date.now() > deadline) throw new Error(`still ${JSON.stringify(value)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const total = (verb: string, outcome: string): string =>
  `tenant_routing_requests_total{verb="${verb}",outcome="${outcome}"}`;

test("requests are counted by verb and outcome, with the launcher's time", async () => {
  const agent = await started();
  const added = expectOk(await runByAgent(world, agent, "ADD", { conf: conf() }));
  expect(added.calls).toHaveLength(1);
  expectOk(await runByAgent(world, agent, "DEL", { conf: conf(), after: added }));
  expectError(await runByAgent(world, agent, "ADD", { conf: "{" }), "decode");
  world.script({ ADD: { stdout: '{"cniVersion":"1.0.0","code":4711,"msg":"no"}', exit: 1 } });
  expectError(await runByAgent(world, agent, "ADD", { conf: scripted() }), 4711);
  const shown = await eventually(
    () => samples(agent),
    (all) => all[total("ADD", "other")] === 1,
  );
  expect(shown).toMatchObject({
    [total("ADD", "ok")]: 1,
    [total("DEL", "ok")]: 1,
    [total("ADD", "6")]: 1,
    'tenant_routing_request_duration_seconds_count{verb="ADD"}': 3,
    tenant_routing_request_queue_duration_seconds_count: 3,
    tenant_routing_requests_active: 0,
    tenant_routing_queue_length: 0,
  });
  expect(shown['tenant_routing_request_duration_seconds_sum{verb="ADD"}']).toBeGreaterThan(0);
  expect(world.leftovers()).toEqual([]);
});

test("who waits and who is at work is shown meanwhile", async () => {
  const agent = await started({ requests: 1 });
  world.script({ ADD: { run: `while [ ! -e ${world.dir}/go ]; do sleep 0.05; done`, exit: 1 } });
  const asked = [1, 2, 3].map(() => runByAgent(world, agent, "ADD", { conf: scripted() }));
  await eventually(
    () => samples(agent),
    (all) =>
      all["tenant_routing_requests_active"] === 1 && all["tenant_routing_queue_length"] === 2,
  );
  writeFileSync(`${world.dir}/go`, "");
  for (const outcome of await Promise.all(asked)) expectError(outcome, "delegateFailed");
  const shown = await eventually(
    () => samples(agent),
    (all) => all[total("ADD", "101")] === 3,
  );
  expect(shown["tenant_routing_request_queue_duration_seconds_sum"]).toBeGreaterThan(0);
});

test("every line is one that scrapers read, and the build is named", async () => {
  const agent = await started();
  const { status, text } = await page(agent, "/metrics");
  expect(status).toBe(200);
  const series = readExposition(text);
  expect(namingProblems(series)).toEqual([]);
  expect(Object.keys(series["tenant_routing_build_info"]?.samples ?? {})).toEqual([
    expect.stringMatching(/version="\d+\.\d+\.\d+",commit="[0-9a-f]+/),
  ]);
});

test("the port has the same pages, and only where one is configured", async () => {
  const port = 19100;
  const agent = await started({ metricsPort: port });
  await eventually(
    async () => agent.stderr(),
    (text) => text.includes(`port ${port}`),
  );
  expect(await pageOnPort(port, "/healthz")).toEqual({ status: 200, text: "ok\n" });
  expect((await pageOnPort(port, "/metrics")).text).toContain("tenant_routing_build_info{");
  expect((await pageOnPort(port, "/other")).status).toBe(404);
  expect(await agent.stop()).toBe(0);
  expect(await pageOnPort(port, "/healthz")).toEqual({ status: 0, text: "ECONNREFUSED" });
});

test("a port that is taken does not stop the agent, which says so", async () => {
  const port = 19101;
  const first = await started({ metricsPort: port });
  await eventually(
    async () => first.stderr(),
    (text) => text.includes("serving metrics"),
  );
  const second = await startAgent(world, conf({ dataDir: `${world.dir}/other`, name: "other" }), {
    metricsPort: port,
    socket: `${world.dir}/run/second.sock`,
  }).catch((error: unknown) => error as Error);
  if (second instanceof Error) throw second;
  agents.push(second);
  await eventually(
    async () => second.stderr(),
    (text) => /EADDRINUSE.*agent\.metricsPort/.test(text),
  );
  expect(await page(second, "/healthz")).toMatchObject({ status: 200 });
});

test("the agent is not healthy once launchers do not find it", async () => {
  const agent = await started();
  const moved = `${agent.socket}.moved`;
  renameSync(agent.socket, moved);
  writeFileSync(agent.socket, "");
  for (const path of ["/healthz", "/readyz"])
    expect(await page({ ...agent, socket: moved }, path)).toMatchObject({
      status: 503,
      text: expect.stringMatching(/^TR0801 .*agent\.sock.*: systemctl restart \S+\n$/),
    });
  rmSync(agent.socket);
});

test("an agent that can program rules is ready; one that cannot is healthy, and says what to do", async () => {
  const able = await started();
  // The first look of a busy node may still be under way.
  await eventually(
    () => page(able, "/readyz"),
    ({ status, text }) => status === 200 && text === "ok\n",
  );
  expect(await able.stop()).toBe(0);
  const wrap = world.toolbox.without("iptables*", "ip6tables*", "xtables*", "nft");
  const unable = await started({}, wrap);
  expect(await page(unable, "/readyz")).toMatchObject({
    status: 503,
    text: expect.stringMatching(/^TR0705 [^\n]*install[^\n]*\n$/),
  });
  expect(await page(unable, "/healthz")).toEqual({ status: 200, text: "ok\n" });
});

test("what wrapper status would name is counted by code, and gone when it has ended", async () => {
  const forward = (value: 0 | 1): void =>
    void sh("ip", "netns", "exec", world.netns, "sysctl", "-qw", `net.ipv4.ip_forward=${value}`);
  forward(0);
  const agent = await started({ lookInterval: "1s" });
  const key = 'tenant_routing_findings{code="TR0704",severity="failed"}';
  await eventually(
    () => samples(agent),
    (all) => all[key] === 1,
  );
  forward(1);
  const later = await eventually(
    () => samples(agent),
    (all) => all[key] === undefined,
  );
  expect(later["tenant_routing_findings_age_seconds"]).toBeGreaterThanOrEqual(0);
  expect(agent.stderr()).not.toContain("cannot be looked at");
});

test("clients that send nonsense, or nothing, disturb no request", async () => {
  const agent = await started();
  const rude = Array.from({ length: 50 }, (_, n) => {
    const socket = connect(agent.socket);
    socket.on("error", () => {});
    if (n % 3 === 0) socket.write("GET /metrics HTTP/1.1\r\nx: ");
    if (n % 3 === 1) socket.write("HTTP nonsense\r\n\r\n");
    return socket;
  });
  expectOk(await runByAgent(world, agent, "ADD", { conf: conf() }));
  rude.forEach((socket) => socket.destroy());
  expect(await page(agent, "/healthz")).toEqual({ status: 200, text: "ok\n" });
});

test("a stopping agent ends the connections of scrapers", async () => {
  const agent = await started();
  const socket = connect(agent.socket);
  const ended = new Promise((resolve) => socket.on("close", resolve).on("error", () => {}));
  socket.write("GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n");
  await new Promise((resolve) => socket.once("data", resolve));
  expect(await agent.stop()).toBe(0);
  await ended;
});
