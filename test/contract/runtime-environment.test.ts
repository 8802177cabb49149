/** What the runtime's environment can do to the plugin, to iptables and to the delegate. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { useApi } from "../helpers/api";
import { CLUSTER } from "../helpers/api-objects";
import { conf, scripted } from "../helpers/conf";
import { useWorld } from "../helpers/harness";
import { expectOk } from "../helpers/outcome";
import { sh } from "../helpers/shell";
import { iptablesTest, oneShotTest } from "../helpers/mode";

const world = useWorld();
const api = useApi(world, CLUSTER);

test("with an evil PATH the real iptables or nft is run, by its absolute path", async () => {
  const evil = join(world.dir, "evil");
  mkdirSync(evil);
  for (const name of [
    "iptables",
    "iptables-restore",
    "iptables-nft-restore",
    "iptables-nft-save",
    "iptables-legacy-restore",
    "ip6tables-nft-save",
    "nft",
    "setpriv",
    "sh",
    "node",
  ]) {
    writeFileSync(join(evil, name), `#!/bin/sh\n: >'${world.dir}/owned'\n`, { mode: 0o755 });
  }
  const added = expectOk(
    await world.run("ADD", {
      conf: conf({ delegate: { type: "ok" } }),
      env: { PATH: `${evil}:/usr/bin:/bin` },
    }),
  );
  expect(existsSync(join(world.dir, "owned"))).toBe(false);
  expect(world.firewall.ours()).toHaveLength(2);
  expect(added.calls[0]?.env["PATH"]).toBe(`${evil}:/usr/bin:/bin`);
});

test("without PATH the real iptables or nft is run", async () => {
  world.script({ ADD: { stdout: `{"cniVersion":"1.0.0","ips":[{"address":"10.77.0.5/24"}]}` } });
  expectOk(await world.run("ADD", { conf: scripted(), env: { PATH: undefined } }));
  expect(world.firewall.ours()).toHaveLength(2);
});

iptablesTest("nothing of the runtime's environment reaches iptables", async () => {
  const seen = join(world.dir, "seen");
  const wrap = world.toolbox.around({ before: `tr '\\0' '\\n' </proc/$$/environ >'${seen}'` });
  const env = {
    IFS: "/",
    BASH_ENV: "/x",
    XTABLES_LIBDIR: "/evil",
    NODE_OPTIONS: "--max-old-space-size=512",
    SECRET: "hunter2",
  };
  expectOk(await world.run("ADD", { conf: conf(), env, wrap }));
  const names = readFileSync(seen, "utf8")
    .split("\n")
    .map((line) => line.split("=")[0]);
  expect(names).toContain("PATH");
  // The three that name the attachment are ours: by them DEL finds what a killed ADD left running.
  for (const name of [...Object.keys(env), "CNI_ARGS", "CNI_NETNS", "CNI_PATH"])
    expect(names).not.toContain(name);
});

test("NODE_OPTIONS of the runtime's environment loads no code into the plugin, and reaches the delegate", async () => {
  const script = join(world.dir, "owned.js");
  writeFileSync(
    script,
    `require("node:fs").writeFileSync(${JSON.stringify(join(world.dir, "owned"))}, "")`,
  );
  const added = expectOk(
    await world.run("ADD", { conf: conf(), env: { NODE_OPTIONS: `--require ${script}` } }),
  );
  expect(existsSync(join(world.dir, "owned"))).toBe(false);
  expect(added.calls[0]?.env["NODE_OPTIONS"]).toBe(`--require ${script}`);
});

test("the delegate has stdin, stdout and stderr open, and nothing of ours", async () => {
  // 3 is the directory that `ls` reads; whatever else this process hands on is the runtime's affair.
  const inherited = sh("ls", "/proc/self/fd").split("\n").map(Number);
  for (const extra of [{}, { kubeconfig: await api.kubeconfig(), runtimeConfig: undefined }]) {
    await world.run("ADD", { conf: conf({ delegate: { type: "open-files" } }, extra) });
    const open = readFileSync(join(world.dir, "script/fds"), "utf8").match(/ \d+ -> .*/g) ?? [];
    expect(
      open
        .map((line) => Number(/ (\d+) ->/.exec(line)?.[1]))
        .filter((fd) => !inherited.includes(fd)),
    ).toEqual([]);
    expect(open.join("\n")).not.toMatch(/lock|kubeconfig|wrapper/);
  }
});

const LOCALES = ["LC_ALL", "LANG", "LC_MESSAGES"];
const LONG_LOCALE = "abcdefghijkl";

// Node's own fault (ICU), before any code of ours runs. Should this test fail one day, docs/limits.md and docs/on-call.md may forget it.
oneShotTest.each(LOCALES)(
  "%s of 12 letters in one word ends the program by a segmentation fault, as the pages say",
  async (name) => {
    const outcome = await world.run("ADD", { conf: conf(), env: { [name]: LONG_LOCALE } });
    expect([outcome.exit, outcome.signal, outcome.stdout]).toEqual([null, "SIGSEGV", ""]);
    expect(world.leftovers()).toEqual([]);
    for (const page of ["docs/limits.md", "docs/on-call.md"]) {
      const text = readFileSync(join(__dirname, "../..", page), "utf8");
      expect([page, text]).toEqual([page, expect.stringContaining(`\`${name}\``)]);
    }
  },
);

test.each(["C", "C.UTF-8", "en_US.UTF-8", "de_DE@euro", "abcdefghijk"])(
  "LC_ALL=%s is fine",
  async (value) => {
    expectOk(
      await world.run("ADD", {
        conf: conf(),
        env: Object.fromEntries(LOCALES.map((name) => [name, value])),
      }),
    );
  },
);
