import { mkdirSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { stringify } from "yaml";
import type { KeyPair } from "./openssl";
import type { Pki } from "./pki";

/** What a kubeconfig is made from. */
export interface KubeconfigSource {
  readonly dir: string;
  readonly pki: Pki;
  readonly server: string;
  /** A bearer token that the server takes for the kubelet of this node. */
  readonly token: string;
}

type Section = Readonly<Record<string, unknown>>;
interface Parts {
  readonly cluster?: Section;
  readonly user?: Section;
}

/**
 * Every flavour by name. The default cluster has the CA inline; the default user is the kubelet's
 * own certificate behind its rotating symlink, which is how kubeadm writes kubelet.conf.
 */
const FLAVOURS = {
  /** As kubeadm writes it. */
  kubelet: () => ({}),
  /** The CA as a file. */
  "ca-file": ({ pki }) => ({ cluster: { "certificate-authority": pki.caPath } }),
  /** All paths relative to the kubeconfig. */
  relative: ({ dir, pki }) => ({
    cluster: { "certificate-authority": relative(dir, pki.caPath) },
    user: certificateFile(relative(dir, pki.kubeletClientPath)),
  }),
  /** Certificate and key inline. */
  inline: ({ pki }) => ({ user: certificateData(pki.kubelet()) }),
  token: ({ token }) => ({ user: { token } }),
  "token-file": (source) => ({
    user: { tokenFile: writeBeside(source, "token", `${source.token}\n`) },
  }),
  /** An exec plugin: a shell script that prints an ExecCredential with the token. */
  exec: (source) => ({
    user: { exec: execPlugin(source, "exec-credential", credentialScript(source.token)) },
  }),
  /** An exec plugin that fails. */
  "exec-fails": (source) => ({
    user: { exec: execPlugin(source, "exec-fails", "echo 'no credentials today' >&2; exit 1") },
  }),
  insecure: () => ({ cluster: { "insecure-skip-tls-verify": true } }),
  /** Trusts a CA of the same name that did not sign the server's certificate. */
  "wrong-ca": ({ pki }) => ({
    cluster: { "certificate-authority-data": base64(pki.otherCa.cert) },
  }),
  /** Expects a name that is not in the server's certificate. */
  "wrong-name": ({ pki }) => ({
    cluster: { ...caData(pki), "tls-server-name": "elsewhere.example" },
  }),
  /** A client certificate that ran out in 2020. */
  expired: ({ pki }) => ({ user: certificateData(pki.kubelet({ expired: true })) }),
  /** A client certificate that another CA signed. */
  "foreign-client": ({ pki }) => ({ user: certificateData(pki.kubelet({ ca: pki.otherCa })) }),
  /** The kubelet of another node. */
  "other-node": ({ pki }) => ({ user: certificateData(pki.kubelet({ nodeName: "another-node" })) }),
  "bad-token": () => ({ user: { token: "not-a-token-of-this-cluster" } }),
  anonymous: () => ({ user: {} }),
  /** The client certificate's file does not exist. */
  "missing-cert": ({ dir }) => ({ user: certificateFile(join(dir, "pki", "absent.pem")) }),
  /** Group system:masters: may read everything. */
  admin: ({ pki }) => ({ user: certificateData(pki.admin()) }),
} satisfies Record<string, (source: KubeconfigSource) => Parts>;

export type KubeconfigKind = keyof typeof FLAVOURS;

/** All flavours, for tests that go through them. */
export const KUBECONFIG_KINDS = Object.keys(FLAVOURS) as readonly KubeconfigKind[];

/** Writes `<dir>/<kind>.kubeconfig` (mode 0600) with whatever files it refers to; returns its absolute path. */
export function writeKubeconfig(source: KubeconfigSource, kind: KubeconfigKind): string {
  const parts: Parts = FLAVOURS[kind](source);
  const config = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [
      {
        name: "test",
        cluster: { server: source.server, ...(parts.cluster ?? caData(source.pki)) },
      },
    ],
    users: [{ name: "client", user: parts.user ?? certificateFile(source.pki.kubeletClientPath) }],
    contexts: [{ name: "client@test", context: { cluster: "test", user: "client" } }],
    "current-context": "client@test",
  };
  mkdirSync(source.dir, { recursive: true });
  return writeBeside(source, `${kind}.kubeconfig`, stringify(config, { lineWidth: 0 }));
}

const base64 = (text: string): string => Buffer.from(text).toString("base64");

const caData = (pki: Pki): Section => ({ "certificate-authority-data": base64(pki.ca.cert) });

/** One file holds both, as the kubelet's certificate store keeps them. */
const certificateFile = (path: string): Section => ({
  "client-certificate": path,
  "client-key": path,
});

const certificateData = (pair: KeyPair): Section => ({
  "client-certificate-data": base64(pair.cert),
  "client-key-data": base64(pair.key),
});

function writeBeside(
  source: KubeconfigSource,
  name: string,
  content: string,
  mode = 0o600,
): string {
  const path = join(source.dir, name);
  writeFileSync(path, content, { mode });
  return path;
}

const EXEC_API = "client.authentication.k8s.io/v1";

function execPlugin(source: KubeconfigSource, name: string, body: string): Section {
  const command = writeBeside(source, `${name}.sh`, `#!/bin/sh\n${body}\n`, 0o700);
  return { apiVersion: EXEC_API, command, args: ["get-token"], interactiveMode: "Never" };
}

function credentialScript(token: string): string {
  const credential = JSON.stringify({
    apiVersion: EXEC_API,
    kind: "ExecCredential",
    status: { token },
  });
  return `cat <<'CREDENTIAL'\n${credential}\nCREDENTIAL`;
}
