import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { KUBELET_TOKEN } from "../../../apiserver/api-server";
import type { KubeconfigKind } from "../../../apiserver/kubeconfig";
import type * as ClientNode from "./client-node";
import { failure, useApiServer, WEB } from "./harness";

jest.mock("@kubernetes/client-node/dist/config.js", () =>
  jest.requireActual<typeof ClientNode>("./client-node").loadClientNode(),
);
jest.mock("@kubernetes/client-node/dist/exec_auth.js", () =>
  jest.requireMock("@kubernetes/client-node/dist/config.js"),
);

const t = useApiServer();

describe("credentials", () => {
  test("a certificate rotated away is read again", async () => {
    const path = t.api.kubeconfig("kubelet");
    await t.sourceAt(path).read(WEB);
    t.api.pki.rotateKubeletClient({ removeOld: true });
    await t.sourceAt(path).read(WEB);
  });
  test("a certificate that is missing for a moment is waited for", async () => {
    const path = t.edited("late", (text) =>
      text.replaceAll(/client-(certificate|key): .*/g, `client-$1: ${join(t.dir, "late.pem")}`),
    );
    const reading = t.sourceAt(path).read(WEB);
    writeFileSync(join(t.dir, "late.pem"), readFileSync(t.api.pki.kubeletClientPath));
    expect((await reading).pod["tenant.routing/fwmark"]).toBe("0x10");
    expect(t.slept).toEqual([50]);
  });
  test("a half-written certificate is waited for", async () => {
    const pem = readFileSync(t.api.pki.kubeletClientPath, "utf8");
    const path = t.edited("half", (text) =>
      text.replaceAll(/client-(certificate|key): .*/g, `client-$1: ${join(t.dir, "half.pem")}`),
    );
    writeFileSync(join(t.dir, "half.pem"), pem.slice(0, pem.length - 100));
    const reading = t.sourceAt(path).read(WEB);
    setTimeout(() => writeFileSync(join(t.dir, "half.pem"), pem), 10);
    expect((await reading).pod["tenant.routing/fwmark"]).toBe("0x10");
  });
  test("a certificate that stays missing is named", async () => {
    const error = await failure(t.source("missing-cert").read(WEB));
    expect([error.code, error.message]).toEqual([
      107,
      expect.stringMatching(/absent\.pem cannot be read \(ENOENT\)/),
    ]);
  });
  test.each<KubeconfigKind>(["foreign-client", "bad-token"])(
    "%s is rejected by the server, after a second look",
    async (kind) => {
      const error = await failure(t.source(kind).read(WEB));
      expect([error.code, error.message]).toEqual([
        104,
        expect.stringMatching(
          /^pod team-a\/web-0: https:.* does not accept the credentials of .*: renew/,
        ),
      ]);
    },
  );
  test("an expired certificate is told with its date, after a second look, and not shown to the server", async () => {
    const error = await failure(t.source("expired").read(WEB));
    expect([error.code, error.message]).toEqual([
      104,
      expect.stringMatching(
        /expired\.kubeconfig: the client certificate in it expired on 20\d\d-\d\d-\d\dT[\d:]{8}Z: renew it/,
      ),
    ]);
    expect(t.slept).toEqual([50]);
    expect(t.api.requests.list()).toEqual([]);
  });
  test("an expired certificate that is replaced in this moment is waited for", async () => {
    t.api.pki.rotateKubeletClient({ expired: true });
    const reading = t.source("kubelet").read(WEB);
    t.api.pki.rotateKubeletClient();
    expect((await reading).pod["tenant.routing/fwmark"]).toBe("0x10");
    expect(t.slept).toEqual([50]);
  });
  test("a certificate that is no regular file is refused, and not waited for", async () => {
    execFileSync("mkfifo", [join(t.dir, "fifo")]);
    for (const key of ["client-certificate", "client-key"]) {
      const path = t.edited("fifo-cert", (text) =>
        text.replace(new RegExp(`${key}: .*`), `${key}: ${join(t.dir, "fifo")}`),
      );
      expect(await failure(t.sourceAt(path).read(WEB))).toMatchObject({
        code: 107,
        message: expect.stringMatching(/fifo, which is not a regular file/),
      });
    }
    const token = t.edited(
      "fifo-token",
      (text) => text.replace(/tokenFile: .*/, "tokenFile: fifo"),
      "token-file",
    );
    expect(await failure(t.sourceAt(token).read(WEB))).toMatchObject({
      code: 107,
      message: expect.stringMatching(/fifo, which is not a regular file/),
    });
  });
  test("a token renewed in between is picked up", async () => {
    const path = t.api.kubeconfig("token-file");
    writeFileSync(join(t.dir, "token"), "outdated\n");
    const reading = t.sourceAt(path).read(WEB);
    const renew = setInterval(
      () => t.api.requests.list().length > 0 && writeFileSync(join(t.dir, "token"), KUBELET_TOKEN),
      5,
    );
    try {
      expect((await reading).pod["tenant.routing/fwmark"]).toBe("0x10");
    } finally {
      clearInterval(renew);
    }
  });
  test("user and password are sent as they always were", async () => {
    const path = t.edited(
      "basic",
      (text) => text.replace(/token: .*/, "username: jane\n      password: secret"),
      "token",
    );
    expect((await failure(t.sourceAt(path).read(WEB))).code).toBe(104);
    expect(t.api.requests.list()[0]?.headers["authorization"]).toBe(`Basic ${btoa("jane:secret")}`);
  });
  test("a token with a line break inside is refused, unquoted", async () => {
    const path = t.api.kubeconfig("token-file");
    writeFileSync(join(t.dir, "token"), `${KUBELET_TOKEN}\nX-Evil: 1\n`);
    const error = await failure(t.sourceAt(path).read(WEB));
    expect([error.code, error.message]).toEqual([107, expect.stringMatching(/Authorization/)]);
  });
});

