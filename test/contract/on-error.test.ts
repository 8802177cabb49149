/** onError: which failures `allow` lets pass with an unmarked pod, and which it never does. */
import { rmSync } from "node:fs";
import { useApi } from "../helpers/api";
import { CLUSTER, documents, namespace, pod } from "../helpers/api-objects";
import { conf, marked, type Conf } from "../helpers/conf";
import { POD_UID, useWorld } from "../helpers/harness";
import { expectError, expectNothingMade, expectOk, type Outcome } from "../helpers/outcome";
import type { Fault } from "../apiserver/faults";
import { iptablesTest } from "../helpers/mode";

const world = useWorld();
const api = useApi(world, CLUSTER);

// Without nft nothing can rule out that another tenant's mark is there, so ADD fails after all.
iptablesTest(
  "onError allow starts the pod unmarked when the rules fail, with a warning on stderr and in the log",
  async () => {
    const wrap = world.toolbox.failing("boom");
    const outcome = expectOk(await world.run("ADD", { conf: conf({ onError: "allow" }), wrap }));
    expect(outcome.stderr).toContain("boom");
    expect(world.log()).toMatch(/"level":"warn".*boom/);
    expect(world.firewall.ours()).toEqual([]);
    expectOk(await world.run("CHECK", { conf: conf({ onError: "allow" }), after: outcome }));
    expectOk(await world.run("DEL", { conf: conf({ onError: "allow" }), after: outcome }));
    expect(world.leftovers()).toEqual([]);
  },
);

describe.each([
  [{ runtimeConfig: undefined }],
  [{ runtimeConfig: null }],
  [{ runtimeConfig: { portMappings: [] } }],
])("where the runtime does not know the capability (%j) and no kubeconfig is set", (change) => {
  test("onError deny is code 4 with the remedy, before any side effect", async () => {
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

  test("onError allow starts the pod unmarked, with a warning", async () => {
    const given = conf({ onError: "allow" }, change);
    const added = expectOk(await world.run("ADD", { conf: given }));
    expect(added.stderr).toContain("did not pass the pod's annotations");
    expect(world.firewall.ours()).toEqual([]);
    expectOk(await world.run("DEL", { conf: given, after: added }));
    expect(world.leftovers()).toEqual([]);
  });
});

test("onError allow does not accept an invalid annotation", async () => {
  expectError(
    await world.run("ADD", { conf: conf({ onError: "allow" }, marked("nonsense")) }),
    "invalidConfig",
  );
});

async function add(...changes: Conf[]): Promise<Outcome> {
  const kubeconfig = await api.kubeconfig("kubelet");
  return world.run("ADD", { conf: conf({ kubeconfig, runtimeConfig: undefined }, ...changes) });
}

test("onError allow starts the pod unmarked when the API server is stopped, with a warning", async () => {
  await api.stop();
  const outcome = expectOk(await add({ onError: "allow", apiTimeout: "1s" }));
  expect(world.firewall.ours()).toEqual([]);
  expect(outcome.stderr).toMatch(/ECONNREFUSED|did not answer in time/);
  expect(world.log()).toMatch(/"level":"warn"/);
});

const mark = (): string | undefined =>
  /--set-xmark (\S+)/.exec(world.firewall.ours()[0] ?? "")?.[1];

test.each(["deny", "allow"])(
  "as many annotations as a pod may have, each byte six in JSON, do not hide the namespace's tenant with onError %s",
  async (onError) => {
    await api.apply(documents(namespace("0x20/0xff"), pod({ other: "\x01".repeat(250 * 1024) })));
    expectOk(await add({ onError }));
    expect(mark()).toBe("0x20/0xff");
  },
);

test.each<[string, Fault]>([
  ["more than an object can have", { kind: "huge", bytes: 5_000_000 }],
  ["no JSON", { kind: "nonJson" }],
  ["nothing", { kind: "empty" }],
  ["another encoding than asked for", { kind: "huge", bytes: 5000, gzip: true }],
  [
    "annotations that are no strings",
    {
      kind: "body",
      text: `{"kind":"Pod","metadata":{"name":"web-0","namespace":"team-a","uid":"${POD_UID}","annotations":{"a":1}}}`,
    },
  ],
])(
  "onError allow does not accept %s as the pod's answer, so that no owner gets rid of a tenant by it",
  async (_, fault) => {
    await api.apply(namespace("0x20/0xff"));
    await api.fault({ ...fault, path: "*/pods/*" } as Fault);
    const outcome = await add({ onError: "allow" });
    expectError(outcome, "apiAnswer", "team-a/web-0");
    expectNothingMade(world, outcome);
  },
);

test("onError allow does not hide which certificate was wrong", async () => {
  await api.show("other-ca");
  const outcome = expectOk(await add({ onError: "allow", apiTimeout: "3s" }));
  expect(outcome.stderr).toContain("certificate");
  expect(world.firewall.ours()).toEqual([]);
  rmSync(world.logFile, { force: true });
});
