/** The printed router, run as it is by sh on a router of the test's own, and where packets go then. */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { writeFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { routerConfigCommand } from "../../cmd/commands/routes/router-config";
import type { PluginConf, RouterConf } from "../../conf/types";
import type { JsonObject } from "../../lib/cni/json";
import { tenantWith } from "../helpers/conf-object";
import { sh, until } from "../helpers/shell";
import { exampleConf, uplinkWith } from "../unit/lib/routes/router/example";

jest.setTimeout(60_000);
const PREFIX = `trc-${process.pid}`;
/** Network namespaces: the router, this node with its pods' addresses, what is behind each interface. */
const NAMES = ["router", "node", "wan", "vpn", "lan"] as const;
type Name = (typeof NAMES)[number];
/** Beyond wan0 and vpn0 alike: whoever answers is the way that the packets took. */
const INTERNET = "203.0.113.80";
const INTERNET6 = "2001:db8:cafe::80";
const LAN = "192.168.7.1";
const LAN6 = "fd00:7::1";
/** Of the LAN list too, but the main table knows it only by its default route. */
const FAR_LAN = "172.20.0.1";
const POD = { default: ["10.244.0.5", "2001:db8:1::5"], vpn: ["10.66.0.5", "fd66::5"] } as const;
const ROUTER: RouterConf = {
  nodes: ["10.0.0.11", "fd00::11"],
  lan: ["192.168.0.0/16", "172.20.0.0/16", "fd00::/16"],
  uplinks: {
    default: uplinkWith({ via: ["192.0.2.1", "2001:db8:2::1"] }),
    vpn: uplinkWith({
      dev: "vpn0",
      via: ["198.51.100.1", "2001:db8:66::1"],
      snat6: ["2001:db8:66::2"],
    }),
  },
};
/** [router's interface, router's addresses, the other end, its addresses] */
const LINKS: readonly (readonly [string, readonly string[], Name, readonly string[]])[] = [
  ["pods0", ["10.0.0.1/24", "fd00::1/64"], "node", ["10.0.0.11/24", "fd00::11/64"]],
  [
    "wan0",
    ["192.0.2.2/24", "2001:db8:2::2/64"],
    "wan",
    ["192.0.2.1/24", "2001:db8:2::1/64", `${INTERNET}/32`, `${INTERNET6}/128`, `${FAR_LAN}/32`],
  ],
  [
    "vpn0",
    ["198.51.100.2/24", "2001:db8:66::2/64"],
    "vpn",
    ["198.51.100.1/24", "2001:db8:66::1/64", `${INTERNET}/32`, `${INTERNET6}/128`],
  ],
  [
    "lan0",
    ["192.168.0.1/24", "fd00:1::1/64"],
    "lan",
    ["192.168.0.2/24", "fd00:1::2/64", `${LAN}/32`, `${LAN6}/128`],
  ],
];
const RESPONDER = `require("node:net").createServer((s) => { s.on("error", () => {}); s.end(process.argv[1] + " " + s.remoteAddress.replace("::ffff:", "")); }).listen(80, "::", () => console.log("ready"))`;
const ASKER = `const s = require("node:net").connect({ host: process.argv[1], port: 80, localAddress: process.argv[2] }); s.setTimeout(1500, () => { console.log("no answer"); process.exit(); }); s.on("error", (e) => console.log(e.code)); s.on("data", (d) => console.log(String(d)))`;

const processes: ChildProcess[] = [];
let dir = "";

function ip(name: Name, ...args: string[]): string {
  return sh("ip", "-n", `${PREFIX}-${name}`, ...args);
}

function inside(name: Name, ...command: string[]): string {
  return sh("ip", "netns", "exec", `${PREFIX}-${name}`, ...command);
}

/** What the other end answers to a pod with this address: who it is, and the address that it saw. */
function ask(from: string, to: string): string {
  return inside("node", process.execPath, "-e", ASKER, to, from).trim();
}

function printed(router: Partial<RouterConf> = {}, part: Partial<PluginConf> = {}): string {
  let text = "";
  routerConfigCommand(
    {
      env: {},
      args: [],
      readStdin: () => new Uint8Array(),
      stdout: (part) => void (text += part),
      coloured: () => {},
      stderr: () => {},
    },
    exampleConf({ ...ROUTER, ...router }, part),
    "nftables",
  );
  return text;
}

/** Runs it with sh on the router, from stdin as from a pipe, or as a file with arguments. */
function run(script: string, ...args: string[]): { status: number | null; output: string } {
  const file = join(dir, "router.sh");
  writeFileSync(file, script);
  const [command, input] = args.length === 0 ? [["sh"], script] : [["sh", file, ...args], ""];
  const { status, stdout, stderr } = spawnSync(
    "ip",
    ["netns", "exec", `${PREFIX}-router`, ...command],
    { input, encoding: "utf8" },
  );
  return { status, output: stdout + stderr };
}

/** Everything on the router that the script may touch. */
function snapshot(): string {
  const routes = (
    ip("router", "route", "show", "table", "all") +
    ip("router", "-6", "route", "show", "table", "all")
  ).split("\n");
  const stable = routes.filter((line) => !/fe80|ff00|^anycast|^multicast/.test(line));
  return [
    ip("router", "-d", "rule"),
    ip("router", "-6", "-d", "rule"),
    ...stable,
    inside("router", "nft", "list", "ruleset"),
  ].join("\n");
}

async function serve(name: Name): Promise<void> {
  const child = spawn(
    "ip",
    ["netns", "exec", `${PREFIX}-${name}`, process.execPath, "-e", RESPONDER, name],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  processes.push(child);
  for await (const line of createInterface({ input: child.stdout })) if (line === "ready") return;
  throw new Error(`the responder ${name} did not start`);
}

function buildNamespaces(): void {
  for (const name of NAMES) {
    sh("ip", "netns", "add", `${PREFIX}-${name}`);
    ip(name, "link", "set", "lo", "up");
  }
  // Strict, because rules by source address must not need it loose.
  inside(
    "router",
    "sh",
    "-c",
    "echo 1 >/proc/sys/net/ipv4/conf/all/rp_filter; echo 1 >/proc/sys/net/ipv4/conf/default/rp_filter; echo 0 >/proc/sys/net/ipv4/ip_forward",
  );
  for (const [device, own, name, addresses] of LINKS) {
    ip(
      "router",
      "link",
      "add",
      device,
      "type",
      "veth",
      "peer",
      "name",
      "eth0",
      "netns",
      `${PREFIX}-${name}`,
    );
    connect("router", device, own);
    connect(name, "eth0", addresses);
  }
}

function connect(name: Name, device: string, addresses: readonly string[]): void {
  ip(name, "link", "set", device, "up");
  for (const address of addresses)
    ip(name, "addr", "add", address, "dev", device, ...(address.includes(":") ? ["nodad"] : []));
}

function buildRoutes(): void {
  for (const address of Object.values(POD).flat())
    ip(
      "node",
      "addr",
      "add",
      `${address}/${address.includes(":") ? "128" : "32"}`,
      "dev",
      "lo",
      ...(address.includes(":") ? ["nodad"] : []),
    );
  ip("node", "route", "add", "default", "via", "10.0.0.1");
  ip("node", "-6", "route", "add", "default", "via", "fd00::1");
  ip("router", "route", "add", "192.168.0.0/16", "via", "192.168.0.2");
  ip("router", "-6", "route", "add", "fd00:7::/64", "via", "fd00:1::2");
  ip("lan", "route", "add", "default", "via", "192.168.0.1");
  ip("lan", "-6", "route", "add", "default", "via", "fd00:1::1");
  // The private pools too, which nobody outside would know: a packet that leaks untranslated shall be seen.
  for (const pool of ["2001:db8:1::/64", "fd66::/64"])
    ip("wan", "-6", "route", "add", pool, "via", "2001:db8:2::2");
  for (const pool of ["10.244.0.0/24", "10.66.0.0/24"])
    ip("wan", "route", "add", pool, "via", "192.0.2.2");
}

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), `${PREFIX}-`));
  buildNamespaces();
  buildRoutes();
  await Promise.all((["wan", "vpn", "lan", "node"] as const).map(serve));
});