describe("credential plugins", () => {
  const plugin = (body: string, kind: KubeconfigKind = "exec"): string => {
    const path = t.api.kubeconfig(kind);
    writeFileSync(join(t.dir, "exec-credential.sh"), `#!/bin/sh\n${body}\n`);
    return path;
  };
  test("failure shows its exit status, not its stderr, which may have the token", async () => {
    const error = await failure(t.source("exec-fails").read(WEB));
    expect([error.code, error.message, error.details]).toEqual([
      107,
      expect.stringMatching(/exec-fails\.sh".*failed \(1\): run it by hand/),
      "",
    ]);
  });
  test.each<[string, (text: string) => string]>([
    ["no command", (text) => text.replace(/command: .*/, "command: ''")],
    ["arguments that are no texts", (text) => text.replace(/- get-token/, "- 1")],
    [
      "an environment that is no list",
      (text) => text.replace(/interactiveMode: .*/, "env: { A: b }"),
    ],
    [
      "a variable without a value",
      (text) => text.replace(/interactiveMode: .*/, "env: [{ name: A }]"),
    ],
  ])("an exec section with %s is refused", async (_, edit) => {
    const error = await failure(t.sourceAt(t.edited("exec-form", edit, "exec")).read(WEB));
    expect([error.code, error.message]).toEqual([
      107,
      expect.stringMatching(/users\[\]\.user\.exec cannot be used/),
    ]);
  });
  test("output that is no ExecCredential is not quoted", async () => {
    const error = await failure(t.sourceAt(plugin(`echo '${KUBELET_TOKEN} {'`)).read(WEB));
    expect([error.code, error.message]).toEqual([
      107,
      expect.stringMatching(/did not print an ExecCredential/),
    ]);
  });
  test("a hanging plugin and its children are killed at the deadline", async () => {
    const started = performance.now();
    const error = await failure(
      t.sourceAt(plugin(`sleep 60 & echo $! > ${join(t.dir, "sleeper")}; wait`), 400).read(WEB),
    );
    expect([error.code, error.message]).toEqual([
      11,
      expect.stringMatching(/did not finish within/),
    ]);
    expect(performance.now() - started).toBeLessThan(30_000);
    const pid = readFileSync(join(t.dir, "sleeper"), "utf8").trim();
    const state = (): string => {
      try {
        return /State:\s+(\w)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? "gone";
      } catch {
        return "gone";
      }
    };
    while (!["gone", "Z"].includes(state())) await new Promise((done) => setTimeout(done, 10));
  });
  test("a flood is cut", async () => {
    const error = await failure(
      t
        .sourceAt(plugin("while :; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done"))
        .read(WEB),
    );
    expect([error.code, error.message]).toEqual([107, expect.stringMatching(/more than/)]);
  });
  test("a missing program is named", async () => {
    const path = t.edited(
      "noexec",
      (text) => text.replace(/command: .*/, "command: /nonexistent/plugin"),
      "exec",
    );
    const error = await failure(t.sourceAt(path).read(WEB));
    expect([error.code, error.message]).toEqual([
      107,
      expect.stringMatching(/"\/nonexistent\/plugin".*cannot be started \(ENOENT\)/),
    ]);
  });
  test("the plugin is told that nobody is there to answer", async () => {
    const body = `echo "$KUBERNETES_EXEC_INFO" > ${join(t.dir, "info")}; exit 1`;
    await failure(t.sourceAt(plugin(body)).read(WEB));
    expect(JSON.parse(readFileSync(join(t.dir, "info"), "utf8"))).toMatchObject({
      kind: "ExecCredential",
      spec: { interactive: false },
    });
  });
});
