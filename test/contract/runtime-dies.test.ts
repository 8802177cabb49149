/** The container runtime dies in the middle of an ADD, and nobody ever sends the DEL. */
import { readFileSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { conf, scripted, type Conf } from "../helpers/conf";
import { useWorld } from "../helpers/harness";
import { expectOk, verbs, type Outcome } from "../helpers/outcome";
import { sh, until } from "../helpers/shell";
import { oneShotTest } from "../helpers/mode";

const world = useWorld();

/** The binary gets a parent that is not the test: a shell that stands for the runtime. */
const RUNTIME = `exec 3<&0\n"$@" <&3 & wait $!\nexit $?\n`;
/** In the delegate: kills that shell, and waits until the kernel has given the binary another parent. */
const KILL_RUNTIME = `parent() { awk '/^PPid/ { print $2 }' /proc/$PPID/status; }
  was=$(parent); kill -9 "$was"; while [ "$(parent)" = "$was" ]; do sleep 0.01; done`;
const RESULT = JSON.stringify({
  cniVersion: "1.0.0",
  interfaces: [{ name: "eth0", sandbox: "x" }],
  ips: [{ address: "10.77.0.5/24", interface: 0 }],
});

function isAtWork(id: string): boolean {
  return readdirSync("/proc")
    .filter((name) => /^[0-9]+$/.test(name))
    .some((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, "latin1")
          .split("\0")
          .includes(`CNI_CONTAINERID=${id}`);
      } catch {
        return false;
      }
    });
}

test("an ADD whose runtime dies takes everything back", async () => {
  world.script({ ADD: { stdout: RESULT, run: KILL_RUNTIME } });
  const outcome = await world.run("ADD", { conf: scripted(), wrap: RUNTIME });
  expect(outcome.signal).toBe("SIGKILL");
  await until("the binary has ended", () => !isAtWork(outcome.id));
  expect(world.log()).toMatch(
    /"code":115,.*the container runtime that asked for the interface has ended/,
  );
  expect(world.leftovers()).toEqual([]);
});

test("a runtime that lives gets its result", async () => {
  world.script({ ADD: { stdout: RESULT } });
  const outcome = expectOk(await world.run("ADD", { conf: scripted(), wrap: RUNTIME }));
  expect(world.firewall.ours()).toHaveLength(2);
  expectOk(await world.run("DEL", { conf: scripted(), after: outcome }));
});

