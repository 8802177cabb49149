/** Catalogue D9, D11, D12: a node on which the rules cannot be written. */
import { spawn } from "node:child_process";
import { chmodSync, existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { conf } from "../helpers/conf";
import { FLAVOURS } from "../helpers/firewall";
import { useWorld } from "../helpers/harness";
import { expectError, expectNotSwallowed, expectOk, verbs } from "../helpers/outcome";
import { until } from "../helpers/shell";

const world = useWorld();

/** Holds a lock file of this test in the place of the machine's xtables lock while `body` runs. */
async function withXtablesLock(body: (wrap: string) => Promise<void>): Promise<void> {
  const lock = join(world.dir, "xtables.lock");
  const held = join(world.dir, "held");
  writeFileSync(lock, "");
  const holder = spawn("flock", [lock, "sh", "-c", `touch '${held}'; exec sleep 60`], {
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

test("D9 the xtables lock stays busy: a bounded wait, code 11 naming it, rollback", async () => {
  await withXtablesLock(async (wrap) => {
    const outcome = await world.run("ADD", {
      conf: conf({ iptables: "legacy", lockTimeout: "2s" }),
      wrap,
    });
    expectError(outcome, "tryAgainLater", /lock/, "team-a/web-0");
    expect(outcome.ms).toBeLessThan(20_000);
    expect(verbs(outcome)).toEqual(["ADD", "DEL"]);
  });
  // The rollback had to wait for the same lock, so its DEL of the rules may have failed; a DEL finishes it.
  expectOk(await world.run("DEL", { conf: conf({ iptables: "legacy" }) }));
  expect(world.leftovers()).toEqual([]);
});

test("D9 the xtables lock gets free in time: the pod starts", async () => {
  await withXtablesLock(async (wrap) => {
    const lock = join(world.dir, "xtables.lock");
    // A process that holds it for a second only, as a kube-proxy sync does.
    const short = `rm -f '${lock}.2'; : >'${lock}.2'\n${wrap.replaceAll(lock, `${lock}.2`)}\nflock '${lock}.2' sleep 1 &`;
    expectOk(await world.run("ADD", { conf: conf({ iptables: "legacy" }), wrap: short }));
    expect(world.firewall.ours("legacy")).toHaveLength(2);
  });
});

describe.each(FLAVOURS)("on %s", (iptables) => {
  const given = conf({ iptables });

  test("D11 no iptables programs: an error that names them, rollback", async () => {
    const outcome = await world.run("ADD", { conf: given, wrap: world.toolbox.nothingInSbin });
    expectError(outcome, "rules", /iptables/, "team-a/web-0");
    expect(world.leftovers()).toEqual([]);
  });

  test.each([
    [1, "iptables-restore: line 3 failed"],
    [2, "iptables-restore v1.8.9 (legacy): unknown option"],
    [3, "can't initialize iptables table `mangle': Table does not exist (do you need to insmod?)"],
    [4, "Fatal: can't open lock file /run/xtables.lock: Permission denied"],
  ])("D11 D12 the tool ends with %i: its words in the message, rollback", async (status, words) => {
    const wrap = world.toolbox.around({ before: `cat <<'END' >&2\n${words}\nEND\nexit ${status}` });
    const outcome = await world.run("ADD", { conf: given, wrap });
    expectError(outcome, ["rules", "tryAgainLater"], words);
    expect(verbs(outcome)).toEqual(["ADD", "DEL"]);
    expect(world.leftovers()).toEqual([]);
  });

  test("D11 not root: an error, rollback, nothing left", async () => {
    const wrap = `mkdir -p '${world.dataDir}'; chown 65534 '${world.dataDir}'; chmod 700 '${world.dataDir}'
chmod -R a+rwX '${world.dir}'/calls '${world.dir}'/state; chmod 700 '${world.dataDir}'
set -- setpriv --reuid 65534 --regid 65534 --clear-groups "$@"`;
    chmodSync(join(world.dir, "../.."), 0o1777);
    chmodSync(join(world.dir, ".."), 0o755);
    const outcome = await world.run("ADD", { conf: given, wrap });
    expectError(outcome, ["rules", "tryAgainLater", "journal", "io"]);
    expect(world.leftovers().filter((line) => !line.startsWith("data:"))).toEqual([]);
  });

  test("D12 a DEL whose tool fails: the delegate's DEL runs all the same, no word that a runtime swallows", async () => {
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