afterEach(() => {
  for (const child of processes.splice(0)) child.kill("SIGKILL");
  for (const name of NAMES) spawnSync("ip", ["netns", "del", `${PREFIX}-${name}`]);
  rmSync(dir, { recursive: true, force: true });
});

test("each pool leaves by its own uplink and gets its answers; the LAN is reached directly; running it again changes nothing", async () => {
  expect(run(printed())).toEqual({ status: 0, output: "" });
  // The first packets wait for neighbours.
  await until("the router forwards", () => ask(POD.default[1], INTERNET6).startsWith("wan"));
  const before = snapshot();
  expect(run(printed())).toEqual({ status: 0, output: "" });
  expect(snapshot()).toBe(before);

  const answers = (to: readonly [string, string]): string[] =>
    Object.values(POD).flatMap(([v4, v6]) => [ask(v4, to[0]), ask(v6, to[1])]);
  expect(answers([INTERNET, INTERNET6])).toEqual([
    "wan 192.0.2.2",
    "wan 2001:db8:1::5",
    "vpn 198.51.100.2",
    "vpn 2001:db8:66::2",
  ]);
  expect(answers([LAN, LAN6])).toEqual([
    "lan 10.244.0.5",
    "lan 2001:db8:1::5",
    "lan 10.66.0.5",
    "lan fd66::5",
  ]);
  expect([ask(POD.default[0], FAR_LAN), ask(POD.vpn[0], FAR_LAN)]).toEqual([
    "wan 10.244.0.5",
    "wan 10.66.0.5",
  ]);
  // Not LAN, but the main table has an exact route to it.
  expect(ask(POD.vpn[0], "192.0.2.1")).toBe("wan 10.66.0.5");
  // Connections towards pods, from the LAN.
  for (const address of Object.values(POD).flat()) {
    expect(inside("lan", process.execPath, "-e", ASKER, address).trim()).toMatch(
      address.includes(":") ? /^node fd00:/ : /^node 192\.168\.0\.2$/,
    );
  }
});

