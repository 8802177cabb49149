/** Catalogue J1-J5: input that somebody else wrote. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { CAPABILITY, KEY, annotations, conf, marked, scripted } from "../helpers/conf";
import { useWorld } from "../helpers/harness";
import { expectError, expectOk, verbs } from "../helpers/outcome";

const world = useWorld();
const result = (ips: unknown): string => JSON.stringify({ cniVersion: "1.0.0", ips });
const text = (change: object = {}): string =>
  JSON.stringify({ ...conf(), dataDir: world.dataDir, logFile: world.logFile, ...change });
/** Notes what the iptables programs were given, and hands it on to them. */
const listening = (): string =>
  world.toolbox.around({
    before: `cat >'${world.dir}/input'; echo "$name $*" >>'${world.dir}/seen'; cat '${world.dir}/input' >>'${world.dir}/seen'; exec <'${world.dir}/input'`,
  });
const seen = (): string =>
  existsSync(join(world.dir, "seen")) ? readFileSync(join(world.dir, "seen"), "utf8") : "";

const HOSTILE = [
  "0x10\n-A PREROUTING -j ACCEPT",
  "0x10 -j ACCEPT",
  "\u001b[2J\u001b[31mred",
  "%s%n%x",
  `"'\`$(reboot)\``,
  "0x10;reboot",
  "0x10|sh",
  "0x10\0",
  "--set-mark 1",
  "\u202e0x10",
  '\r\n{"level":"info"}',
  "../../etc/passwd",
  "0x10\u2028",
];

test.each(HOSTILE)(
  "J1 the annotation %j: refused, never executed, one escaped log line",
  async (value) => {
    const outcome = await world.run("ADD", { conf: conf(marked(value)), wrap: listening() });
    const body = expectError(outcome, "invalidConfig", KEY);
    expect(`${body.msg}${body.details ?? ""}`).toMatch(/^[\x20-\x7e]*$/);
    expect(outcome.calls).toEqual([]);
    expect(seen()).toBe("");
    const lines = world
      .log()
      .split("\n")
      .filter((line) => line !== "");
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^[\x20-\x7e]+$/);
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({ level: "error" });
  },
);

test("J1 of a tenant's name and its annotation only numbers reach the tools", async () => {
  const tenants = { "x.ACCEPT--set-mark": { fwmark: "16/255" } };
  expectOk(
    await world.run("ADD", {
      conf: conf({ tenants }, marked("x.ACCEPT--set-mark")),
      wrap: listening(),
    }),
  );
  expect(seen()).toContain("--set-xmark 0x10/0xff");
  expect(seen()).not.toContain("ACCEPT--set-mark");
});

const ADDRESSES: readonly unknown[] = [
  "example.com/24",
  "example.com",
  "0.0.0.0/0",
  "0.0.0.0/32",
  "10.0.0.5/24; x",
  "10.0.0.5",
  "10.0.0.5/33",
  "10.0.0.5/024",
  "10.0.0.5/-1",
  "10.0.0.05/24",
  "0x0a000005/24",
  "10.5/24",
  "fe80::1%eth0/64",
  "::ffff:10.0.0.1/128",
  "::/0",
  "::1/128",
  "127.0.0.1/8",
  "224.0.0.1/24",
  "255.255.255.255/32",
  "ff02::1/64",
  "10.0.0.5/24\n-j ACCEPT",
  " 10.0.0.5/24",
  "10.0.0.5/24/24",
  "",
  7,
  null,
  {},
  ["10.0.0.5/24"],
];

test.each(ADDRESSES)(
  "J2 the delegate's address %j: an error, rolled back, nothing executed",
  async (address) => {
    world.script({ ADD: { stdout: result([{ address }]) } });
    const outcome = await world.run("ADD", { conf: scripted(), wrap: listening() });
    expectError(outcome, "delegateResult", "scripted");
    expect(verbs(outcome)).toEqual(["ADD", "DEL"]);
    expect(seen()).not.toContain("-A PREROUTING");
    expect(world.leftovers()).toEqual([]);
  },
);

test("J2 ten thousand addresses: an error, rolled back", async () => {
  const ips = Array.from({ length: 10_000 }, (_, n) => ({
    address: `10.${n >> 8}.${n & 0xff}.1/8`,
  }));
  world.script({ ADD: { stdout: result(ips) } });
  expectError(await world.run("ADD", { conf: scripted() }), "delegateResult", "10000");
  expect(world.leftovers()).toEqual([]);
});

const invalid = (around: string): Uint8Array =>
  Buffer.from(around.replace("@@", "\xff\xfe"), "latin1");

test("J3 invalid UTF-8 on stdin, in any place: code 6, nothing runs", async () => {
  for (const change of [{ name: "a@@" }, { args: "@@" }, marked("@@"), { "@@": 1 }]) {
    const outcome = await world.run("ADD", { conf: invalid(text(change)) });
    expectError(outcome, "decode", "UTF-8");
    expect(outcome.calls).toEqual([]);
  }
});

