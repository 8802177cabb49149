/** Catalogue J8, J9, J11: what the runtime's environment can do, and where secrets go. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { useApi } from "../helpers/api";
import { KEY, conf, scripted } from "../helpers/conf";
import { POD_UID, useWorld } from "../helpers/harness";
import { expectError, expectOk, type Outcome } from "../helpers/outcome";
import { sh } from "../helpers/shell";
import type { KubeconfigKind } from "../apiserver/kubeconfig";

const RBAC = readFileSync(join(__dirname, "../../manifests/rbac.yaml"), "utf8");
const world = useWorld();
const api = useApi(
  world,
  `${RBAC}---
apiVersion: v1
kind: Namespace
metadata: { name: team-a }
---
apiVersion: v1
kind: Pod
metadata: { name: web-0, namespace: team-a, uid: ${POD_UID}, annotations: { ${KEY}: 0x10/0xff } }
spec: {}
`,
);

test("J8 an evil PATH: the real iptables is run, by its absolute path", async () => {
  const evil = join(world.dir, "evil");
  mkdirSync(evil);
  for (const name of [
    "iptables",
    "iptables-restore",
    "iptables-nft-restore",
    "iptables-nft-save",
    "iptables-legacy-restore",
    "ip6tables-nft-save",
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

test("J8 no PATH at all: the same", async () => {
  world.script({ ADD: { stdout: `{"cniVersion":"1.0.0","ips":[{"address":"10.77.0.5/24"}]}` } });
  expectOk(await world.run("ADD", { conf: scripted(), env: { PATH: undefined } }));
  expect(world.firewall.ours()).toHaveLength(2);
});

test("J8 nothing of the runtime's environment reaches iptables", async () => {
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

test("J8 NODE_OPTIONS of the runtime's environment loads no code into the plugin, and reaches the delegate", async () => {
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

const TOKEN = "kubelet-token-of-the-test-cluster";

/** Everything that a run left or said, the kubeconfig's own directory excepted. */
function everything(outcome: Outcome): string {
  const records = world
    .records()
    .filter((name) => name !== "queue")
    .map((name) => readFileSync(join(world.dataDir, name), "latin1"));
  const calls = outcome.calls.flatMap((call) => [call.stdin, ...Object.values(call.env)]);
  return [outcome.stdout, outcome.stderr, world.log(), ...records, ...calls].join("\n");
}

test.each<[KubeconfigKind, string]>([
  ["token", "good"],
  ["token-file", "good"],
  ["exec", "good"],
  ["token", "403"],
  ["token", "503"],
  ["exec", "garbage"],
  ["token", "stopped"],
  ["inline", "garbage"],
])("J9 kubeconfig of kind %s, API %s: the token and the key are nowhere", async (kind, answer) => {
  const kubeconfig = await api.kubeconfig(kind);
  if (answer === "garbage") await api.fault({ kind: "nonJson" });
  else if (answer === "stopped") await api.stop();
  else if (answer !== "good") await api.fault({ kind: "status", code: Number(answer) });
  const given = conf({
    kubeconfig,
    runtimeConfig: undefined,
    logLevel: "debug",
    apiTimeout: "1s",
    cniVersion: "1.1.0",
  });
  const outcome = await world.run("ADD", { conf: given });
  if (answer === "good") expectOk(outcome);
  else expectError(outcome, ["tryAgainLater", "forbidden", "apiAnswer"]);
  const found = everything(outcome) + everything(await world.run("STATUS", { conf: given }));
  expect(found).not.toContain(TOKEN);
  expect(found).not.toMatch(/PRIVATE KEY|client-key-data/);
  expect(found).not.toContain(
    Buffer.from("-----BEGIN PRIVATE KEY").toString("base64").slice(0, 20),
  );
});

test.each([0, 1])(
  "J9 NODE_DEBUG and a credential plugin that tells its token on stderr (exit status %i): nothing of it",
  async (status) => {
    const NOISY = ["token-in-the-environment", "token-on-stderr"];
    const kubeconfig = join(world.dir, "noisy.kubeconfig");
    const good = await api.kubeconfig("exec");
    const plugin = join(world.dir, "plugin.sh");
    writeFileSync(
      plugin,
      `#!/bin/sh\necho "${NOISY[1]} $SECRET" >&2\n[ ${status} = 0 ] || exit ${status}\nexec ${join(api.dir, "exec-credential.sh")}\n`,
      { mode: 0o700 },
    );
    const edited = readFileSync(good, "utf8").replace(
      /( +)command: .*/,
      `$1command: ${plugin}\n$1env: [{ name: SECRET, value: ${NOISY[0]} }]`,
    );
    writeFileSync(kubeconfig, edited, { mode: 0o600 });
    const given = conf({
      kubeconfig,
      runtimeConfig: undefined,
      logLevel: "debug",
      cniVersion: "1.1.0",
    });
    const env = { NODE_DEBUG: "child_process,tls,https,http,net,fs,stream,module" };
    const outcome = await world.run("ADD", { conf: given, env });
    if (status === 0) expectOk(outcome);
    else
      expectError(outcome, "kubeconfig", `of kubeconfig ${kubeconfig} failed (1): run it by hand`);
    const found = everything(outcome) + everything(await world.run("STATUS", { conf: given, env }));
    for (const secret of [TOKEN, ...NOISY]) expect(found).not.toContain(secret);
    if (status === 0) expect(outcome.calls[0]?.env["NODE_DEBUG"]).toBe(env.NODE_DEBUG);
  },
);

test("J9 a token that the server refuses is not told either", async () => {
  const outcome = await world.run("ADD", {
    conf: conf({ kubeconfig: await api.kubeconfig("bad-token"), runtimeConfig: undefined }),
  });
  expectError(outcome, "unauthorized");
  expect(everything(outcome)).not.toContain("not-a-token-of-this-cluster");
});

test("J11 the delegate has stdin, stdout and stderr open, and nothing of ours", async () => {
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

const LONG_LOCALE = "abcdefghijkl";
const LOCALES = ["LC_ALL", "LANG", "LC_MESSAGES"];

// Node's own fault (ICU), before any code of ours runs. Should this test fail one day, docs/limits.md and docs/on-call.md may forget it.
test.each(LOCALES)(
  "J8 %s of 12 letters in one word ends the program by a segmentation fault, as the pages say",
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
  "J8 LC_ALL=%s is fine",
  async (value) => {
    expectOk(
      await world.run("ADD", {
        conf: conf(),
        env: Object.fromEntries(LOCALES.map((name) => [name, value])),
      }),
    );
  },
);
