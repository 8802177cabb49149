/**
 * The keys of a configuration: unknown, mistyped, wrong, and those that JavaScript treats
 * specially.
 */
import { CAPABILITY, KEY, annotations, conf, marked, scripted } from "../helpers/conf";
import { useWorld } from "../helpers/harness";
import { expectError, expectOk, verbs } from "../helpers/outcome";

const world = useWorld();

test("every verb accepts the keys of CNI and of the runtime", async () => {
  const known = conf(
    {
      cniVersion: "1.1.0",
      args: { cni: { ips: ["10.0.0.1"] }, labels: [] },
      dns: {},
      ipMasq: false,
    },
    {
      capabilities: { portMappings: true, "io.kubernetes.cri.pod-annotations": true },
      "cni.dev/x": { y: 1 },
    },
    {
      runtimeConfig: {
        ...(marked("0x10")["runtimeConfig"] as object),
        portMappings: [],
        bandwidth: null,
        cgroupPath: "/x",
      },
    },
  );
  const added = expectOk(await world.run("ADD", { conf: known }));
  expect(verbs(added)).toEqual(["ADD"]);
  expectOk(await world.run("CHECK", { conf: known, after: added }));
  expectOk(await world.run("STATUS", { conf: known }));
  expectOk(await world.run("GC", { conf: known }));
  expectOk(await world.run("DEL", { conf: known, after: added }));
});

test("a mistyped key is refused with code 2 that names key, value and the word that was meant", async () => {
  const outcome = await world.run("ADD", { conf: conf({ annotationKeys: "tenant.routing/mark" }) });
  expectError(
    outcome,
    "unsupportedField",
    "annotationKeys",
    "tenant.routing/mark",
    `"annotationKey"`,
  );
  expect(outcome.calls).toEqual([]);
});

test("all problems of a config are reported at once, each with its pointer", async () => {
  const broken = conf({ onError: "maybe", mask: "0", dataDir: "relative", delegateTimeout: 7 });
  expectError(
    await world.run("ADD", { conf: broken }),
    "invalidConfig",
    "/onError",
    "/mask",
    "/dataDir",
    "/delegateTimeout",
  );
});

test("DEL works with a mistyped key", async () => {
  const added = expectOk(await world.run("ADD", { conf: conf() }));
  expectOk(await world.run("DEL", { conf: conf({ anotationKey: "x" }), after: added }));
  expect(world.leftovers()).toEqual([]);
});

const text = (change: object = {}): string =>
  JSON.stringify({ ...conf(), dataDir: world.dataDir, logFile: world.logFile, ...change });
const PROTO = `"__proto__":{"onError":"allow","delegate":{"type":"fail-json"},"dataDir":"/x","prevResult":{}}`;

test.each(["ADD", "DEL", "STATUS", "GC"])(
  "__proto__ in the config of %s has no effect",
  async (verb) => {
    const outcome = expectOk(
      await world.run(verb, { conf: text({ cniVersion: "1.1.0" }).replace("{", `{${PROTO},`) }),
    );
    expect(outcome.calls.map((call) => call.type)).toEqual(["ok"]);
    expect(world.firewall.ours()).toHaveLength(verb === "ADD" ? 2 : 0);
  },
);

const CONSTRUCTOR = `"constructor":{"prototype":{"type":"fail-json"}}`;

test("constructor in the config is an unknown key like any other", async () => {
  const outcome = await world.run("ADD", { conf: text().replace("{", `{${CONSTRUCTOR},`) });
  expectError(outcome, "unsupportedField", "constructor");
  expect(outcome.calls).toEqual([]);
});

test.each([PROTO, CONSTRUCTOR])(
  "a special key inside the delegate has no effect on us: %s",
  async (poison) => {
    const stdin = text({ delegate: { type: "ok", last: 1 } }).replace(`"last":1`, poison);
    const outcome = expectOk(await world.run("ADD", { conf: stdin }));
    expect(outcome.calls[0]?.type).toBe("ok");
    expect(outcome.calls[0]?.netconf).toMatchObject({ type: "ok", name: "tr-contract" });
    expect(world.firewall.ours()).toHaveLength(2);
  },
);

test("__proto__ and constructor have no effect as annotations and result keys", async () => {
  const values = `{"${CAPABILITY}":{"__proto__":{"${KEY}":"0x20"},"constructor":"0x20"}}`;
  const unmarked = text({ runtimeConfig: "@@" }).replace(`"@@"`, values);
  expectOk(await world.run("ADD", { conf: unmarked }));
  expect(world.firewall.ours()).toEqual([]);
  const poisoned = `{"__proto__":{"ips":[{"address":"10.66.0.1/24"}]},"cniVersion":"1.0.0","ips":[{"address":"10.77.0.9/24"}]}`;
  world.script({ ADD: { stdout: poisoned } });
  expect(expectOk(await world.run("ADD", { conf: scripted() })).stdout).toBe(poisoned);
  expect(world.firewall.ours()[0]).toContain("10.77.0.9/32");
});

test("a tenant's patch cannot reach a prototype", async () => {
  const tenants = { a: { fwmark: "0x10", delegate: { "@@": { type: "fail-json" } } } };
  const stdin = text({ tenants, ...annotations({ [KEY]: "a" }) }).replace("@@", "__proto__");
  const outcome = expectOk(await world.run("ADD", { conf: stdin }));
  expect(outcome.calls[0]?.type).toBe("ok");
});
