import { execFileSync } from "node:child_process";
import { chmodSync, chownSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type * as ClientNode from "./client-node";
import { failure, useApiServer, WEB } from "./harness";

jest.mock("@kubernetes/client-node/dist/config.js", () =>
  jest.requireActual<typeof ClientNode>("./client-node").loadClientNode(),
);
jest.mock("@kubernetes/client-node/dist/exec_auth.js", () =>
  jest.requireMock("@kubernetes/client-node/dist/config.js"),
);

const t = useApiServer();

describe("kubeconfigs", () => {
  test("JSON with a relative tokenFile works", async () => {
    t.api.kubeconfig("token-file");
    const json = JSON.stringify({
      apiVersion: "v1",
      kind: "Config",
      "current-context": "c",
      clusters: [
        {
          name: "k",
          cluster: { server: t.api.url, "certificate-authority": join(t.dir, "pki", "ca.crt") },
        },
      ],
      contexts: [{ name: "c", context: { cluster: "k", user: "u" } }],
      users: [{ name: "u", user: { tokenFile: "token" } }],
    });
    expect(
      (await t.sourceAt(t.edited("json", () => json)).read(WEB)).pod["tenant.routing/fwmark"],
    ).toBe("0x10");
  });
  test.each<[string, (text: string) => string, RegExp]>([
    [
      "insecure-skip-tls-verify",
      (text) => text.replace(/certificate-authority-data: .*/, "insecure-skip-tls-verify: true"),
      /insecure-skip-tls-verify/,
    ],
    [
      "proxy-url",
      (text) => text.replace(/( +)server:/, "$1proxy-url: http://proxy:3128\n$1server:"),
      /proxy-url.*not supported/,
    ],
    ["plain http", (text) => text.replace("https:", "http:"), /not an https URL/],
    [
      "credentials in the URL",
      (text) => text.replace("https://", "https://user:hunter2@"),
      /credentials inside its server URL/,
    ],
    ["no current context", (text) => text.replace(/current-context: .*/, ""), /current-context/],
    [
      "unknown user",
      (text) => text.replace(/user: client$/m, "user: nobody"),
      /no cluster and user/,
    ],
    [
      "oidc",
      (text) =>
        text
          .replace(/client-certificate: .*/, "auth-provider: { name: oidc, config: {} }")
          .replace(/client-key: .*/, ""),
      /auth-provider "oidc".*not supported/,
    ],
    [
      "a cluster without server",
      (text) => text.replace(/ +server: .*\n/, ""),
      /clusters\[0\]\.cluster\.server is missing/,
    ],
    ["not YAML", () => "a: [", /line 1 is not valid YAML/],
    ["another document", () => "just text", /current-context|not a kubeconfig/],
    ["another object", () => "apiVersion: v1\nkind: Pod\n", /current-context|not a kubeconfig/],
    ["nothing", () => "", /cannot be read|current-context/],
    [
      "no certificate in the PEM",
      (text) =>
        text.replace(
          /certificate-authority-data: .*/,
          `certificate-authority-data: ${btoa("nonsense")}`,
        ),
      /cannot be verified|cannot be used/,
    ],
  ])("%s is refused with what to do", async (name, edit, message) => {
    const error = await failure(t.sourceAt(t.edited(name.replace(/\W/g, "-"), edit)).read(WEB));
    expect([105, 107]).toContain(error.code);
    expect(`${error.message} ${error.details}`).toMatch(message);
    expect(error.message).not.toContain("hunter2");
    expect(t.api.requests.list()).toHaveLength(0);
  });
  test("a broken line is not quoted, it may be the key", async () => {
    const error = await failure(
      t
        .sourceAt(t.edited("leak", (text) => text.replace(/token: (.*)/, "token: [$1"), "token"))
        .read(WEB),
    );
    expect([error.code, error.message]).toEqual([
      107,
      expect.stringMatching(/line \d+ is not valid YAML/),
    ]);
  });
  test.each(["*s3cr3t", "!s3cr3t x", "!<s3cr3t> x"])(
    "a token %s, which YAML takes for an alias or a tag, is not named",
    async (token) => {
      const error = await failure(
        t
          .sourceAt(
            t.edited("alias", (text) => text.replace(/token: .*/, `token: ${token}`), "token"),
          )
          .read(WEB),
      );
      expect([error.code, error.message]).toEqual([
        107,
        expect.stringMatching(/line \d+ is not valid YAML \(syntax error\)/),
      ]);
      expect(error.message + error.details).not.toContain("s3cr3t");
    },
  );
  test.each([
    ["0666", /chmod go-w/],
    ["0620", /chmod go-w/],
    ["0602", /chmod go-w/],
  ])("mode %s is refused", async (mode, message) => {
    const path = t.edited("mode", (text) => text);
    chmodSync(path, Number.parseInt(mode, 8));
    const error = await failure(t.sourceAt(path).read(WEB));
    expect([error.code, error.message]).toEqual([107, expect.stringMatching(message)]);
    rmSync(path);
  });
  test("a file of another user is refused", async () => {
    const path = t.edited("owner", (text) => text);
    chownSync(path, 65534, 65534);
    const error = await failure(t.sourceAt(path).read(WEB));
    expect([error.code, error.message]).toEqual([
      107,
      expect.stringMatching(/belongs to user 65534: chown root/),
    ]);
  });
  test.each([
    ["relative/path", /absolute path/],
    ["", /absolute path/],
    ["/does/not/exist", /cannot be opened \(ENOENT\)/],
    [tmpdir(), /not a regular file/],
    ["/dev/zero", /not a regular file/],
  ])("path %j is refused", async (path, message) => {
    const error = await failure(t.sourceAt(path).read(WEB));
    expect([error.code, error.message]).toEqual([107, expect.stringMatching(message)]);
  });
  test("a FIFO is refused, and not waited for", async () => {
    const path = join(t.dir, "fifo.kubeconfig");
    execFileSync("mkfifo", [path]);
    const error = await failure(t.sourceAt(path).read(WEB));
    expect([error.code, error.message]).toEqual([107, expect.stringMatching(/not a regular file/)]);
  });
  test("an oversized file is refused", async () => {
    expect(
      (
        await failure(
          t.sourceAt(t.edited("big", (text) => `${text}#${"x".repeat(2 ** 20)}`)).read(WEB),
        )
      ).message,
    ).toMatch(/larger than/);
  });
});
