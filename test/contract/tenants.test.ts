/** The catalogue of tenants: who may use which mark. */
import { annotations, conf, marked } from "../helpers/conf";
import { useWorld } from "../helpers/harness";
import { expectError, expectOk } from "../helpers/outcome";

const world = useWorld();
const tenants = {
  "tenant-a": { fwmark: "0x10/0xff", namespaces: ["team-a", "dev-*"] },
  vpn: { fwmark: "0x20/0xff" },
  closed: { fwmark: "0x30/0xff", namespaces: ["team-b"] },
};
const xmarks = (): readonly string[] =>
  world.firewall.ours().flatMap((line) => /--set-xmark (\S+)/.exec(line)?.[1] ?? []);

test.each([
  ["tenant-a", "0x10/0xff"],
  ["vpn", "0x20/0xff"],
  ["0x20/0xff", "0x20/0xff"],
  ["0x20", "0x20/0xff"],
  ["32", "0x20/0xff"],
])("with a catalogue of tenants %s selects %s", async (value, expected) => {
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
])("the unknown tenant %j is refused with the tenants there are", async (value) => {
  const outcome = await world.run("ADD", { conf: conf({ tenants }, marked(value)) });
  expectError(outcome, "invalidConfig", "tenant-a", "vpn");
  expect(outcome.calls).toEqual([]);
});

test("a tenant of other namespaces is refused with namespace, tenant and remedy, with onError allow too", async () => {
  for (const value of ["closed", "0x30"]) {
    const outcome = await world.run("ADD", {
      conf: conf({ tenants, onError: "allow" }, marked(value)),
    });
    expectError(outcome, "tenantForbidden", "team-a", "closed", "team-b");
    expect(outcome.calls).toEqual([]);
  }
});

test("a namespace that the glob matches may use the tenant", async () => {
  const env = { CNI_ARGS: "K8S_POD_NAMESPACE=dev-7;K8S_POD_NAME=web-0" };
  expectOk(await world.run("ADD", { conf: conf({ tenants }, marked("tenant-a")), env }));
});

test("a guarded tenant without a namespace in CNI_ARGS is refused", async () => {
  const outcome = await world.run("ADD", {
    conf: conf({ tenants }, marked("tenant-a")),
    env: { CNI_ARGS: "" },
  });
  expectError(outcome, "invalidEnvironment", "K8S_POD_NAMESPACE");
});

test("marks, the fwmark plugin's spelling, work with its annotation key", async () => {
  const marks = { vpn: { mark: 16, mask: 16 }, all: { mark: 32 } };
  const given = (value: string) => conf({ marks }, annotations({ "cni.fwmark.net/name": value }));
  expectOk(await world.run("ADD", { conf: given("vpn") }));
  expectOk(await world.run("ADD", { conf: given("all"), ip: "10.77.0.6/24" }));
  expect(xmarks()).toEqual(["0x10/0x10", "0x0/0x10", "0x20/0xffffffff", "0x0/0xffffffff"]);
});

test("an exempt namespace gets no lookup and no rule, whatever the annotation says", async () => {
  const given = conf(
    { exemptNamespaces: ["team-*"], kubeconfig: "/does/not/exist" },
    marked("nonsense"),
  );
  expectOk(await world.run("ADD", { conf: given }));
  expect(world.firewall.ours()).toEqual([]);
});
