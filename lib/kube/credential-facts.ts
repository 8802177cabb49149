/** What a kubeconfig and its credentials are, as data for checks. Asks no server, starts no credential plugin. */
import { X509Certificate } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { toCniError } from "../cni/error";
import { reasonOf } from "../text/reason";
import { type Kubeconfig, loadKubeconfig, refuseSpecialFile } from "./kubeconfig";
import type { FileFacts } from "./trust";

/** Until when a credential is valid, and the file that it is in; undefined: the kubeconfig itself. */
interface Valid {
  readonly file: string | undefined;
  readonly until: Date;
}

/** A client certificate. */
export interface CertificateFacts extends Valid {
  readonly from: Date;
  /** One line: `O=system:nodes, CN=system:node:n1`. */
  readonly subject: string;
}

/** What authenticates us. `problem`: why a file of it cannot be used, in a sentence that names the file. */
export type UserFacts =
  | { readonly kind: "certificate"; readonly certificate: CertificateFacts }
  /** `token` is undefined for one that does not say when it expires. */
  | { readonly kind: "token"; readonly token: Valid | undefined }
  /** The plugin's own business. */
  | { readonly kind: "exec"; readonly command: string }
  | { readonly kind: "other" }
  | { readonly kind: "unusable"; readonly problem: string };

/** Everything about one kubeconfig. */
export interface CredentialFacts {
  readonly path: string;
  /** The errno when it is not there or cannot be looked at. */
  readonly file: FileFacts | { readonly missing: string };
  /** Why ADD refuses it, in ADD's own words; undefined: it does not. Nothing below is known then. */
  readonly refused: string | undefined;
  readonly server: string | undefined;
  readonly user: UserFacts | undefined;
}

/** Looks at the kubeconfig at `path`. Never throws. */
export function readCredentialFacts(path: string): CredentialFacts {
  const file = fileFacts(path);
  try {
    const kubeconfig = loadKubeconfig(path);
    const { server } = kubeconfig;
    return { path, file, refused: undefined, server, user: userFacts(kubeconfig) };
  } catch (error) {
    const refused = toCniError(error).message;
    return { path, file, refused, server: undefined, user: undefined };
  }
}

function fileFacts(path: string): CredentialFacts["file"] {
  try {
    const { mode, uid } = statSync(path);
    return { mode: mode & 0o7777, uid };
  } catch (error) {
    return { missing: reasonOf(error) };
  }
}

function userFacts(kubeconfig: Kubeconfig): UserFacts {
  const { user, path } = kubeconfig;
  if (user.exec) {
    const { command } = user.exec as { command?: unknown };
    return { kind: "exec", command: typeof command === "string" ? command : "" };
  }
  try {
    return certificateFacts(kubeconfig) ?? tokenFacts(kubeconfig) ?? { kind: "other" };
  } catch (error) {
    return { kind: "unusable", problem: `kubeconfig ${path}: ${reasonOf(error)}` };
  }
}

function certificateFacts({ user, path }: Kubeconfig): UserFacts | undefined {
  const file = user.certFile || undefined;
  if (!user.certData && file === undefined) return undefined;
  const pem = user.certData
    ? Buffer.from(user.certData, "base64")
    : credentialFile(path, file ?? "");
  let found: X509Certificate;
  try {
    // The first one is the client's own.
    found = new X509Certificate(pem);
  } catch {
    throw new Error(`${file ?? "its inline certificate"} is not a PEM certificate`);
  }
  const { subject, validFromDate: from, validToDate: until } = found;
  const name = subject.split("\n").join(", ");
  return { kind: "certificate", certificate: { file, from, until, subject: name } };
}

function tokenFacts({ user, path, tokenFiles }: Kubeconfig): UserFacts | undefined {
  const provider = user.authProvider as { config?: { tokenFile?: string } } | null | undefined;
  const textOf = (name: string): string => credentialFile(path, name).toString("utf8");
  const file =
    provider?.config?.tokenFile ?? tokenFiles.find((name) => textOf(name) === user.token);
  const text = file === undefined ? user.token : textOf(file);
  if (text === undefined || text === null || text === "") return undefined;
  const until = expiryOf(text.trim());
  return { kind: "token", token: until && { file, until } };
}

function credentialFile(path: string, file: string): Buffer {
  refuseSpecialFile(path, file);
  try {
    return readFileSync(file);
  } catch (error) {
    throw new Error(`${file} cannot be read (${reasonOf(error)})`, { cause: error });
  }
}

/** `exp` of a JSON Web Token (RFC 7519, section 4.1.4); undefined for a token that is none, or has none. */
export function expiryOf(token: string): Date | undefined {
  const [, payload, signature] = token.split(".");
  if (payload === undefined || signature === undefined) return undefined;
  try {
    const { exp } = JSON.parse(Buffer.from(payload, "base64url").toString("utf8")) as {
      exp?: unknown;
    };
    return typeof exp === "number" ? new Date(exp * 1000) : undefined;
  } catch {
    return undefined;
  }
}
