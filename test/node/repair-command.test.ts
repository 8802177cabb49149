/** `wrapper drift` names what differs, and `wrapper repair` puts it right, on real rules and without restarting a pod. */
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { command, makeOld } from "../helpers/command";
import type { Conf } from "../helpers/conf";
import { useAgents } from "../helpers/node-agent";
import { ASKS, annotated, createRuntime, ourList, type Runtime } from "../helpers/node-runtime";
import { PLUGINS, useNode, type Pod } from "../helpers/node-world";
import { expectError, expectOk } from "../helpers/outcome";
import { until } from "../helpers/shell";

const world = useNode();
const agents = useAgents(world);
// Each test starts the binary up to ten times.
const conflist = (): string => join(world.dir, "10-tr.conflist");
const drift = (...args: string[]) => command(world, "drift", "--conf", conflist(), ...args);
const repair = (...args: string[]) => command(world, "repair", "--conf", conflist(), ...args);

function listWith(more: Conf = {}) {
  return ourList(world, {
    ...ASKS,
    iptables: "nft",
    tenants: { "tenant-a": { fwmark: "0x10/0xff" }, "tenant-b": { fwmark: "0x20/0xff" } },
    delegate: { type: "ptp", ipMasq: false, ipam: world.ipam("10.231.77.0/24", "fd00:231::/64") },
    ...more,
  });
}

function runtimeWith(more: Conf = {}): Runtime {
  const list = listWith(more);
  writeFileSync(conflist(), JSON.stringify(list));
  return createRuntime(world, list);
}

let web: Pod;
let api: Pod;

async function addPods(runtime: Runtime): Promise<void> {
  web = world.newPod("team-a", "web-0");
  api = world.newPod("team-b", "api-0");
  expectOk(await runtime.add(web, annotated("tenant-a")));
  expectOk(await runtime.add(api, annotated("tenant-b")));
  expectOk(await runtime.add(world.newPod("plain", "client-0"), annotated(undefined)));
}

/** All marks, in every backend. */
function marks(): string {
  const native = world.inside(
    undefined,
    "sh",
    "-c",
    "nft list table inet tenant-routing-marks 2>/dev/null | grep -v 'packets' || :",
  );
  // The order of a map's elements is nft's affair.
  const elements = native.match(/[0-9a-f.:]+ comment "[^"]*" : goto \S+/g) ?? [];
  return JSON.stringify([[...world.firewall.prerouting()].sort(), [...elements].sort()]);
}

async function codes(): Promise<readonly string[]> {
  const { json } = await drift("-o", "json");
  return (json?.["findings"] as { code: string }[]).map(({ code }) => code);
}

describe.each([
  ["iptables-nft", { iptables: "nft" }],
  ["iptables-legacy", { iptables: "legacy" }],
  ["nftables", { backend: "nftables" }],
])("on %s", (name, backend) => {
  test("all marks flushed: named, planned without a change, put back, and then there is nothing to do", async () => {
    await addPods(runtimeWith(backend));
    const before = marks();
    expect([(await drift()).exit, await codes()]).toEqual([0, []]);
    if (name === "nftables") world.inside(undefined, "nft", "flush ruleset");
    else world.firewall.flush();
    const flushed = marks();
    expect(flushed).not.toBe(before);
    const found = await drift();
    expect(found.exit).toBe(1);
    expect(found.stdout).toMatch(/TR0601 team-a\/web-0: .* for 10\.231\.77\.2 is missing/);
    expect(found.stdout).toContain("fix: wrapper repair --apply");
    const planned = await repair();
    expect([planned.exit, marks()]).toEqual([1, flushed]);
    expect(planned.stdout).toMatch(/^ {2}put right team-b\/api-0: .* is missing/m);
    expect(planned.stdout).toContain("nothing was changed: wrapper repair --apply does it");
    const done = await repair("--apply");
    expect([done.exit, done.stderr, marks()]).toEqual([0, "", before]);
    expect(done.stdout).toMatch(/^repaired the marks of 2 pods \(\d+ missing\)/m);
    expect(done.stdout).toContain("all is as it should be");
    const again = await repair("--apply");
    expect([again.exit, marks()]).toEqual([0, before]);
    expect(again.stdout).toContain("nothing to repair");
    expect((await drift()).exit).toBe(0);
  });
});