test("a lost uplink stops its tenant and nobody else, and comes back with one more run", () => {
  expect(run(printed()).status).toBe(0);
  ip("router", "link", "set", "vpn0", "down");
  for (const [pod, to] of [
    [POD.vpn[0], INTERNET],
    [POD.vpn[1], INTERNET6],
  ] as const)
    expect(ask(pod, to)).toMatch(/^(?:no answer|ENETUNREACH|EHOSTUNREACH)$/);
  expect(ask(POD.default[0], INTERNET)).toBe("wan 192.0.2.2");
  expect(ask(POD.vpn[0], LAN)).toBe("lan 10.66.0.5");
  const again = run(printed());
  expect(again.status).toBe(1);
  expect(again.output).toContain(
    "ip -4 route replace default via 198.51.100.1 dev vpn0 table 200: failed",
  );
  ip("router", "link", "set", "vpn0", "up");
  ip("router", "-6", "addr", "replace", "2001:db8:66::2/64", "dev", "vpn0", "nodad");
  expect(run(printed())).toEqual({ status: 0, output: "" });
  expect(ask(POD.vpn[0], INTERNET)).toBe("vpn 198.51.100.2");
});

test("a tenant with a next hop in one family only is stopped in the other", () => {
  const vpn = uplinkWith({ dev: "vpn0", via: ["198.51.100.1"], snat6: "masquerade" });
  expect(run(printed({ uplinks: { ...ROUTER.uplinks, vpn } })).status).toBe(0);
  expect(ask(POD.vpn[0], INTERNET)).toBe("vpn 198.51.100.2");
  expect(ask(POD.vpn[1], INTERNET6)).toMatch(/^(?:no answer|ENETUNREACH|EHOSTUNREACH|EACCES)$/);
});

test("remove restores the router, and default routes of its own stay what they were", () => {
  const own = ["default", "via", "192.0.2.9", "dev", "wan0"];
  ip("router", "route", "add", ...own);
  ip("router", "-6", "route", "add", "default", "via", "2001:db8:2::9", "dev", "wan0");
  const before = snapshot();
  expect(run(printed())).toEqual({ status: 0, output: "" });
  expect(ip("router", "route", "show", "default").trim()).toBe(own.join(" "));
  expect(run(printed(), "remove")).toEqual({ status: 0, output: "" });
  expect(snapshot()).toBe(before);
  expect(run(printed(), "remove")).toEqual({ status: 0, output: "" });
  expect(run(printed(), "stop")).toEqual({
    status: 2,
    output: "usage: sh FILE [apply | remove]\n",
  });
});

test("the scripts of two nodes live side by side, and taking one away opens nothing for the other", () => {
  const second: JsonObject = {
    ipam: { ranges: [[{ subnet: "10.67.0.0/24" }], [{ subnet: "fd67::/64" }]] },
  };
  const delegate: JsonObject = {
    type: "ptp",
    ipam: { ranges: [[{ subnet: "10.245.0.0/24" }], [{ subnet: "2001:db8:3::/64" }]] },
  };
  const other = printed(
    { nodes: ["10.0.0.12", "fd00::12"] },
    { delegate, tenants: [tenantWith({ name: "vpn", table: 200, delegate: second })] },
  );
  expect(run(printed())).toEqual({ status: 0, output: "" });
  const before = snapshot();
  expect(run(other)).toEqual({ status: 0, output: "" });
  expect(ask(POD.vpn[0], INTERNET)).toBe("vpn 198.51.100.2");
  expect(run(printed(), "remove")).toEqual({ status: 0, output: "" });
  expect(ip("router", "route", "show", "table", "200")).toContain("unreachable default");
  expect(run(printed())).toEqual({ status: 0, output: "" });
  expect(run(other, "remove")).toEqual({ status: 0, output: "" });
  expect(snapshot().split("\n").sort()).toEqual(before.split("\n").sort());
  expect(ask(POD.vpn[0], INTERNET)).toBe("vpn 198.51.100.2");
});
