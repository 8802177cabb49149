/** The child that runs nft: what becomes of it, and of the request that it had, when something ends. */
import { spawn } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { createExec } from "../../../lib/node/exec";
import { startTalk } from "../../../lib/node/stream";
import { localHost, type Host } from "../../../lib/node/host";
import { createNftRunner, type NftRunner } from "../../../lib/marks/nftables/runner";
import { buildSync } from "esbuild";
import { join } from "node:path";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";

const dir = mkdtempSync(join(tmpdir(), "nft-runner-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** Without a table of its own it only looks, so it may run where the tests run. */
const LOOK = ["describe meta mark"];
const runnerOf = (host: Host, timeoutMs = 30_000): NftRunner =>
  createNftRunner({ exec: createExec(), host, startTalk, timeoutMs });
const withNft = (script: string): Host => {
  const path = join(dir, `nft-${Math.random()}`);
  writeFileSync(path, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return { ...localHost, find: (name) => (name === "nft" ? path : localHost.find(name)) };
};
const nftChildrenOf = (parent: number): readonly number[] =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, "utf8");
        return stat.includes("(nft)") && stat.split(") ")[1]?.split(" ")[1] === String(parent);
      } catch {
        return false;
      }
    })
    .map(Number);
const until = async (holds: () => boolean): Promise<void> => {
  for (let i = 0; i < 1000 && !holds(); i++) await new Promise((done) => setTimeout(done, 20));
  expect(holds()).toBe(true);
};

test("one child answers all requests, each with its own answer, and stop() ends it", async () => {
  const runner = runnerOf(localHost);
  const answers = await Promise.all([
    runner.run(LOOK),
    runner.run(["nonsense"]),
    runner.run(LOOK),
    runner.run(["list chain inet no-such-table no-such-chain"]),
  ]);
  expect(answers.map(({ ok }) => ok)).toEqual([true, false, true, false]);
  expect(answers[2]?.stdout).toMatch(/^meta expression/);
  expect(answers[1]?.said).toContain("syntax error");
  expect(nftChildrenOf(process.pid)).toHaveLength(1);
  runner.stop();
  await until(() => nftChildrenOf(process.pid).length === 0);
});

test("a child that was killed is started again", async () => {
  const runner = runnerOf(localHost);
  await runner.run(LOOK);
  const [pid = 0] = nftChildrenOf(process.pid);
  process.kill(pid, "SIGKILL");
  await until(() => nftChildrenOf(process.pid).length === 0);
  await new Promise(setImmediate);
  expect(await runner.run(LOOK)).toMatchObject({ ok: true });
  runner.stop();
});

test("a child is replaced after 2,000 answers, but not in the middle of one", async () => {
  // Slow from then on, as nft on a busy node.
  const runner = runnerOf(
    withNft(`n=0; while read -r line; do [ "$line" = "add @end" ] || continue
      n=$((n + 1)); [ $n -lt 2000 ] || sleep 1
      printf 'Error: syntax error, unexpected @\\nadd @end\\n    ^\\n'; done`),
  );
  for (let n = 0; n < 2002; n++) {
    const answer = runner.run(LOOK);
    // Now the request is with the child.
    for (let turn = 0; turn < 10; turn++) await Promise.resolve();
    runner.warmUp();
    expect(await answer).toMatchObject({ ok: true });
  }
  runner.stop();
});

test("an nft that hangs is killed at the deadline: try again later, and the next request has another", async () => {
  const runner = runnerOf(withNft("exec sleep 1000"), 300);
  await expect(runner.run(LOOK)).rejects.toMatchObject({ code: 11 });
  await expect(runner.run(LOOK)).rejects.toMatchObject({ code: 11 });
  runner.stop();
});

test("an nft that crashes says so", async () => {
  const runner = runnerOf(withNft("read line; echo 'corrupted double-linked list'; kill -SEGV $$"));
  await expect(runner.run(LOOK)).rejects.toMatchObject({
    code: 110,
    message: expect.stringMatching(/SIGSEGV.*corrupted/),
  });
  runner.stop();
});

test("without a command line, or without setpriv, each request has a process of its own", async () => {
  const real = localHost.find("nft") ?? "";
  const bare = withNft(
    `[ "$1" != -i ] || { echo 'This binary was compiled without interactive mode'; exit 1; }; exec ${real} "$@"`,
  );
  const { find } = localHost;
  const noSetpriv = { ...localHost, find: (n: string) => (n === "setpriv" ? undefined : find(n)) };
  for (const host of [bare, noSetpriv]) {
    const runner = runnerOf(host);
    expect(await runner.run(LOOK)).toMatchObject({ ok: true });
    expect(await runner.run(["nonsense"])).toMatchObject({ ok: false });
    expect(nftChildrenOf(process.pid)).toEqual([]);
    runner.stop();
  }
});

test("it dies with a process that is killed, and keeps none alive", async () => {
  const script = join(dir, "user.cjs");
  buildSync({
    stdin: {
      contents: `import { createExec } from "./lib/node/exec";
import { startTalk } from "./lib/node/stream";
        import { localHost } from "./lib/node/host";
        import { createNftRunner } from "./lib/marks/nftables/runner";
        const runner = createNftRunner({ exec: createExec(), host: localHost, startTalk, timeoutMs: 30000 });
        void runner.run(["describe meta mark"]).then(() => {
          process.stdout.write("ready\\n");
          if (process.argv[2] === "stay") setInterval(() => {}, 1000);
        });`,
      resolveDir: join(__dirname, "../../.."),
      loader: "ts",
    },
    bundle: true,
    platform: "node",
    outfile: script,
  });
  const staying = spawn(process.execPath, [script, "stay"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await new Promise((ready) => staying.stdout.once("data", ready));
  const children = nftChildrenOf(staying.pid ?? 0);
  expect(children).toHaveLength(1);
  staying.kill("SIGKILL");
  await until(() => !children.some((pid) => readdirSync("/proc").includes(String(pid))));
  const ending = spawn(process.execPath, [script], { stdio: "ignore" });
  expect(await new Promise((resolve) => ending.once("exit", resolve))).toBe(0);
});