describe("one rule", () => {
  const rule = (): string => world.firewall.ours("nft")[0] ?? "";
  const change = (text: string): void => world.firewall.tables("nft", "iptables", text);

  test.each<readonly [string, () => void, RegExp]>([
    ["missing", () => change(rule().replace("-A ", "-D ")), /mark rule .* is missing/],
    ["doubled", () => change(rule()), /mark rule .* is there 2 times/],
    [
      "wrong",
      () => change(rule().replace("-A PREROUTING", "-R PREROUTING 1").replace("0x10/", "0x20/")),
      /sets 0x20\/0xff instead of 0x10\/0xff/,
    ],
    [
      "too much",
      () => change(rule().replace("10.231.77.2", "10.231.77.99")),
      /unexpected rule for 10\.231\.77\.99/,
    ],
  ])("%s is named and put right", async (_, damage, says) => {
    await addPods(runtimeWith());
    const before = marks();
    damage();
    const { exit, stdout } = await drift();
    expect([exit, stdout.replace(/\s+/g, " ")]).toEqual([1, expect.stringMatching(says)]);
    expect([(await repair("--apply")).exit, marks()]).toEqual([0, before]);
  });
});

test("a sandbox that is gone and whose DEL never came is taken down as its DEL would have", async () => {
  await addPods(runtimeWith());
  await world.vanish(web);
  expect((await drift()).exit).toBe(0);
  makeOld(world);
  const { exit, stdout } = await drift();
  expect([exit, stdout]).toEqual([
    1,
    expect.stringMatching(/TR0608 team-a\/web-0: its sandbox is gone/),
  ]);
  const records = world.records();
  expect((await repair()).exit).toBe(1);
  expect(world.records()).toEqual(records);
  const done = await repair("--apply");
  expect([done.exit, done.stderr]).toEqual([0, ""]);
  expect(done.stdout).toMatch(/^removed pod team-a\/web-0 .* no longer exists$/m);
  expect(world.leases().filter((lease) => lease.includes(web.id))).toEqual([]);
  expect(marks()).not.toContain("web-0");
  expect(world.records()).toHaveLength(records.length - 1);
});

test("an owed DEL whose delegate is missing stays on record, the rest is repaired, and the status says so", async () => {
  await addPods(runtimeWith());
  const before = marks();
  await world.vanish(web);
  makeOld(world);
  world.firewall.flush();
  const done = await repair("--apply", "--cni-path", "/nowhere");
  expect(done.exit).toBe(1);
  expect(done.stderr).toMatch(/wrapper repair: .*web-0.* could not be removed: .*ptp/);
  expect(marks()).toContain("api-0");
  expect((await repair("--apply", "--cni-path", PLUGINS)).exit).toBe(0);
  expect(marks()).not.toBe(before);
  expect(world.leases().filter((lease) => lease.includes(web.id))).toEqual([]);
});

test("a foreign rule is named with the command that removes it, and never removed", async () => {
  await addPods(runtimeWith());
  world.firewall.tables("nft", "iptables", "-A PREROUTING -s 10.231.77.4 -j MARK --set-mark 0x20");
  const before = marks();
  expect(await codes()).toEqual(["TR0611"]);
  const done = await repair("--apply");
  expect([done.exit, marks()]).toEqual([1, before]);
  const [, fix = ""] = /^ {4}fix: (iptables-nft .*)$/m.exec(done.stdout) ?? [];
  expect(done.stdout).toContain("left to you");
  world.inside(undefined, "sh", "-c", fix);
  expect((await drift()).exit).toBe(0);
});

