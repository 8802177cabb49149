import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { desiredRoutes } from "../../../../../lib/routes/plan/desired";
import type { ForwardTable } from "../../../../../lib/routes/kernel/forward";
import { createKernel, readSysctl } from "../../../../../lib/routes/kernel/kernel";
import type { Programs } from "../../../../../lib/node/programs";
import { EMPTY_RECORD } from "../../../../../lib/routes/model";
import { plain, spec, VXLAN } from "../links/rig";
import { confOf, route, rule, stateOf } from "../node-rig";

let dir: string;
let calls: string[];
let changed: string[];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "kernel-"));
  [calls, changed] = [[], []];
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const RULES = JSON.stringify([{ priority: 0, src: "all", table: "255", protocol: "2" }]);
const ROUTES = JSON.stringify([
  {
    type: "1",
    dst: "default",
    gateway: "10.0.0.1",
    dev: "eth0",
    table: "254",
    protocol: "3",
    flags: [],
  },
]);
const VX = { info_kind: "vxlan", info_data: { id: 7, port: 4789 } };
const ADDRESSES = JSON.stringify([
  { ifname: "eth0", mtu: 1500, flags: ["UP"], addr_info: [] },
  { ifname: "vx", mtu: 1450, flags: [], addr_info: [], linkinfo: VX },
  { ifname: "vx-other", mtu: 1450, flags: [], addr_info: [], linkinfo: VX },
]);
const ENTRIES = JSON.stringify([
  { mac: "00:00:00:00:00:00", dst: "10.0.0.2" },
  { mac: "00:00:00:00:00:00", dst: "10.0.0.3", vni: 9 },
]);

const forward: ForwardTable = {
  list: async () => [{ family: 4, spec: "x" }],
  change: async (op, { spec }) => void changed.push(`${op} ${spec}`),
  saved: async () => [],
};

function kernelWith(nft: string | undefined): ReturnType<typeof createKernel> {
  const answer = (args: readonly string[]): string =>
    args.includes("fdb")
      ? ENTRIES
      : args.includes("rule")
        ? RULES
        : args.includes("route")
          ? args.includes("-6")
            ? ""
            : ROUTES
          : ADDRESSES;
  const programs: Programs = {
    has: (name) => name !== "nft" || nft !== undefined,
    try: async (name, args) => (
      calls.push([name, ...args].join(" ")),
      { ok: nft !== "", stdout: nft ?? "", said: "" }
    ),
    run: async (name, args, stdin) => (
      calls.push(
        [name, ...args, ...(stdin === undefined ? [] : [JSON.stringify(stdin)])].join(" "),
      ),
      answer(args)
    ),
  };
  return createKernel(programs, forward);
}

test("the state of both families; an empty answer is an empty list", async () => {
  const state = await kernelWith(undefined).state();
  expect(state.rules.slice(0, 1)).toEqual([{ family: 4, priority: 0, table: 255, protocol: 2 }]);
  expect(state.routes).toEqual([expect.objectContaining({ family: 4, dst: "default" })]);
  expect(state.links.map(({ name }) => name)).toEqual(["eth0", "vx", "vx-other"]);
  expect(calls).toContain("ip -j -N -d -4 route show table all");
  expect([state.sysctl("net/ipv4/ip_forward"), state.sysctl("net/none")]).toEqual([
    expect.stringMatching(/^[01]$/),
    undefined,
  ]);
  expect(readSysctl("net/none")).toBeUndefined();
});

test("what is ours: tools that nothing needs are not asked", async () => {
  const plan = desiredRoutes(confOf({ tenants: { a: { fwmark: "0x10" } } }), stateOf());
  expect(await kernelWith(undefined).own(plan, EMPTY_RECORD)).toMatchObject({
    forward: [],
    natListing: undefined,
  });
  expect(calls).toEqual([]);
  const recorded = {
    ...EMPTY_RECORD,
    forward: [{ family: 4 as const, spec: "x" }],
    nat: { text: "t", listing: "l" },
  };
  expect(await kernelWith("listed").own(plan, recorded)).toMatchObject({
    forward: [{ family: 4, spec: "x" }],
    natListing: "listed",
  });
  expect(await kernelWith("").natListing()).toBeUndefined();
  expect(calls).toContain("nft -s -n list table inet tenant-routing");
});

