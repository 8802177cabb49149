/** Where tokens and keys never go. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { useApi } from "../helpers/api";
import { CLUSTER } from "../helpers/api-objects";
import { conf } from "../helpers/conf";
import { useWorld } from "../helpers/harness";
import { expectError, expectOk, type Outcome } from "../helpers/outcome";
import type { KubeconfigKind } from "../apiserver/kubeconfig";

const world = useWorld();
const api = useApi(world, CLUSTER);

/** Everything that a run left or said, the kubeconfig's own directory excepted. */
function everything(outcome: Outcome): string {
  const records = world
    .records()
    .filter((name) => name !== "queue")
    .map((name) => readFileSync(join(world.dataDir, name), "latin1"));
  const calls = outcome.calls.flatMap((call) => [call.stdin, ...Object.values(call.env)]);
  return [outcome.stdout, outcome.stderr, world.log(), ...records, ...calls].join("\n");
}

const TOKEN = "kubelet-token-of-the-test-cluster";

test.each<[KubeconfigKind, string]>([
  ["token", "good"],
  ["token-file", "good"],
  ["exec", "good"],
  ["token", "403"],
  ["token", "503"],
  ["exec", "garbage"],
  ["token", "stopped"],
  ["inline", "garbage"],
])(
  "with a kubeconfig of kind %s and an API that answers %s the token and the key are nowhere",
  async (kind, answer) => {
    const kubeconfig = await api.kubeconfig(kind);
    if (answer === "garbage") await api.fault({ kind: "nonJson" });
    else if (answer === "stopped") await api.stop();
    else if (answer !== "good") await api.fault({ kind: "status", code: Number(answer) });
    const given = conf({
      kubeconfig,
      runtimeConfig: undefined,
      logLevel: "debug",
      apiTimeout: answer === "good" ? "30s" : "1s",
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
  },
);

test.each([0, 1])(
  "nothing of a credential plugin's token on stderr is shown, with NODE_DEBUG and exit status %i",
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

test("a token that the server refuses is not shown either", async () => {
  const outcome = await world.run("ADD", {
    conf: conf({ kubeconfig: await api.kubeconfig("bad-token"), runtimeConfig: undefined }),
  });
  expectError(outcome, "unauthorized");
  expect(everything(outcome)).not.toContain("not-a-token-of-this-cluster");
});
