/** What a delegate answers, and what becomes of it. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { annotations, scripted } from "../helpers/conf";
import { useWorld } from "../helpers/harness";
import { expectError, expectOk, verbs } from "../helpers/outcome";

const world = useWorld();
const answer = (body: object | string): void =>
  world.script({ ADD: { stdout: typeof body === "string" ? body : JSON.stringify(body) } });
const IP = { address: "10.77.0.5/24", interface: 0 };
const result = (cniVersion: string | undefined, ip: object = IP): object => ({
  ...(cniVersion === undefined ? {} : { cniVersion }),
  interfaces: [{ name: "eth0", sandbox: world.podNetns }],
  ips: [ip],
  dns: {},
});

test.each([undefined, ""])("a result whose cniVersion is %j gets the config's", async (version) => {
  answer(result(version));
  const outcome = expectOk(await world.run("ADD", { conf: scripted() }));
  expect(outcome.json).toEqual(result("1.0.0"));
  expect(world.firewall.ours()).toHaveLength(2);
});

test("a result in the config's version is printed byte for byte, unknown fields and big numbers too", async () => {
  const bytes = `\n {"x":9007199254740993,"cniVersion" : "1.0.0","ips":[{"address":"10.77.0.5/24"}],"é":"\\u00e9"}\t\n`;
  answer(bytes);
  expect(expectOk(await world.run("ADD", { conf: scripted() })).stdout).toBe(bytes);
});

test.each([
  ["0.3.1", "1.0.0"],
  ["0.4.0", "1.1.0"],
])("a result in %s for a config in %s is converted, version fields and all", async (from, to) => {
  answer(result(from, { version: "4", ...IP, gateway: "10.77.0.1" }));
  const outcome = expectOk(await world.run("ADD", { conf: scripted({ cniVersion: to }) }));
  expect(outcome.json).toMatchObject({
    cniVersion: to,
    ips: [{ address: "10.77.0.5/24", interface: 0, gateway: "10.77.0.1" }],
  });
  expect(JSON.stringify(outcome.json?.["ips"])).not.toContain("version");
});

test("a legacy result for 1.0.0 gets ips instead of ip4", async () => {
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

test("a newer result for 0.3.1 gets version fields and loses 1.1 fields", async () => {
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

test("a real portmap as the next plugin of the list accepts a converted result", async () => {
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
  "a delegate that answers %s causes an error and one DEL, and nothing is left",
  async (_, stdout) => {
    answer(stdout);
    const outcome = await world.run("ADD", { conf: scripted() });
    expectError(outcome, "delegateResult", "scripted");
    expect(verbs(outcome)).toEqual(["ADD", "DEL"]);
    expect(world.leftovers()).toEqual([]);
  },
);

test("an unmarked pod needs no address in the result", async () => {
  answer(`{"cniVersion":"1.0.0"}`);
  const unmarked = scripted(annotations({}));
  expect(expectOk(await world.run("ADD", { conf: unmarked })).json).toEqual({
    cniVersion: "1.0.0",
  });
});

const invalid = (around: string): Uint8Array =>
  Buffer.from(around.replace("@@", "\xff\xfe"), "latin1");

test("invalid UTF-8 in a result is an error that is rolled back, without a replacement character", async () => {
  world.script({
    ADD: { stdout: invalid(`{"cniVersion":"1.0.0","ips":[{"address":"10.77.0.5/24"}],"x":"@@"}`) },
  });
  const outcome = await world.run("ADD", { conf: scripted() });
  expectError(outcome, "delegateResult", "UTF-8");
  expect(outcome.stdout).not.toContain("\ufffd");
  expect(world.leftovers()).toEqual([]);
});

test("a byte order mark before a result is an error, as in every Go plugin", async () => {
  world.script({ ADD: { stdout: `\ufeff${JSON.stringify(result("1.0.0"))}` } });
  expectError(await world.run("ADD", { conf: scripted() }), "delegateResult");
});

test("100000 levels in a delegate's result are an error that is rolled back", async () => {
  world.script({
    ADD: { stdout: `{"cniVersion":"1.0.0","x":${"[".repeat(100_000)}${"]".repeat(100_000)}}` },
  });
  expectError(await world.run("ADD", { conf: scripted() }), "delegateResult");
  expect(world.leftovers()).toEqual([]);
});
