/** Annotations from the API server: which object decides, and whose pod it is. */
import { useApi } from "../helpers/api";
import { CLUSTER, documents, namespace, pod } from "../helpers/api-objects";
import { KEY, annotations, conf, type Conf } from "../helpers/conf";
import { useWorld } from "../helpers/harness";
import { expectError, expectNothingMade, expectOk, type Outcome } from "../helpers/outcome";

const world = useWorld();
const api = useApi(world, CLUSTER);

async function add(...changes: Conf[]): Promise<Outcome> {
  const kubeconfig = await api.kubeconfig("kubelet");
  return world.run("ADD", { conf: conf({ kubeconfig, runtimeConfig: undefined }, ...changes) });
}

const mark = (): string | undefined =>
  /--set-xmark (\S+)/.exec(world.firewall.ours()[0] ?? "")?.[1];
const asked = async (): Promise<readonly string[]> =>
  (await api.requests()).map((request) => request.path).sort();
const ASKED = ["/api/v1/namespaces/team-a", "/api/v1/namespaces/team-a/pods/web-0"];

test("the pod's annotation is read with one request each for pod and namespace, metadata only", async () => {
  expectOk(await add());
  expect(mark()).toBe("0x10/0xff");
  expect(await asked()).toEqual(ASKED);
  for (const { headers } of await api.requests())
    expect(headers["accept"]).toContain("as=PartialObjectMetadata");
});

test("the namespace's annotation decides when the pod has none", async () => {
  await api.apply(documents(namespace("0x20/0xff"), pod({ other: "x" })));
  expectOk(await add());
  expect(mark()).toBe("0x20/0xff");
});

test("a pod without an annotation on either runs unmarked", async () => {
  await api.apply(pod({}));
  const added = expectOk(await add());
  expect(world.firewall.ours()).toEqual([]);
  expectOk(await world.run("DEL", { conf: conf(), after: added }));
  expect(world.leftovers()).toEqual([]);
});

test("the pod's annotation wins over the namespace's", async () => {
  await api.apply(namespace("0x20/0xff"));
  expectOk(await add());
  expect(mark()).toBe("0x10/0xff");
});

test("a second key on the pod wins over the first on the namespace", async () => {
  await api.apply(documents(namespace("0x20/0xff"), pod({ second: "0x30/0xff" })));
  expectOk(await add({ annotationKey: [KEY, "second"] }));
  expect(mark()).toBe("0x30/0xff");
});

test("the API is not asked when the runtime passed the key", async () => {
  expectOk(await add(annotations({ [KEY]: "0x30/0xff" })));
  expect(mark()).toBe("0x30/0xff");
  expect(await asked()).toEqual([]);
});

test("only the namespace is asked for when the runtime passed annotations without the key", async () => {
  await api.apply(namespace("0x20/0xff"));
  expectOk(await add(annotations({ other: "x" })));
  expect(mark()).toBe("0x20/0xff");
  expect(await asked()).toEqual([ASKED[0]]);
});

test.each([null, {}])(
  "the API is asked for both when the runtime's annotations are %j",
  async (values) => {
    expectOk(await add(annotations(values)));
    expect(mark()).toBe("0x10/0xff");
    expect(await asked()).toEqual(ASKED);
  },
);

test("an empty annotation on the pod is refused with code 7, although the namespace has one", async () => {
  await api.apply(documents(namespace("0x20/0xff"), pod({ [KEY]: "" })));
  const outcome = await add();
  expectError(outcome, "invalidConfig", KEY);
  expectNothingMade(world, outcome);
});

test("a pod with another UID than the runtime's is refused with code 11, and nothing is made", async () => {
  await api.apply(pod({ [KEY]: "0x10/0xff" }, "11111111-2222-4333-8444-555555555555"));
  const outcome = await add();
  expectError(outcome, "tryAgainLater", "UID", "team-a/web-0");
  expectNothingMade(world, outcome);
});

test.each([{ "kubernetes.io/config.mirror": "hash" }, { "kubernetes.io/config.source": "file" }])(
  "another UID of a static pod (%j) is accepted",
  async (extra) => {
    await api.apply(pod({ [KEY]: "0x10/0xff", ...extra }, "11111111-2222-4333-8444-555555555555"));
    expectOk(await add());
    expect(mark()).toBe("0x10/0xff");
  },
);

test("a pod whose config source is api is no static pod", async () => {
  await api.apply(
    pod(
      { [KEY]: "0x10/0xff", "kubernetes.io/config.source": "api" },
      "11111111-2222-4333-8444-555555555555",
    ),
  );
  expectError(await add(), "tryAgainLater", "UID");
});