describe("a record whose network namespace no longer exists", () => {
  const GONE = "/run/netns/tr-contract-is-gone";
  const hours = (n: number): string => new Date(Date.now() - n * 3_600_000).toISOString();

  /** An attachment whose runtime has died after the ADD; `change` replaces fields of its record. */
  async function abandoned(change: Record<string, unknown> = {}): Promise<Outcome> {
    const added = expectOk(await world.run("ADD", { conf: conf(), ip: "10.77.0.9/24" }));
    const [name = ""] = world
      .records()
      .filter(
        (each) =>
          each.endsWith(".json") &&
          readFileSync(join(world.dataDir, each), "utf8").includes(added.id),
      );
    const path = join(world.dataDir, name);
    writeFileSync(
      path,
      JSON.stringify({
        ...JSON.parse(readFileSync(path, "utf8")),
        netns: GONE,
        since: hours(1),
        ...change,
      }),
    );
    due();
    return added;
  }
  /** Makes the next ADD look for abandoned records. */
  function due(): void {
    rmSync(join(world.dataDir, "collected"), { force: true });
  }
  const ids = (): readonly string[] =>
    world
      .records()
      .filter((each) => each.endsWith(".json"))
      .map(
        (each) =>
          JSON.parse(readFileSync(join(world.dataDir, each), "utf8")).key.containerId as string,
      );

  // An agent collects by itself, and no ADD waits for it.
  oneShotTest(
    "is collected by the next ADD: rules, delegate's DEL as the runtime would have sent it, record",
    async () => {
      const lost = await abandoned();
      const next = expectOk(await world.run("ADD", { conf: conf() }));
      expect(verbs(next)).toEqual(["ADD", "DEL"]);
      const [, del] = next.calls;
      expect(del?.env).toMatchObject({
        CNI_CONTAINERID: lost.id,
        CNI_NETNS: "",
        CNI_IFNAME: "eth0",
      });
      expect(del?.env["CNI_ARGS"]).toContain("K8S_POD_NAMESPACE=team-a;K8S_POD_NAME=web-0");
      expect(del?.netconf["runtimeConfig"]).toBeUndefined();
      expect(del?.netconf["prevResult"]).toMatchObject({ ips: [{ address: "10.77.0.9/24" }] });
      expect(next.stderr).toContain(`its network namespace ${GONE} no longer exists`);
      expect(ids()).toEqual([next.id]);
      expectOk(await world.run("DEL", { conf: conf(), after: next }));
      expect(world.leftovers()).toEqual([]);
    },
  );

  test("is looked for once a minute, not by every ADD", async () => {
    const lost = await abandoned();
    const now = new Date();
    writeFileSync(join(world.dataDir, "collected"), "", { mode: 0o600 });
    utimesSync(join(world.dataDir, "collected"), now, now);
    expectOk(await world.run("ADD", { conf: conf() }));
    expect(ids()).toContain(lost.id);
  });

  // An agent collects by itself, and no ADD waits for it.
  oneShotTest(
    "whose delegate fails stays on record, and the ADD succeeds all the same",
    async () => {
      const lost = await abandoned({ delegate: { type: "not-installed" } });
      const next = expectOk(await world.run("ADD", { conf: conf() }));
      expect(next.stderr).toContain(
        `container ${lost.id}, whose sandbox is gone, could not be cleaned up`,
      );
      expect([...ids()].sort()).toEqual([lost.id, next.id].sort());
    },
  );

  test.each([
    ["a young one", { since: new Date(Date.now() + 3_600_000).toISOString() }],
    [
      "one that a living process is adding",
      { state: "intent", owner: { pid: process.pid, startTime: startTime(process.pid) } },
    ],
    [
      "one that a living process is deleting",
      { state: "deleting", owner: { pid: process.pid, startTime: startTime(process.pid) } },
    ],
    ["one whose place cannot be seen from here", { netns: "/nowhere/netns/x" }],
    ["one without a netns", { netns: "" }],
    ["one that was seen from elsewhere", { seenFrom: "1:2 3:4" }],
    ["one of an older version, which does not say from where", { seenFrom: undefined }],
  ])("%s is left alone", async (_, change) => {
    const lost = await abandoned(change);
    expectOk(await world.run("ADD", { conf: conf() }));
    expectOk(
      await world.run("GC", {
        conf: conf({ cniVersion: "1.1.0", "cni.dev/valid-attachments": undefined }),
      }),
    );
    expect(ids()).toContain(lost.id);
  });

  test("is collected by GC, with a list or without, unless the runtime says that it is valid", async () => {
    const lost = await abandoned();
    const valid = [{ containerID: lost.id, ifname: "eth0" }];
    expectOk(
      await world.run("GC", {
        conf: conf({ cniVersion: "1.1.0", "cni.dev/valid-attachments": valid }),
      }),
    );
    expect(ids()).toEqual([lost.id]);
    expectOk(await world.run("GC", { conf: conf({ cniVersion: "1.1.0" }) }));
    expect(world.leftovers()).toEqual([]);
  });

  test("is collected by `wrapper gc`, which can also only say so", async () => {
    const lost = await abandoned();
    const file = join(world.dir, "10.conflist");
    const plugin: Conf = {
      ...conf(),
      dataDir: world.dataDir,
      logFile: world.logFile,
      runtimeConfig: undefined,
    };
    writeFileSync(
      file,
      JSON.stringify({ cniVersion: "1.0.0", name: plugin["name"], plugins: [plugin] }),
    );
    const gc = (...argv: string[]): Promise<Outcome> =>
      world.run(undefined, {
        argv: ["gc", "--conf", file, ...argv],
        env: { CNI_CONTAINERID: undefined },
      });
    const [would, did, again] = [await gc("--dry-run"), await gc(), await gc()];
    expect([would.exit, would.stdout]).toEqual([
      0,
      `would remove pod team-a/web-0 (container ${lost.id}): its network namespace ${GONE} no longer exists\n`,
    ]);
    expect([did.exit, did.stdout]).toEqual([
      0,
      `removed pod team-a/web-0 (container ${lost.id}): its network namespace ${GONE} no longer exists\n`,
    ]);
    expect(verbs(did)).toEqual(["DEL"]);
    expect([again.exit, again.stdout]).toEqual([0, "no attachment has lost its sandbox\n"]);
    expect(world.leftovers()).toEqual([]);
  });

  test("is left alone when it has become another one while the one before it was taken down", async () => {
    await abandoned();
    // So that the second ADD does not look for the first.
    writeFileSync(join(world.dataDir, "collected"), "", { mode: 0o600 });
    await abandoned();
    // In the order in which the directory is read, as the wrapper does.
    const [first = "", second = ""] = world
      .records()
      .filter((each) => each.endsWith(".json"))
      .map((each) => join(world.dataDir, each));
    const record = JSON.parse(readFileSync(first, "utf8")) as object;
    writeFileSync(first, JSON.stringify({ ...record, delegate: { type: "scripted" } }));
    const id = (JSON.parse(readFileSync(second, "utf8")) as { key: { containerId: string } }).key
      .containerId;
    world.script({ DEL: { run: `sed -i 's#${GONE}#${world.podNetns}#' '${second}'` } });
    const file = join(world.dir, "10.conflist");
    writeFileSync(
      file,
      JSON.stringify({
        cniVersion: "1.0.0",
        name: "n",
        plugins: [{ ...conf(), dataDir: world.dataDir, runtimeConfig: undefined }],
      }),
    );
    const did = await world.run(undefined, { argv: ["gc", "--conf", file] });
    expect([did.exit, did.stdout]).toEqual([
      0,
      expect.stringMatching(
        new RegExp(`^removed .*\n.*${id}.* left alone: it has changed meanwhile\n$`),
      ),
    ]);
    expect(ids()).toEqual([id]);
    expect(verbs(did)).toEqual(["DEL"]);
  });

  test("`wrapper gc` says what it could not take down, with status 1", async () => {
    await abandoned({ delegate: { type: "not-installed" } });
    const file = join(world.dir, "10.conflist");
    writeFileSync(
      file,
      JSON.stringify({
        cniVersion: "1.0.0",
        name: "n",
        plugins: [{ ...conf(), dataDir: world.dataDir, runtimeConfig: undefined }],
      }),
    );
    const failed = await world.run(undefined, { argv: ["gc", "--conf", file] });
    expect([failed.exit, failed.stdout]).toEqual([1, ""]);
    expect(failed.stderr).toMatch(
      /wrapper gc: pod team-a\/web-0 .* could not be removed: plugin "not-installed"/,
    );
  });
});

function startTime(pid: number): string {
  const stat = sh("cat", `/proc/${pid}/stat`);
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
}