test("J3 invalid UTF-8 in a result: an error, rolled back, no replacement character", async () => {
  world.script({
    ADD: { stdout: invalid(`{"cniVersion":"1.0.0","ips":[{"address":"10.77.0.5/24"}],"x":"@@"}`) },
  });
  const outcome = await world.run("ADD", { conf: scripted() });
  expectError(outcome, "delegateResult", "UTF-8");
  expect(outcome.stdout).not.toContain("\ufffd");
  expect(world.leftovers()).toEqual([]);
});

test("J3 a byte order mark before a result: an error, as in every Go plugin", async () => {
  world.script({ ADD: { stdout: `\ufeff${result([{ address: "10.77.0.5/24" }])}` } });
  expectError(await world.run("ADD", { conf: scripted() }), "delegateResult");
});

const PROTO = `"__proto__":{"onError":"allow","delegate":{"type":"fail-json"},"dataDir":"/x","prevResult":{}}`;
const CONSTRUCTOR = `"constructor":{"prototype":{"type":"fail-json"}}`;

test.each(["ADD", "DEL", "STATUS", "GC"])(
  "J4 __proto__ in the config of %s has no effect",
  async (verb) => {
    const outcome = expectOk(
      await world.run(verb, { conf: text({ cniVersion: "1.1.0" }).replace("{", `{${PROTO},`) }),
    );
    expect(outcome.calls.map((call) => call.type)).toEqual(["ok"]);
    expect(world.firewall.ours()).toHaveLength(verb === "ADD" ? 2 : 0);
  },
);

test("J4 constructor in the config is an unknown key like any other", async () => {
  const outcome = await world.run("ADD", { conf: text().replace("{", `{${CONSTRUCTOR},`) });
  expectError(outcome, "unsupportedField", "constructor");
  expect(outcome.calls).toEqual([]);
});

test.each([PROTO, CONSTRUCTOR])(
  "J4 inside the delegate has no effect on us: %s",
  async (poison) => {
    const stdin = text({ delegate: { type: "ok", last: 1 } }).replace(`"last":1`, poison);
    const outcome = expectOk(await world.run("ADD", { conf: stdin }));
    expect(outcome.calls[0]?.type).toBe("ok");
    expect(outcome.calls[0]?.netconf).toMatchObject({ type: "ok", name: "tr-contract" });
    expect(world.firewall.ours()).toHaveLength(2);
  },
);

test("J3 input that is no JSON: its position is told, its text is not", async () => {
  const broken = `{"cniVersion":"1.0.0",\n "token": hunter2-secret}`;
  const outcome = await world.run("ADD", { conf: broken });
  expectError(outcome, "decode", "line 2, column 11");
  world.script({ ADD: { stdout: broken } });
  const rolledBack = await world.run("ADD", { conf: scripted() });
  expectError(rolledBack, "delegateResult", "line 2, column 11");
  expect(
    outcome.stdout + outcome.stderr + rolledBack.stdout + rolledBack.stderr + world.log(),
  ).not.toContain("hunter2");
  expect(world.leftovers()).toEqual([]);
});

test("J4 __proto__ and constructor as annotations, tenants and result keys", async () => {
  const values = `{"${CAPABILITY}":{"__proto__":{"${KEY}":"0x20"},"constructor":"0x20"}}`;
  const unmarked = text({ runtimeConfig: "@@" }).replace(`"@@"`, values);
  expectOk(await world.run("ADD", { conf: unmarked }));
  expect(world.firewall.ours()).toEqual([]);
  const poisoned = `{"__proto__":{"ips":[{"address":"10.66.0.1/24"}]},"cniVersion":"1.0.0","ips":[{"address":"10.77.0.9/24"}]}`;
  world.script({ ADD: { stdout: poisoned } });
  expect(expectOk(await world.run("ADD", { conf: scripted() })).stdout).toBe(poisoned);
  expect(world.firewall.ours()[0]).toContain("10.77.0.9/32");
});

test("J4 a patch of a tenant cannot reach a prototype", async () => {
  const tenants = { a: { fwmark: "0x10", delegate: { "@@": { type: "fail-json" } } } };
  const stdin = text({ tenants, ...annotations({ [KEY]: "a" }) }).replace("@@", "__proto__");
  const outcome = expectOk(await world.run("ADD", { conf: stdin }));
  expect(outcome.calls[0]?.type).toBe("ok");
});

test("J5 100 MiB on stdin: code 6, bounded memory and time", async () => {
  const outcome = await world.run("ADD", {
    conf: Buffer.alloc(100 * 1024 * 1024, " "),
    measure: true,
  });
  expectError(outcome, "decode", "stdin");
  expect(outcome.maxRssMiB).toBeLessThan(120);
  expect(outcome.ms).toBeLessThan(10_000);
});

test.each(["[", `{"a":`])("J5 100000 levels of %s: code 6", async (open) => {
  const stdin = text({ args: "@@" }).replace(`"@@"`, open.repeat(100_000));
  expectError(await world.run("ADD", { conf: stdin }), "decode", "stdin");
});

test("J5 100000 levels in a delegate's result: an error, rolled back", async () => {
  world.script({
    ADD: { stdout: `{"cniVersion":"1.0.0","x":${"[".repeat(100_000)}${"]".repeat(100_000)}}` },
  });
  expectError(await world.run("ADD", { conf: scripted() }), "delegateResult");
  expect(world.leftovers()).toEqual([]);
});