test("files are read through it", async () => {
  writeFileSync(join(dir, "x"), "text");
  const { file } = await kernelWith(undefined).own(
    desiredRoutes(confOf(), stateOf()),
    EMPTY_RECORD,
  );
  expect([file(join(dir, "x")), file(join(dir, "y"))]).toEqual(["text", undefined]);
});

test("rules, routes, FORWARD rules and the nft table, each by its tool", async () => {
  const kernel = kernelWith("");
  await kernel.perform({ kind: "rule", op: "add", rule: rule(5, { table: 100, family: 6 }) });
  await kernel.perform({ kind: "route", op: "replace", route: route("default", { table: 100 }) });
  await kernel.perform({ kind: "forward", op: "insert", rule: { family: 4, spec: "x" } });
  await kernel.perform({ kind: "nat", text: "table x { }\n" });
  await kernel.perform({ kind: "nat", text: undefined });
  expect(calls).toEqual([
    "ip -6 rule add pref 5 lookup 100 protocol kernel",
    "ip -4 route replace default via 198.51.100.1 dev eth0 table 100 protocol 3",
    'nft -f - "table inet tenant-routing { }\\ndelete table inet tenant-routing\\ntable x { }\\n"',
    'nft -f - "table inet tenant-routing { }\\ndelete table inet tenant-routing\\n"',
  ]);
  expect(changed).toEqual(["insert x"]);
});

test("a sysctl that cannot be set: which, and why", async () => {
  await expect(
    kernelWith("").perform({ kind: "sysctl", path: "net/ipv4/none", value: "1" }),
  ).rejects.toMatchObject({
    code: 5,
    message: expect.stringMatching(/^\/proc\/sys\/net\/ipv4\/none cannot be set to 1 \(E[A-Z]+\)/),
  });
});

test("files are made with their directory, replaced at once, and removed", async () => {
  const [kernel, path] = [kernelWith(""), join(dir, "new/names.conf")];
  for (const text of ["one\n", "two\n"]) await kernel.perform({ kind: "file", path, text });
  expect([readFileSync(path, "utf8"), readdirSync(join(dir, "new"))]).toEqual([
    "two\n",
    ["names.conf"],
  ]);
  for (let n = 0; n < 2; n++) await kernel.perform({ kind: "file", path, text: undefined });
  expect(existsSync(path)).toBe(false);
});

test("a file that cannot be written: which, why, and how to do without", async () => {
  const path = join(dir, "names.conf");
  mkdirSync(path);
  await expect(kernelWith("").perform({ kind: "file", path, text: "x" })).rejects.toMatchObject({
    code: 5,
    message: expect.stringMatching(/names\.conf cannot be written \(EISDIR\): set "routes"/),
  });
  expect(readdirSync(dir)).toEqual(["names.conf"]);
});

test("links are changed with ip and bridge", async () => {
  const kernel = kernelWith("");
  await kernel.perform({ kind: "link", change: { op: "up", name: "vx" } });
  await kernel.perform({
    kind: "link",
    change: { op: "peer", name: "vx", verb: "del", address: "10.0.0.2" },
  });
  expect(calls).toEqual([
    "ip link set dev vx up",
    "bridge fdb del 00:00:00:00:00:00 dev vx dst 10.0.0.2",
  ]);
});

test("a vxlan's peers are asked for where one of its name is wanted, whoever made it", async () => {
  const wanted = ["vx", "eth0", "later"].map((name) => plain(name, VXLAN));
  const { links } = await kernelWith("").state([...wanted, spec("a")]);
  expect(links.map(({ name, facts }) => [name, facts?.peers])).toEqual([
    ["eth0", undefined],
    ["vx", ["10.0.0.2", "10.0.0.3 vni 9"]],
    ["vx-other", undefined],
  ]);
  expect(calls.filter((call) => call.startsWith("bridge"))).toEqual(["bridge -j fdb show dev vx"]);
});
