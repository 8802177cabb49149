import { chmodSync, chownSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expiryOf, readCredentialFacts } from "../../../../lib/kube/credential-facts";
import { distrust } from "../../../../lib/kube/trust";
import type * as ClientNode from "./client-node";
import { useApiServer } from "./harness";

jest.mock("@kubernetes/client-node/dist/config.js", () =>
  jest.requireActual<typeof ClientNode>("./client-node").loadClientNode(),
);
jest.mock("@kubernetes/client-node/dist/exec_auth.js", () =>
  jest.requireMock("@kubernetes/client-node/dist/config.js"),
);

const t = useApiServer();
const jwt = (payload: object) =>
  ["e30", Buffer.from(JSON.stringify(payload)).toString("base64url"), "c2ln"].join(".");

test.each(["kubelet", "inline"] as const)("%s: subject and dates of the certificate", (kind) => {
  const path = t.api.kubeconfig(kind);
  const { file, refused, server, user } = readCredentialFacts(path);
  expect({ refused, server }).toEqual({ refused: undefined, server: t.api.url });
  expect(file).toMatchObject({ uid: process.geteuid?.() });
  if (user?.kind !== "certificate") throw new Error(`a ${user?.kind}`);
  const { from, until, subject } = user.certificate;
  expect(subject).toContain("CN=system:node:n1");
  expect(from.getTime()).toBeLessThan(Date.now());
  expect(until.getTime()).toBeGreaterThan(Date.now());
  expect(user.certificate.file === undefined).toBe(kind === "inline");
});

test("an expired certificate has its date", () => {
  const { user } = readCredentialFacts(t.api.kubeconfig("expired"));
  if (user?.kind !== "certificate") throw new Error(`a ${user?.kind}`);
  expect(user.certificate.until.getTime()).toBeLessThan(Date.now());
});

test("a certificate that is not there", () => {
  expect(readCredentialFacts(t.api.kubeconfig("missing-cert")).user).toMatchObject({
    kind: "unusable",
    problem: expect.stringMatching(/^kubeconfig \S+: \S+ cannot be read \(ENOENT\)$/),
  });
});

test("a token that says when it expires", () => {
  const path = t.edited(
    "jwt",
    (text) => text.replace(/token: .*/, `token: ${jwt({ exp: 86400 })}`),
    "token",
  );
  expect(readCredentialFacts(path).user).toEqual({
    kind: "token",
    token: { file: undefined, until: new Date("1970-01-02T00:00:00Z") },
  });
});

test("a token in a file that says when it expires, and which file", () => {
  const path = t.api.kubeconfig("token-file");
  const file = join(dirname(path), "token");
  writeFileSync(file, `${jwt({ exp: 86400 })}\n`);
  expect(readCredentialFacts(path).user).toEqual({
    kind: "token",
    token: { file, until: new Date("1970-01-02T00:00:00Z") },
  });
});

test.each(["token", "token-file"] as const)("%s: a token without a date", (kind) => {
  expect(readCredentialFacts(t.api.kubeconfig(kind)).user).toEqual({
    kind: "token",
    token: undefined,
  });
});

test("a credential plugin is named, not started", () => {
  expect(readCredentialFacts(t.api.kubeconfig("exec")).user).toMatchObject({ kind: "exec" });
});

test("a file that others can write: ADD's own words, and its mode", () => {
  const path = t.edited("open", (text) => text);
  chmodSync(path, 0o666);
  const facts = readCredentialFacts(path);
  expect(facts).toMatchObject({
    file: { mode: 0o666 },
    refused: `kubeconfig ${path} can be written by others (mode 666): chmod go-w ${path}`,
    user: undefined,
  });
  expect("mode" in facts.file && distrust(facts.file)).toBe("mode");
});

test("a file of somebody else", () => {
  const path = t.edited("owned", (text) => text);
  chmodSync(path, 0o600);
  chownSync(path, 1234, 1234);
  const facts = readCredentialFacts(path);
  expect(facts).toMatchObject({ file: { uid: 1234 } });
  expect("mode" in facts.file && distrust(facts.file)).toBe("owner");
});

test("no file", () => {
  const path = join(t.dir, "nowhere");
  expect(readCredentialFacts(path)).toMatchObject({ file: { missing: "ENOENT" } });
});

test("no kubeconfig", () => {
  const path = join(t.dir, "text");
  writeFileSync(path, "{{{", { mode: 0o600 });
  expect(readCredentialFacts(path).refused).toContain("is not valid YAML");
});

test.each([
  ["no token", "abc"],
  ["no JSON", "a.b.c"],
  ["no date", jwt({})],
  ["a date that is none", jwt({ exp: "soon" })],
])("%s: no expiry", (_, token) => {
  expect(expiryOf(token)).toBeUndefined();
});
