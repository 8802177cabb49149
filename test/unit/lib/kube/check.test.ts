import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { checkKubeconfig } from "../../../../lib/kube/source";
import { systemClock } from "../../../../lib/node/clock";
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

test.each<KubeconfigKind>([
  "kubelet",
  "ca-file",
  "relative",
  "inline",
  "token",
  "token-file",
  "exec",
  "admin",
])("%s is fine, nobody is asked, and it works", async (kind) => {
  const path = t.api.kubeconfig(kind);
  await checkKubeconfig(path, systemClock);
  expect(t.api.requests.list()).toEqual([]);
  expect((await t.sourceAt(path).read(WEB)).pod["tenant.routing/fwmark"]).toBe("0x10");
});

test.each<KubeconfigKind>(["insecure", "expired", "missing-cert"])(
  "%s: the very words of a read",
  async (kind) => {
    const path = t.api.kubeconfig(kind);
    const read = await failure(t.sourceAt(path).read(WEB));
    expect(await failure(checkKubeconfig(path, systemClock))).toMatchObject({
      code: read.code,
      message: read.message,
    });
  },
);

test.each<[string, (text: string) => string]>([
  ["no YAML", () => "{{{"],
  ["no user", (text) => text.replace(/user: client$/m, "user: nobody")],
  ["more bytes than a kubeconfig has", (text) => `${text}#${"x".repeat(2 ** 20)}`],
])("a file with %s: the very words of a read", async (_, edit) => {
  const path = t.edited("odd", edit);
  const read = await failure(t.sourceAt(path).read(WEB));
  expect(read.code).toBe(107);
  expect(await failure(checkKubeconfig(path, systemClock))).toMatchObject({
    code: read.code,
    message: read.message,
  });
});

describe("credential plugins", () => {
  const withCommand = (command: string, env = ""): string =>
    t.edited(
      "plugin",
      (text) =>
        text
          .replace(/command: .*/, `command: ${command}`)
          .replace(/( +)interactiveMode: .*/, `$1${env === "" ? "interactiveMode: Never" : env}`),
      "exec",
    );

  test("are not run", async () => {
    const path = t.api.kubeconfig("exec");
    writeFileSync(join(t.dir, "exec-credential.sh"), "#!/bin/sh\nexit 1\n");
    await checkKubeconfig(path, systemClock);
  });
  test("are found along PATH, that of the kubeconfig first", async () => {
    await checkKubeconfig(withCommand("uname"), systemClock);
    t.api.kubeconfig("exec");
    await checkKubeconfig(
      withCommand("exec-credential.sh", `env: [{ name: PATH, value: "/nowhere:${t.dir}" }]`),
      systemClock,
    );
    const missing = withCommand("uname", "env: [{ name: PATH, value: /nowhere }]");
    expect(await failure(checkKubeconfig(missing, systemClock))).toMatchObject({
      code: 107,
      message: expect.stringMatching(/"uname" of kubeconfig .* cannot be started \(ENOENT\)/),
    });
  });
  test.each([
    ["/nonexistent/plugin", "ENOENT"],
    ["/", "EACCES"],
    ["/etc/passwd", "EACCES"],
  ])("%s cannot be started (%s), for a read neither", async (command, code) => {
    const path = withCommand(command);
    const words = { code: 107, message: expect.stringContaining(`cannot be started (${code})`) };
    expect(await failure(checkKubeconfig(path, systemClock))).toMatchObject(words);
    expect(await failure(t.sourceAt(path).read(WEB))).toMatchObject(words);
  });
});
