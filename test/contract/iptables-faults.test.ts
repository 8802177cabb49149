/** A node on which the rules cannot be written. */
import { spawn } from "node:child_process";
import { chmodSync, existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { conf } from "../helpers/conf";
import { VARIANTS } from "../helpers/firewall";
import { useWorld } from "../helpers/harness";
import { expectError, expectNotSwallowed, expectOk, verbs } from "../helpers/outcome";
import { until } from "../helpers/shell";

const world = useWorld();

/** Holds a lock file of this test in the place of the machine's xtables lock while `body` runs. */
async function withXtablesLock(body: (wrap: string) => Promise<void>): Promise<void> {
  const lock = join(world.dir, "xtables.lock");
  const held = join(world.dir, "held");
  writeFileSync(lock, "");
  const holder = spawn("flock", [lock, "sh", "-c", `touch '${held}'; exec sleep 300`], {
    stdio: "ignore",
    detached: true,
  });
  try {
    await until("the lock is held", () => existsSync(held));
    await body(`touch /run/xtables.lock; mount --bind '${lock}' /run/xtables.lock`);
  } finally {
    if (holder.pid !== undefined) process.kill(-holder.pid, "SIGKILL");
  }
}

test("a busy xtables lock is waited for, then code 11 names it and ADD is rolled back", async () => {
  await withXtablesLock(async (wrap) => {
    const outcome = await world.run("ADD", {
      conf: conf({ iptables: "legacy", lockTimeout: "2s" }),
      wrap,
    });
    expectError(outcome, "tryAgainLater", /lock/, "team-a/web-0");
    expect(outcome.ms).toBeLessThan(120_000);
    expect(verbs(outcome)).toEqual(["ADD", "DEL"]);
  });
  // The rollback had to wait for the same lock, so its DEL of the rules may have failed; a DEL finishes it.
  expectOk(await world.run("DEL", { conf: conf({ iptables: "legacy" }) }));
  expect(world.leftovers()).toEqual([]);
});

test("an xtables lock that gets free in time lets the pod start", async () => {
  await withXtablesLock(async (wrap) => {
    const lock = join(world.dir, "xtables.lock");
    // A process that holds it for a second only, as a kube-proxy sync does.
    const short = `rm -f '${lock}.2'; : >'${lock}.2'\n${wrap.replaceAll(lock, `${lock}.2`)}\nflock '${lock}.2' sleep 1 &`;
    expectOk(await world.run("ADD", { conf: conf({ iptables: "legacy" }), wrap: short }));
    expect(world.firewall.ours("legacy")).toHaveLength(2);
  });
});

test("rules that fail after the delegate succeeded cause a delegate DEL with its result, and nothing is left", async () => {
  const wrap = world.toolbox.around({ before: "echo 'boom: kernel says no' >&2; exit 1" });
  const outcome = await world.run("ADD", { conf: conf({ cniVersion: "1.0.0" }), wrap });
  expectError(outcome, "rules", "boom: kernel says no", "team-a/web-0");
  expect(verbs(outcome)).toEqual(["ADD", "DEL"]);
  expect(outcome.calls[1]?.netconf["prevResult"]).toMatchObject({
    ips: [{ address: "10.77.0.5/24" }],
  });
  expect(world.leftovers()).toEqual([]);
});

describe.each(VARIANTS)("on %s", (iptables) => {
  const given = conf({ iptables });

  test("without the iptables programs ADD names them and is rolled back", async () => {
    const outcome = await world.run("ADD", { conf: given, wrap: world.toolbox.nothingInSbin });
    expectError(outcome, "rules", /iptables/, "team-a/web-0");
    expect(world.leftovers()).toEqual([]);
  });

  test.each([
    [1, "iptables-restore: line 3 failed"],
    [2, "iptables-restore v1.8.9 (legacy): unknown option"],
    [3, "can't initialize iptables table `mangle': Table does not exist (do you need to insmod?)"],
    [4, "Fatal: can't open lock file /run/xtables.lock: Permission denied"],
  ])(
    "a tool that ends with %i has its text in the message, and ADD is rolled back",
    async (status, words) => {
      const wrap = world.toolbox.around({
        before: `cat <<'END' >&2\n${words}\nEND\nexit ${status}`,
      });
      const outcome = await world.run("ADD", { conf: given, wrap });
      expectError(outcome, ["rules", "tryAgainLater"], words);
      expect(verbs(outcome)).toEqual(["ADD", "DEL"]);
      expect(world.leftovers()).toEqual([]);
    },
  );

  test("without root ADD fails and is rolled back, and nothing is left", async () => {
    const wrap = `mkdir -p '${world.dataDir}'; chown 65534 '${world.dataDir}'; chmod 700 '${world.dataDir}'
chmod -R a+rwX '${world.dir}'/calls '${world.dir}'/state; chmod 700 '${world.dataDir}'
set -- setpriv --reuid 65534 --regid 65534 --clear-groups "$@"`;
    chmodSync(join(world.dir, "../.."), 0o1777);
    chmodSync(join(world.dir, ".."), 0o755);
    const outcome = await world.run("ADD", { conf: given, wrap });
    expectError(outcome, ["rules", "tryAgainLater", "journal", "io"]);
    expect(world.leftovers().filter((line) => !line.startsWith("data:"))).toEqual([]);
  });

  test("a DEL whose tool fails runs the delegate's DEL all the same, with no text that a runtime swallows", async () => {
    const added = expectOk(await world.run("ADD", { conf: given }));
    const wrap = world.toolbox.around({
      before: "echo 'chain not found: No such file or directory' >&2; exit 4",
    });
    const outcome = await world.run("DEL", { conf: given, after: added, wrap });
    expectError(outcome, "rules");
    expectNotSwallowed(outcome);
    expect(verbs(outcome)).toEqual(["DEL"]);
    expectOk(await world.run("DEL", { conf: given, after: added }));
    expect(world.leftovers()).toEqual([]);
  });
});
