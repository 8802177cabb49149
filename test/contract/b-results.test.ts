/** Catalogue B9-B12, B17, B20: what a delegate answers, and what becomes of it. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { annotations, conf, scripted } from "../helpers/conf";
import { useWorld } from "../helpers/harness";
import { expectError, expectOk, verbs } from "../helpers/outcome";

const world = useWorld();
const IP = { address: "10.77.0.5/24", interface: 0 };
const result = (cniVersion: string | undefined, ip: object = IP): object => ({
  ...(cniVersion === undefined ? {} : { cniVersion }),
  interfaces: [{ name: "eth0", sandbox: world.podNetns }],
  ips: [ip],
  dns: {},
});
const answer = (body: object | string): void =>
  world.script({ ADD: { stdout: typeof body === "string" ? body : JSON.stringify(body) } });

test("B9 the rules fail after the delegate succeeded: delegate DEL with its result, nothing left", async () => {
  const wrap = world.toolbox.around({ before: "echo 'boom: kernel says no' >&2; exit 1" });
  const outcome = await world.run("ADD", { conf: conf({ cniVersion: "1.0.0" }), wrap });
  expectError(outcome, "rules", "boom: kernel says no", "team-a/web-0");
  expect(verbs(outcome)).toEqual(["ADD", "DEL"]);
  expect(outcome.calls[1]?.netconf["prevResult"]).toMatchObject({
    ips: [{ address: "10.77.0.5/24" }],
  });
  expect(world.leftovers()).toEqual([]);
});

test("B9 onError allow: the pod starts unmarked, a warning is on stderr and in the log", async () => {
  const wrap = world.toolbox.around({ before: "echo boom >&2; exit 1" });
  const outcome = expectOk(await world.run("ADD", { conf: conf({ onError: "allow" }), wrap }));
  expect(outcome.stderr).toContain("boom");
  expect(world.log()).toMatch(/"level":"warn".*boom/);
  expect(world.firewall.ours()).toEqual([]);
  expectOk(await world.run("CHECK", { conf: conf({ onError: "allow" }), after: outcome }));
  expectOk(await world.run("DEL", { conf: conf({ onError: "allow" }), after: outcome }));
  expect(world.leftovers()).toEqual([]);
});

test.each([undefined, ""])(
  "B10 a result whose cniVersion is %j gets the config's",
  async (version) => {
    answer(result(version));
    const outcome = expectOk(await world.run("ADD", { conf: scripted() }));
    expect(outcome.json).toEqual(result("1.0.0"));
    expect(world.firewall.ours()).toHaveLength(2);
  },
);

test("B10 a result in the config's version is printed byte for byte, unknown fields and big numbers too", async () => {
  const bytes = `\n {"x":9007199254740993,"cniVersion" : "1.0.0","ips":[{"address":"10.77.0.5/24"}],"é":"\\u00e9"}\t\n`;
  answer(bytes);
  expect(expectOk(await world.run("ADD", { conf: scripted() })).stdout).toBe(bytes);
});

test.each([
  ["0.3.1", "1.0.0"],
  ["0.4.0", "1.1.0"],
])(
  "B11 a result in %s for a config in %s is converted, version fields and all",
  async (from, to) => {
    answer(result(from, { version: "4", ...IP, gateway: "10.77.0.1" }));
    const outcome = expectOk(await world.run("ADD", { conf: scripted({ cniVersion: to }) }));
    expect(outcome.json).toMatchObject({
      cniVersion: to,
      ips: [{ address: "10.77.0.5/24", interface: 0, gateway: "10.77.0.1" }],
    });
    expect(JSON.stringify(outcome.json?.["ips"])).not.toContain("version");
  },
);

test("B11 a legacy result for 1.0.0: ip4 becomes ips", async () => {
  answer({
    cniVersion: "0.2.0",
    ip4: { ip: "10.77.0.5/24", gateway: "10.77.0.1", routes: [{ dst: "0.0.0.0/0" }] },
  });
  const outcome = expectOk(await world.run("ADD", { conf: scripted() }));
  expect(outcome.json).toMatchObject({
    cniVersion: "1.0.0",
    ips: [{ address: "10.77.0.5/24", gateway: "10.77.0.1" }],
    routes: [{ dst: "0.0.0.0/0" }],
  });
  expect(world.firewall.ours()).toHaveLength(2);
});

test("B11 a newer result for 0.3.1: version fields come, 1.1 fields go", async () => {
  const newer = result("1.1.0", { address: "fd00::5/64", interface: 0 }) as {
    interfaces: object[];
  };
  newer.interfaces[0] = { ...newer.interfaces[0], mtu: 1400 };
  answer(newer);
  const outcome = expectOk(await world.run("ADD", { conf: scripted({ cniVersion: "0.3.1" }) }));
  expect(outcome.json).toMatchObject({
    cniVersion: "0.3.1",
    ips: [{ version: "6", address: "fd00::5/64" }],
  });
  expect(JSON.stringify(outcome.json)).not.toContain("mtu");
});

test("B11 the next plugin of the list, a real portmap, takes a converted result", async () => {
  const portmap = ["/usr/lib/cni/portmap", "/opt/cni/bin/portmap"].find((path) => existsSync(path));
  if (portmap === undefined)
    throw new Error("portmap is missing: apt-get install containernetworking-plugins");
  answer(result("0.3.1", { version: "4", ...IP }));
  const outcome = expectOk(await world.run("ADD", { conf: scripted() }));
  const env = {
    CNI_COMMAND: "ADD",
    CNI_CONTAINERID: outcome.id,
    CNI_NETNS: world.podNetns,
    CNI_IFNAME: "eth0",
    CNI_PATH: "/",
    PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
  };
  const input = JSON.stringify({
    cniVersion: "1.0.0",
    name: "x",
    type: "portmap",
    prevResult: outcome.json,
  });
  const next = execFileSync("ip", ["netns", "exec", world.netns, portmap], {
    env,
    input,
    encoding: "utf8",
  });
  expect(JSON.parse(next)).toMatchObject({
    cniVersion: "1.0.0",
    ips: [{ address: "10.77.0.5/24" }],
  });
});

const USELESS: readonly (readonly [string, string])[] = [
  ["null", "null"],
  ["a list", "[]"],
  ["text", "interface created"],
  ["a string", `"ok"`],
  ["nothing", ""],
  ["two documents", `{"cniVersion":"1.0.0"}{"cniVersion":"1.0.0"}`],
  ["half a document", `{"cniVersion":"1.0.0","ips":[`],
  ["an unknown version", `{"cniVersion":"7.0.0","ips":[{"address":"10.77.0.5/24"}]}`],
  ["a version that is a number", `{"cniVersion":1,"ips":[]}`],
  ["ips that is no list", `{"cniVersion":"1.0.0","ips":{"address":"10.77.0.5/24"}}`],
  ["no address at all", `{"cniVersion":"1.0.0"}`],
  [
    "an address of another interface only",
    `{"cniVersion":"1.0.0","interfaces":[{"name":"eth1","sandbox":"/x"}],"ips":[{"address":"10.77.0.5/24","interface":0}]}`,
  ],
];

test.each(USELESS)(
  "B12 B17 the delegate answers %s: an error, one DEL, nothing left",
  async (_, stdout) => {
    answer(stdout);
    const outcome = await world.run("ADD", { conf: scripted() });
    expectError(outcome, "delegateResult", "scripted");
    expect(verbs(outcome)).toEqual(["ADD", "DEL"]);
    expect(world.leftovers()).toEqual([]);
  },
);

test("B12 an unmarked pod needs no address in the result", async () => {
  answer(`{"cniVersion":"1.0.0"}`);
  const unmarked = scripted(annotations({}));
  expect(expectOk(await world.run("ADD", { conf: unmarked })).json).toEqual({
    cniVersion: "1.0.0",
  });
});

test("B20 a second ADD of a live attachment: refused, and the live one is untouched", async () => {
  const added = expectOk(await world.run("ADD", { conf: conf() }));
  const before = world.leftovers();
  const again = await world.run("ADD", { conf: conf(), id: added.id });
  expectError(again, "duplicateAttachment", added.id, "eth0", "team-a/web-0");
  expect(again.calls).toEqual([]);
  expect(world.leftovers()).toEqual(before);
  expectOk(await world.run("CHECK", { conf: conf(), after: added }));
  expectOk(await world.run("DEL", { conf: conf(), after: added }));
  expect(world.leftovers()).toEqual([]);
});

test("B20 the same container on another interface or network is another attachment", async () => {
  const added = expectOk(await world.run("ADD", { conf: conf() }));
  expectOk(
    await world.run("ADD", {
      conf: conf(),
      id: added.id,
      ip: "10.77.0.6/24",
      env: { CNI_IFNAME: "net1" },
    }),
  );
  expectOk(
    await world.run("ADD", {
      conf: conf({ name: "other" }),
      id: added.id,
      ip: "10.77.0.7/24",
      env: { CNI_IFNAME: "net2" },
    }),
  );
  expect(world.firewall.ours()).toHaveLength(6);
  expectOk(await world.run("DEL", { conf: conf(), after: added }));
  expect(world.firewall.ours()).toHaveLength(4);
});
