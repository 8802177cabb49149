/** `wrapper drift` and `wrapper repair` against the API server: annotations that have changed on running pods. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { useApi } from "../helpers/api";
import { RBAC } from "../helpers/api-objects";
import { command } from "../helpers/command";
import type { Conf } from "../helpers/conf";
import { rulesOf } from "../helpers/node-rules";
import { createRuntime, ourList } from "../helpers/node-runtime";
import { useNode, type Pod } from "../helpers/node-world";
import { expectOk } from "../helpers/outcome";

const world = useNode({ keep: true });
const api = useApi(world, RBAC);
// Each test starts the binary up to ten times.
const conflist = (): string => join(world.dir, "10-tr.conflist");
const drift = (...args: string[]) => command(world, "drift", "--conf", conflist(), ...args);
const repair = () => command(world, "repair", "--conf", conflist(), "--apply");

async function set(name: string, annotations: object, pod?: Pod): Promise<void> {
  const metadata =
    pod === undefined
      ? { name, annotations }
      : { name, namespace: "team-a", uid: pod.uid, annotations };
  const kind = pod === undefined ? "Namespace" : "Pod";
  await api.apply(`apiVersion: v1\nkind: ${kind}\nmetadata: ${JSON.stringify(metadata)}\n`);
}

const of = (mark: string | undefined): object =>
  mark === undefined ? {} : { "tenant.routing/fwmark": mark };

/** Two pods of tenant-a: one by its own annotation, one by its namespace's. */
async function start(more: Conf = {}): Promise<{ readonly own: Pod; readonly led: Pod }> {
  const list = ourList(world, {
    iptables: "nft",
    kubeconfig: await api.kubeconfig(),
    apiTimeout: "3s",
    tenants: {
      "tenant-a": { fwmark: "0x10/0xff" },
      "tenant-b": { fwmark: "0x20/0xff" },
      "tenant-c": { fwmark: "0x30/0xff", namespaces: ["other"] },
    },
    delegate: { type: "ptp", ipMasq: false, ipam: world.ipam("10.88.0.0/24") },
    ...more,
  });
  writeFileSync(conflist(), JSON.stringify(list));
  await set("team-a", of("tenant-a"));
  const [own, led] = [world.newPod("team-a", "own-0"), world.newPod("team-a", "led-0")];
  await set("own-0", of("tenant-a"), own);
  await set("led-0", of(undefined), led);
  const runtime = createRuntime(world, list);
  for (const pod of [own, led]) expectOk(await runtime.add(pod));
  return { own, led };
}

const marks = (): readonly string[] =>
  rulesOf(world.firewall)
    .filter((line) => !line.includes(" 0x0/"))
    .map((line) => line.split(" ").slice(1).join(" "));

test("annotations of pod and namespace that have changed are named, and applied without restarting a pod", async () => {
  const { own } = await start();
  expect((await drift()).stdout).toContain("annotations of today compared");
  expect(marks()).toEqual(["own-0 0x10/0xff", "led-0 0x10/0xff"]);
  await set("own-0", of("tenant-b"), own);
  await set("team-a", of(undefined));
  const { exit, json } = await drift("-o", "json");
  expect(exit).toBe(1);
  expect(json?.["findings"]).toMatchObject([
    { code: "TR0614", subject: "team-a/led-0", fault: expect.stringContaining("asks for no mark") },
    {
      code: "TR0614",
      subject: "team-a/own-0",
      fault: expect.stringContaining("asks for tenant tenant-b"),
    },
  ]);
  const done = await repair();
  expect([done.exit, done.stderr]).toEqual([0, ""]);
  expect(done.stdout).toMatch(/own-0 .*mark 0x10\/0xff became 0x20\/0xff, tenant tenant-b/);
  expect(marks()).toEqual(["own-0 0x20/0xff"]);
  expect((await drift()).exit).toBe(0);
});

test("an annotation that is refused today changes nothing and is named", async () => {
  const { own } = await start();
  await set("own-0", of("tenant-c"), own);
  const { exit, stdout } = await drift();
  expect([exit, stdout]).toEqual([0, expect.stringContaining("TR0615 team-a/own-0: ")]);
  await repair();
  expect(marks()).toEqual(["own-0 0x10/0xff", "led-0 0x10/0xff"]);
});

test('with onAnnotationChange "ignore" the difference is a warning, and repair changes no mark', async () => {
  const { own } = await start({ onAnnotationChange: "ignore" });
  await set("own-0", of("tenant-b"), own);
  const { exit, stdout } = await drift();
  expect([exit, stdout]).toEqual([0, expect.stringContaining("TR0613 team-a/own-0 has ")]);
  expect(stdout).toContain("fix: kubectl -n team-a delete pod own-0");
  await repair();
  expect(marks()).toEqual(["own-0 0x10/0xff", "led-0 0x10/0xff"]);
});

test("without the API server it says so, compares the rest, and repairs from the records", async () => {
  await start();
  await api.stop();
  const healthy = await drift();
  expect(healthy.exit).toBe(2);
  expect(healthy.stdout).toMatch(/could not look at\s+annotations/);
  world.firewall.flush();
  const { exit, stdout } = await drift();
  expect([exit, stdout]).toEqual([1, expect.stringContaining("TR0601 team-a/led-0")]);
  const done = await repair();
  expect([done.exit, marks()]).toEqual([2, ["own-0 0x10/0xff", "led-0 0x10/0xff"]]);
  expect(done.stdout).toMatch(/could not look at annotations: /);
});

test("a pod that is another one of the same name says nothing of this one", async () => {
  const { own } = await start();
  await set("own-0", of("tenant-b"), { ...own, uid: "6c2a5b0e-54b1-4f43-8f0a-ffffffffffff" });
  expect((await drift()).exit).toBe(0);
});
