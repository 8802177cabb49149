/** Catalogue C1-C8, C17, C18 without an API server: annotations that the runtime passed, and marks. */
import { KEY, annotations, conf, marked } from "../helpers/conf";
import { useWorld } from "../helpers/harness";
import { expectError, expectOk } from "../helpers/outcome";

const world = useWorld();
const xmarks = (): readonly string[] =>
  world.firewall.ours().flatMap((line) => /--set-xmark (\S+)/.exec(line)?.[1] ?? []);

test("C1 the pod's annotation is used", async () => {
  expectOk(await world.run("ADD", { conf: conf() }));
  expect(xmarks()).toEqual(["0x10/0xff", "0x0/0xff"]);
});

test.each([[annotations(null)], [annotations({})], [annotations({ other: "x" })]])(
  "C3 no annotation of ours from the runtime (%j), no kubeconfig: the pod runs unmarked, DEL leaves nothing",
  async (change) => {
    const added = expectOk(await world.run("ADD", { conf: conf(change) }));
    expect(world.firewall.ours()).toEqual([]);
    expectOk(await world.run("CHECK", { conf: conf(change), after: added }));
    expectOk(await world.run("DEL", { conf: conf(change), after: added }));
    expect(world.leftovers()).toEqual([]);
  },
);

describe.each([
  [{ runtimeConfig: undefined }],
  [{ runtimeConfig: null }],
  [{ runtimeConfig: { portMappings: [] } }],
])("C3 the runtime does not know the capability (%j), no kubeconfig", (change) => {
  test("code 4 with the remedy, before any side effect", async () => {
    const outcome = await world.run("ADD", { conf: conf(change) });
    expectError(
      outcome,
      "invalidEnvironment",
      "team-a/web-0",
      "containerd 1.5",
      "CRI-O 1.29",
      "kubeconfig",
    );
    expect(outcome.calls).toEqual([]);
    expect(world.leftovers()).toEqual([]);
  });

  test("with onError allow: unmarked, with a warning", async () => {
    const given = conf({ onError: "allow" }, change);
    const added = expectOk(await world.run("ADD", { conf: given }));
    expect(added.stderr).toContain("did not pass the pod's annotations");
    expect(world.firewall.ours()).toEqual([]);
    expectOk(await world.run("DEL", { conf: given, after: added }));
    expect(world.leftovers()).toEqual([]);
  });
});

test("C5 annotations of the runtime that are no strings: code 7, nothing made", async () => {
  for (const value of [7, { a: 1 }, null]) {
    const outcome = await world.run("ADD", { conf: conf(annotations({ [KEY]: value })) });
    expectError(outcome, "invalidConfig");
    expect(outcome.calls).toEqual([]);
  }
});

test("C6 an empty value: code 7, no silent fallback", async () => {
  const outcome = await world.run("ADD", { conf: conf(marked("")) });
  expectError(outcome, "invalidConfig", KEY);
  expect(outcome.calls).toEqual([]);
  expect(world.leftovers()).toEqual([]);
});

const GOOD: readonly (readonly [string, string, object])[] = [
  ["0x10", "0x10/0xffffffff", {}],
  ["16", "0x10/0xffffffff", {}],
  ["0x10/0xff", "0x10/0xff", {}],
  ["16/255", "0x10/0xff", {}],
  ["0XaB/0xFF", "0xab/0xff", {}],
  ["4294967295", "0xffffffff/0xffffffff", {}],
  ["0x80000000/0x80000000", "0x80000000/0x80000000", {}],
  ["0x10", "0x10/0xff", { mask: "0xff" }],
  ["0x10/0xf0", "0x10/0xf0", { mask: 255 }],
];

test.each(GOOD)("C7 %s is the mark %s (config %j)", async (value, expected, change) => {
  expectOk(
    await world.run("ADD", {
      conf: conf(marked(value), { markReplies: true }, change as Record<string, unknown>),
    }),
  );
  expect(xmarks()).toEqual([expected]);
});

const BAD = [
  "010",
  " 0x10",
  "0x10 ",
  "1e3",
  "0b11",
  "-1",
  "+1",
  "0x100000000",
  "4294967296",
  "16abc",
  "0x",
  "0x10;reboot",
  "0",
  "0x0",
  "0x10/0",
  "0x10/",
  "/0xff",
  "0x10/0xff/0xff",
  "0x110/0xff",
  "0x10,0x20",
  "1_0",
  "１６",
  "0x10\n",
  "tenant-a",
  "$(reboot)",
  "\u001b[31m16",
];

test.each(BAD)("C7 %j is no mark: code 7, escaped, nothing made", async (value) => {
  const outcome = await world.run("ADD", { conf: conf(marked(value)) });
  const body = expectError(outcome, "invalidConfig", KEY, "team-a/web-0");
  expect(body.msg).toMatch(/^[\x20-\x7e]+$/);
  expect(outcome.calls).toEqual([]);
  expect(world.leftovers()).toEqual([]);
});

test("C7 a megabyte of annotation: code 7, truncated", async () => {
  const body = expectError(
    await world.run("ADD", { conf: conf(marked("9".repeat(1024 * 1024))) }),
    "invalidConfig",
  );
  expect(JSON.stringify(body).length).toBeLessThan(2048);
});

const tenants = {
  "tenant-a": { fwmark: "0x10/0xff", namespaces: ["team-a", "dev-*"] },
  vpn: { fwmark: "0x20/0xff" },
  closed: { fwmark: "0x30/0xff", namespaces: ["team-b"] },
};

