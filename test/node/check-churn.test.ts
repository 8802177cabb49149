/** `wrapper check` while pods come and go: what is under way, or has just ended, is no problem. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BINARY } from "../helpers/harness";
import { launch } from "../helpers/launch";
import {
  ASKS,
  annotated,
  createRuntime,
  ourList,
  type Conflist,
  type Runtime,
} from "../helpers/node-runtime";
import { PLUGINS, useNode, type Pod } from "../helpers/node-world";
import { expectOk, type Outcome } from "../helpers/outcome";
import { until } from "../helpers/shell";

const world = useNode();
const LANES = 2;
const PODS_PER_LANE = 25;
let runtime: Runtime;

beforeEach(async () => {
  const tenants = { "tenant-a": { fwmark: "0x10/0xff" } };
  const list: Conflist = ourList(world, {
    ...ASKS,
    iptables: "nft",
    tenants,
    delegate: { type: "ptp", ipMasq: false, ipam: world.ipam("10.88.0.0/24") },
  });
  writeFileSync(conflist(), JSON.stringify(list));
  runtime = createRuntime(world, list);
  expectOk(await runtime.add(world.newPod("team-a", "stays-0"), annotated("tenant-a")));
});

const conflist = (): string => join(world.dir, "10-tr.conflist");
const check = (): Promise<Omit<Outcome, "id" | "calls">> =>
  launch({
    netns: world.netns,
    command: [BINARY, "check", "--conf", conflist()],
    env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" },
    stdin: "",
    options: {},
  });

/** One pod after the other in one network namespace, each a container of its own. */
async function churn(lane: number): Promise<void> {
  const place = world.newPod("team-a", `comes-and-goes-${lane}`);
  for (let n = 0; n < PODS_PER_LANE; n++) {
    const pod = { ...place, id: world.newId() };
    expectOk(await runtime.add(pod, annotated("tenant-a")));
    expectOk(await runtime.del(pod));
  }
}

test("100 ADDs and DELs beside a loop of checks: every check exits with 0", async () => {
  let over = false;
  const lanes = Promise.all(Array.from({ length: LANES }, (_, lane) => churn(lane))).finally(
    () => (over = true),
  );
  const alarms: string[] = [];
  while (!over) {
    const { exit, stdout, stderr } = await check();
    if (exit !== 0 || stderr !== "" || !/stays-0 .* ok$/m.test(stdout))
      alarms.push(`exit ${exit}: ${stdout}${stderr}`);
  }
  await lanes;
  expect(alarms).toEqual([]);
  const { exit, stdout } = await check();
  expect([exit, stdout.match(/^team-a\//gm)?.length]).toEqual([0, 1]);
});

/** A directory for CNI_PATH with a ptp that waits for `open` before it does anything. */
function gate(): { readonly path: string; open(): void } {
  const dir = join(world.dir, "gate");
  mkdirSync(dir);
  writeFileSync(
    join(dir, "ptp"),
    `#!/bin/sh\nuntil [ -e ${dir}/open ]; do sleep 0.05; done\nexec ${PLUGINS}/ptp\n`,
    { mode: 0o755 },
  );
  return { path: `${dir}:${PLUGINS}`, open: () => writeFileSync(join(dir, "open"), "") };
}

/** Whether a record in this state names the pod. */
function isRecorded(state: string, { id }: Pod): boolean {
  const records = world
    .records()
    .filter((name) => name.endsWith(".json"))
    .map((name) => readFileSync(join(world.dataDir, name), "utf8"));
  return records.some((text) => text.includes(`"${id}"`) && text.includes(`"state":"${state}"`));
}

test("an ADD and a DEL that wait for their delegate are under way: busy, a line each, and 0", async () => {
  const [goes, comes] = [world.newPod("team-a", "goes-0"), world.newPod("team-a", "comes-0")];
  expectOk(await runtime.add(goes, annotated("tenant-a")));
  const { path, open } = gate();
  const del = runtime.del(goes, { env: { CNI_PATH: path } });
  const add = runtime.add(comes, { ...annotated("tenant-a"), env: { CNI_PATH: path } });
  await until(
    "both are at work",
    () => isRecorded("deleting", goes) && isRecorded("intent", comes),
  );
  // The DEL's rules may not be gone yet; that is the point.
  const { exit, stdout } = await check();
  expect([exit, stdout]).toEqual([0, expect.stringMatching(/^team-a\/stays-0 .* ok$/m)]);
  expect(stdout).toMatch(/^team-a\/goes-0 \(.*\): its DEL is under way \(process \d+\)$/m);
  expect(stdout).toMatch(/^team-a\/comes-0 \(.*\): its ADD is under way \(process \d+\)$/m);
  expect(stdout.match(/ busy$/gm)).toHaveLength(2);
  open();
  expectOk(await del);
  expectOk(await add);
  expect((await check()).stdout).not.toMatch(/busy|goes-0/);
});
