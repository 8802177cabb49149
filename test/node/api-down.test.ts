/** The API server is stopped: ADD leaves nothing or a warning, DEL needs no API at all. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { useApi } from "../helpers/api";
import type { Conf } from "../helpers/conf";
import { createRuntime, ourList, type Runtime } from "../helpers/node-runtime";
import { useNode } from "../helpers/node-world";
import { expectError, expectOk } from "../helpers/outcome";
import { PLACES, putIn } from "../helpers/firewall";

const MANIFESTS = ["rbac.yaml", "tenants.yaml"]
  .map((name) => readFileSync(join(__dirname, "../../manifests", name), "utf8"))
  .join("\n---\n");
const TENANTS = { "tenant-a": { fwmark: "0x10/0xff" }, "tenant-b": { fwmark: "0x20/0xff" } };

/** Where nobody answers. */
const IMPATIENT = { apiTimeout: "1s" };

const world = useNode({ keep: true });
const api = useApi(world, MANIFESTS);

async function runtimeFor(change: Conf = {}): Promise<Runtime> {
  const delegate = { type: "ptp", ipMasq: false, ipam: world.ipam("10.88.0.0/24") };
  return createRuntime(
    world,
    ourList(world, {
      kubeconfig: await api.kubeconfig(),
      tenants: TENANTS,
      apiTimeout: "30s",
      delegate,
      ...change,
    }),
  );
}

/** The pod of manifests/tenants.yaml, with the UID that the API server has given it. */
async function podOf(namespace: string, name: string) {
  const pod = world.newPod(namespace, name);
  await api.apply(
    `apiVersion: v1\nkind: Pod\nmetadata: { name: ${name}-${pod.netns}, namespace: ${namespace}, uid: ${pod.uid}, annotations: ${annotationsOf(name)} }\n`,
  );
  return { ...pod, name: `${name}-${pod.netns}` };
}

function annotationsOf(name: string): string {
  return name === "web-0" ? `{ tenant.routing/fwmark: tenant-a }` : "{}";
}

const marks = (): readonly (string | undefined)[] =>
  world.firewall.ours().map((rule) => /--set-xmark (\S+)/.exec(rule)?.[1]);

test.each(PLACES)(
  "while it runs the pod's annotation, the namespace's or none decides, on %s",
  async (place) => {
    const runtime = await runtimeFor(putIn(place));
    const [a, b, none] = [
      await podOf("team-a", "web-0"),
      await podOf("team-b", "api-0"),
      await podOf("plain", "client-0"),
    ];
    for (const pod of [a, b, none]) expectOk(await runtime.add(pod));
    expect(marks()).toEqual(["0x10/0xff", "0x0/0xff", "0x20/0xff", "0x0/0xff"]);
    for (const pod of [a, b, none]) expectOk(await runtime.del(pod));
    expect(world.everything()).toEqual([]);
  },
);

test("ADD fails with error 11 that names the pod and the server, and leaves no veth, address, rule or file", async () => {
  const runtime = await runtimeFor(IMPATIENT);
  const pod = await podOf("team-a", "web-0");
  await api.stop();
  const server = api.url.replace(/^https:\/\//, "").replace(/\/$/, "");
  for (let n = 0; n < 2; n++) {
    expectError(await runtime.add(pod), 11, `${pod.namespace}/${pod.name}`, server);
    expect(world.everything()).toEqual([]);
    expect(world.inside(pod, "ip", "-o", "link").trim().split("\n")).toHaveLength(1);
  }
  await api.start();
  expectOk(await (await runtimeFor()).add(pod));
  expect(marks()).toEqual(["0x10/0xff", "0x0/0xff"]);
  expectOk(await runtime.del(pod));
  expect(world.everything()).toEqual([]);
});

test('ADD with onError "allow": success without a mark, and a warning on stderr and in the log', async () => {
  const runtime = await runtimeFor({ onError: "allow", ...IMPATIENT });
  const pod = await podOf("team-a", "web-0");
  await api.stop();
  const added = expectOk(await runtime.add(pod));
  expect(added.json).toMatchObject({ ips: [{ address: "10.88.0.2/24" }] });
  expect(added.stderr).toContain(`${pod.namespace}/${pod.name}`);
  const warning = world
    .log()
    .split("\n")
    .filter((line) => line.includes('"warn') && line.includes(pod.name));
  expect(warning).not.toEqual([]);
  expect(world.firewall.ours()).toEqual([]);
  expectOk(await runtime.check(pod));
  expectOk(await runtime.del(pod));
  expect(world.everything()).toEqual([]);
});

test.each([
  ["with its netns", false],
  ["without netns and prevResult", true],
])(
  "DEL %s removes everything, succeeds three more times, and sends no request",
  async (_, gone) => {
    const runtime = await runtimeFor();
    const pod = await podOf("team-a", "web-0");
    expectOk(await runtime.add(pod));
    expect(marks()).toEqual(["0x10/0xff", "0x0/0xff"]);
    const asked = (await api.requests()).length;
    await api.stop();
    expectOk(await runtime.check(pod));
    if (gone) await world.vanish(pod);
    for (let n = 0; n < 4; n++) {
      expectOk(await runtime.del(pod, gone ? { netns: "", forgetful: true } : {}));
      expect(world.everything()).toEqual([]);
    }
    await api.start();
    expect(await api.requests()).toHaveLength(asked);
  },
);