test.each([
  ["tenant-a", "0x10/0xff"],
  ["vpn", "0x20/0xff"],
  ["0x20/0xff", "0x20/0xff"],
  ["0x20", "0x20/0xff"],
  ["32", "0x20/0xff"],
])("C8 with a catalogue of tenants, %s selects %s", async (value, expected) => {
  expectOk(await world.run("ADD", { conf: conf({ tenants }, marked(value)) }));
  expect(xmarks()[0]).toBe(expected);
});

test.each([
  "0x11/0xff",
  "0x10/0xf0",
  "0x40",
  "tenant-b",
  "TENANT-A",
  "__proto__",
  "constructor",
  "toString",
])("C8 with a catalogue, %j is refused with the tenants there are", async (value) => {
  const outcome = await world.run("ADD", { conf: conf({ tenants }, marked(value)) });
  expectError(outcome, "invalidConfig", "tenant-a", "vpn");
  expect(outcome.calls).toEqual([]);
});

test("C8 a tenant of other namespaces: refused, naming namespace, tenant and remedy; onError allow does not help", async () => {
  for (const value of ["closed", "0x30"]) {
    const outcome = await world.run("ADD", {
      conf: conf({ tenants, onError: "allow" }, marked(value)),
    });
    expectError(outcome, "tenantForbidden", "team-a", "closed", "team-b");
    expect(outcome.calls).toEqual([]);
  }
});

test("C8 an invalid value is refused with onError allow too", async () => {
  expectError(
    await world.run("ADD", { conf: conf({ onError: "allow" }, marked("nonsense")) }),
    "invalidConfig",
  );
});

test("C8 a namespace that the glob matches may use the tenant", async () => {
  const env = { CNI_ARGS: "K8S_POD_NAMESPACE=dev-7;K8S_POD_NAME=web-0" };
  expectOk(await world.run("ADD", { conf: conf({ tenants }, marked("tenant-a")), env }));
});

test("C8 a guarded tenant without a namespace in CNI_ARGS: refused", async () => {
  const outcome = await world.run("ADD", {
    conf: conf({ tenants }, marked("tenant-a")),
    env: { CNI_ARGS: "" },
  });
  expectError(outcome, "invalidEnvironment", "K8S_POD_NAMESPACE");
});

test("C8 marks, the fwmark plugin's spelling, with its annotation key", async () => {
  const marks = { vpn: { mark: 16, mask: 16 }, all: { mark: 32 } };
  const given = (value: string) => conf({ marks }, annotations({ "cni.fwmark.net/name": value }));
  expectOk(await world.run("ADD", { conf: given("vpn") }));
  expectOk(await world.run("ADD", { conf: given("all"), ip: "10.77.0.6/24" }));
  expect(xmarks()).toEqual(["0x10/0x10", "0x0/0x10", "0x20/0xffffffff", "0x0/0xffffffff"]);
});

test("C8 of several keys the first that is present decides, even if it is wrong", async () => {
  const annotationKey = ["first", "second"];
  expectOk(
    await world.run("ADD", {
      conf: conf({ annotationKey }, annotations({ second: "0x20", other: "x" })),
    }),
  );
  expect(xmarks()[0]).toBe("0x20/0xffffffff");
  const outcome = await world.run("ADD", {
    conf: conf({ annotationKey }, annotations({ second: "0x20", first: "" })),
  });
  expectError(outcome, "invalidConfig", "first");
});

test("C8 an exempt namespace: no lookup, no rule, whatever the annotation says", async () => {
  const given = conf(
    { exemptNamespaces: ["team-*"], kubeconfig: "/does/not/exist" },
    marked("nonsense"),
  );
  expectOk(await world.run("ADD", { conf: given }));
  expect(world.firewall.ours()).toEqual([]);
});

test.each(["", "IgnoreUnknown=1;K8S_POD_NAME=web-0", "IgnoreUnknown=1;K8S_POD_NAMESPACE=team-a"])(
  "C17 CNI_ARGS %j and no annotations from the runtime: code 4 naming the variables",
  async (args) => {
    const given = conf({ runtimeConfig: undefined, kubeconfig: "/etc/kubernetes/kubelet.conf" });
    const outcome = await world.run("ADD", { conf: given, env: { CNI_ARGS: args } });
    expectError(outcome, "invalidEnvironment", "K8S_POD_NAME", "K8S_POD_NAMESPACE");
    expect(outcome.calls).toEqual([]);
  },
);

test.each(["../../secrets/x", "a?b", "%2e", "a/b", "a b", "A", "-a", "x".repeat(254), "a\nb", "é"])(
  "C18 K8S_POD_NAME %j: code 4, nothing asked, nothing made",
  async (name) => {
    const env = { CNI_ARGS: `IgnoreUnknown=1;K8S_POD_NAMESPACE=team-a;K8S_POD_NAME=${name}` };
    const outcome = await world.run("ADD", { conf: conf(), env });
    expectError(outcome, "invalidEnvironment", "K8S_POD_NAME");
    expect(outcome.calls).toEqual([]);
  },
);

test("C18 DEL cleans up whatever K8S_POD_NAME says", async () => {
  const added = expectOk(await world.run("ADD", { conf: conf() }));
  expectOk(
    await world.run("DEL", {
      conf: conf(),
      after: added,
      env: { CNI_ARGS: "K8S_POD_NAMESPACE=../x;K8S_POD_NAME=%2e" },
    }),
  );
  expect(world.leftovers()).toEqual([]);
});
