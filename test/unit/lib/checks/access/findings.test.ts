/** What is wrong with credentials, and with what an API server answers. */
import { apiFindings } from "../../../../../lib/checks/access/api-findings";
import { credentialFindings } from "../../../../../lib/checks/access/credential-findings";
import type { Kubelet } from "../../../../../lib/checks/kinds/access";
import type { CredentialFacts, UserFacts } from "../../../../../lib/kube/credential-facts";
import type { ApiLook, Refusal } from "../../../../../lib/kube/watch/once";

const NOW = new Date("2026-06-01T00:00:00Z");
const day = (n: number): Date => new Date(NOW.getTime() + n * 24 * 60 * 60 * 1000);
const FACTS: CredentialFacts = {
  ...{ path: "/k.conf", file: { mode: 0o600, uid: 0 }, refused: undefined, server: "https://s" },
  user: { kind: "other" },
};
const certificate = (from: number, until: number): UserFacts => ({
  kind: "certificate",
  certificate: { file: "/c.pem", from: day(from), until: day(until), subject: "CN=x" },
});

test.each<[string, Partial<CredentialFacts>, readonly string[]]>([
  ["all well", { user: certificate(-100, 100) }, []],
  ["no file", { file: { missing: "ENOENT" } }, ["kubeconfig-missing"]],
  ["mode 666", { file: { mode: 0o666, uid: 0 } }, ["kubeconfig-mode"]],
  ["another's", { file: { mode: 0o600, uid: 4242 } }, ["kubeconfig-owner"]],
  ["refused", { refused: "it is no kubeconfig", user: undefined }, ["kubeconfig-unusable"]],
  ["a file that it names", { user: { kind: "unusable", problem: "p" } }, ["kubeconfig-unusable"]],
  ["expired", { user: certificate(-100, -1) }, ["certificate-expired"]],
  ["13 days", { user: certificate(-100, 13.5) }, ["certificate-expiring"]],
  ["15 days", { user: certificate(-100, 15) }, []],
  ["not yet", { user: certificate(1, 100) }, ["clock-implausible"]],
  ["a token", { user: { kind: "token", token: { file: "/t", until: day(1) } } }, []],
  [
    "an old token",
    { user: { kind: "token", token: { file: "/t", until: NOW } } },
    ["token-expired"],
  ],
  ["a token for ever", { user: { kind: "token", token: undefined } }, []],
  ["a plugin", { user: { kind: "exec", command: "aws" } }, []],
])("credentials: %s", (_, change, expected) => {
  expect(credentialFindings({ ...FACTS, ...change }, NOW).map(({ kind }) => kind)).toEqual(
    expected,
  );
});

test("texts have the date, the days that are left, and the command", () => {
  const [soon] = credentialFindings({ ...FACTS, user: certificate(-100, 13.5) }, NOW);
  expect(soon?.fault).toBe(
    "the client certificate /c.pem expires on 2026-06-14T12:00:00Z, in 13 days",
  );
  const [open] = credentialFindings({ ...FACTS, file: { mode: 0o666, uid: 0 } }, NOW);
  expect([open?.fault, open?.remedy]).toEqual([
    "kubeconfig /k.conf can be written by others (mode 666), so ADD refuses it",
    "chmod go-w /k.conf",
  ]);
});

const refusal = (kind: Refusal["kind"], message = "https://s said no") => ({
  refusal: { kind, message },
});
const look = (change: Partial<ApiLook>): ApiLook => ({
  ...{ server: "https://s", pods: { value: [] }, namespaces: new Map() },
  ...change,
});

test.each<[string, Partial<ApiLook>, readonly string[]]>([
  ["all well", { namespaces: new Map([["a", { value: {} }]]) }, []],
  ["down", { pods: refusal("unreachable") }, ["api-unreachable"]],
  ["401", { pods: refusal("unauthorized") }, ["api-unauthorized"]],
  ["its certificate", { pods: refusal("untrusted") }, ["api-untrusted"]],
  ["pods 403", { pods: refusal("forbidden") }, ["pods-forbidden"]],
  ["no API", { pods: refusal("other") }, ["api-answer"]],
  [
    "namespaces 403, once for all of them",
    {
      namespaces: new Map([
        ["a", refusal("forbidden")],
        ["b", refusal("forbidden")],
      ]),
    },
    ["namespaces-forbidden"],
  ],
  ["namespaces 500", { namespaces: new Map([["a", refusal("unreachable")]]) }, ["api-unreachable"]],
])("API server: %s", (_, change, expected) => {
  expect(apiFindings(look(change), "/k.conf").map(({ kind }) => kind)).toEqual(expected);
});

test("the server is named once", () => {
  const [found] = apiFindings(look({ pods: refusal("unreachable", "https://s: is away") }), "/k");
  expect(found?.fault).toBe("https://s is away");
});

describe("the kubelet of a distribution", () => {
  const k3s = { name: "k3s", kubeconfig: "/k3s.kubeconfig", restart: "restart-k3s" };
  const remedies = (change: Partial<CredentialFacts>, kubelet?: Kubelet): readonly string[] =>
    credentialFindings({ ...FACTS, ...change }, NOW, kubelet).map(({ remedy }) => remedy);

  test("is the one that is restarted", () => {
    for (const until of [-1, 13.5])
      expect(remedies({ user: certificate(-100, until) }, k3s)).toEqual(["restart-k3s"]);
    expect(remedies({ user: certificate(-100, -1) })).toEqual(["systemctl restart kubelet"]);
    const denied = look({ pods: refusal("unauthorized") });
    expect(apiFindings(denied, "/k", k3s).map(({ remedy }) => remedy)).toEqual(["restart-k3s"]);
  });

  test("says where its kubeconfig is, when the conflist names another", () => {
    const missing = { file: { missing: "ENOENT" } } as const;
    expect(remedies(missing, k3s)).toEqual([
      'Correct "kubeconfig" in the conflist: k3s has it at /k3s.kubeconfig',
    ]);
    const other =
      'Put the kubelet\'s kubeconfig at /k.conf, or correct "kubeconfig" in the conflist';
    expect(remedies(missing)).toEqual([other]);
    for (const kubeconfig of ["/k.conf", undefined])
      expect(remedies(missing, { ...k3s, kubeconfig })).toEqual([other]);
  });
});