describe("marks without a record", () => {
  const forget = (name: string): void => {
    for (const file of readdirSync(world.dataDir).filter((each) => each.endsWith(".json")))
      if (readFileSync(join(world.dataDir, file), "utf8").includes(name))
        rmSync(join(world.dataDir, file));
  };

  test("of a pod that runs are left alone: the journal was lost, and the pod needs them", async () => {
    await addPods(runtimeWith());
    forget("web-0");
    const before = marks();
    const { exit, stdout } = await drift();
    expect([exit, stdout]).toEqual([
      0,
      expect.stringMatching(/TR0606 10\.231\.77\.2, fd00:231::2/),
    ]);
    expect(stdout).toContain("kubectl -n team-a delete pod web-0");
    expect([(await repair("--apply", "--unclaimed")).exit, marks()]).toEqual([0, before]);
  });

  test("of nobody are removed with --unclaimed, and without it they are only named", async () => {
    await addPods(runtimeWith());
    forget("web-0");
    await world.vanish(web);
    const { stdout } = await drift();
    expect(stdout).toContain("fix: wrapper repair --apply --unclaimed");
    await repair("--apply");
    expect(marks()).toContain("web-0");
    const done = await repair("--apply", "--unclaimed");
    expect([done.exit, done.stderr]).toEqual([0, ""]);
    expect(done.stdout).toMatch(
      /^removed the marks of team-a\/web-0 \(\S+\) from 10\.231\.77\.2, fd00/m,
    );
    expect(marks()).not.toContain("web-0");
    expect(marks()).toContain("api-0");
  });

  test("of another network are its own affair", async () => {
    await addPods(runtimeWith());
    forget("");
    writeFileSync(conflist(), JSON.stringify({ ...listWith(), name: "another" }));
    const before = marks();
    expect((await drift()).stdout).toContain("wrapper drift --conf FILE");
    expect([(await repair("--apply", "--unclaimed")).exit, marks()]).toEqual([0, before]);
  });
});

test("a record that cannot be used is named with its file, and the others are repaired", async () => {
  await addPods(runtimeWith());
  const [name = ""] = readdirSync(world.dataDir).filter((each) => each.endsWith(".json"));
  writeFileSync(join(world.dataDir, name), "{");
  world.firewall.flush();
  expect((await drift()).stdout).toContain(`fix: rm ${join(world.dataDir, name)}`);
  expect((await repair("--apply")).exit).toBe(1);
  expect(await codes()).toEqual(["TR0609"]);
});

test("a DEL that did not finish is the runtime's to repeat", async () => {
  const runtime = runtimeWith();
  await addPods(runtime);
  expectError(await runtime.del(web, { env: { CNI_PATH: "/nowhere" } }), "delegateMissing");
  const { exit, stdout } = await drift();
  expect([exit, stdout]).toEqual([1, expect.stringContaining("TR0608 team-a/web-0: its DEL did")]);
  expectOk(await runtime.del(web));
  expect(await codes()).toEqual([]);
});

test("beside an agent, and while pods come and go and the table is flushed again and again, nothing is left over", async () => {
  const more = { agent: { reconcileInterval: "1s" } };
  const runtime = runtimeWith(more);
  await addPods(runtime);
  const before = marks();
  await agents.start(listWith(more));
  let isOver = false;
  const flushing = (async () => {
    while (!isOver) {
      world.firewall.flush();
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  })();
  const churn = (async () => {
    for (let round = 0; round < 4; round++) {
      const pod = world.newPod("team-c", `churn-${round}`);
      expectOk(await runtime.add(pod, annotated("tenant-b")));
      expectOk(await runtime.del(pod));
    }
  })();
  const repairs = await Promise.all([repair("--apply"), repair("--apply")]);
  await churn;
  isOver = true;
  await flushing;
  for (const { stderr, signal } of repairs) expect([signal, stderr]).toEqual([null, ""]);
  expect((await repair("--apply")).exit).toBe(0);
  await until("all is as before", () => marks() === before);
});

test("rules that cannot be listed are status 2, and nothing is changed", async () => {
  await addPods(runtimeWith());
  world.inside(undefined, "nft", "add rule ip mangle PREROUTING meta mark set numgen inc mod 2");
  const found = await drift();
  expect(found.exit).toBe(2);
  expect(found.stdout).toMatch(/could not look at\s+marks\b.*iptables-nft\s+cannot\s+read/s);
  const { exit, stdout } = await repair("--apply");
  expect([exit, stdout]).toEqual([2, expect.stringContaining("nothing to repair")]);
});
