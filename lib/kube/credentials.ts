import { X509Certificate } from "node:crypto";
import type { RequestOptions } from "node:https";
import { createSecureContext, rootCertificates, type SecureContext } from "node:tls";
import { CniError } from "../cni/error";
import { type Kubeconfig, refuseSpecialFile } from "./kubeconfig";
import { RotationError } from "./errors";

/** What makes a request trusted and trusting; made once, used by every request. */
export interface Credentials {
  readonly secureContext: SecureContext;
  readonly servername: string | undefined;
  /** Authorization and impersonation. */
  readonly headers: Readonly<Record<string, string>>;
  /** The node of a kubelet's client certificate; undefined for all others. */
  readonly nodeName: string | undefined;
}

/** What happens to a credential plugin: a request runs it, STATUS only looks for it. */
export type UsePlugin = (kubeconfig: Kubeconfig, options: RequestOptions) => Promise<void>;

/**
 * Loads the credentials of the kubeconfig's user through client-node: files are read now, a
 * credential plugin goes to `usePlugin`.
 * Throws `RotationError` for files that are missing or do not fit together and (as `unauthorized`) for a
 * client certificate that has expired, else CniError `kubeconfig`.
 */
export async function loadCredentials(
  kubeconfig: Kubeconfig,
  now: Date,
  usePlugin: UsePlugin,
): Promise<Credentials> {
  const options: RequestOptions = { headers: {} };
  const { config, user } = kubeconfig;
  if (user.exec) {
    await usePlugin(kubeconfig, options);
    config.users = [{ ...user, exec: undefined }];
  }
  await applyFiles(kubeconfig, options);
  const context = secureContext(kubeconfig, options);
  refuseExpired(kubeconfig, options, now);
  return {
    secureContext: context,
    servername: options.servername,
    nodeName: nodeOf(options.cert as string | Buffer | undefined),
    headers: cleanHeaders(kubeconfig, {
      ...basic(options.auth),
      ...(options.headers as Record<string, unknown>),
    }),
  };
}

/** `user:password` as client-node hands it over. */
function basic(auth: string | null | undefined): Record<string, string> {
  return auth ? { Authorization: `Basic ${Buffer.from(auth).toString("base64")}` } : {};
}

async function applyFiles(kubeconfig: Kubeconfig, options: RequestOptions): Promise<void> {
  try {
    for (const file of credentialFiles(kubeconfig)) refuseSpecialFile(kubeconfig.path, file);
    await kubeconfig.config.applyToHTTPSOptions(options);
  } catch (error) {
    if (error instanceof CniError) throw error;
    const { code, path } = error as NodeJS.ErrnoException;
    const what = path === undefined ? "its credentials" : path;
    throw new RotationError(
      `kubeconfig ${kubeconfig.path}: ${what} cannot be read (${code ?? "unknown error"}): check the paths in it, and that the kubelet has its certificate`,
      error,
    );
  }
}

function credentialFiles({ config, user }: Kubeconfig): readonly string[] {
  return [config.getCurrentCluster()?.caFile, user.certFile, user.keyFile].filter(
    (file) => typeof file === "string" && file !== "",
  ) as string[];
}

function secureContext(kubeconfig: Kubeconfig, options: RequestOptions): SecureContext {
  // Without a CA, Mozilla's list counts as Node ships it; what NODE_EXTRA_CA_CERTS adds does not.
  const { ca = [...rootCertificates], cert, key } = options;
  try {
    return createSecureContext({
      ca,
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
    });
  } catch (error) {
    const { user, path } = kubeconfig;
    const files = [user.certFile, user.keyFile]
      .filter((file) => file !== undefined && file !== null)
      .join(", ");
    const where = files === "" ? "its inline certificates" : files;
    throw new RotationError(
      `kubeconfig ${path}: ${where} cannot be used (${(error as NodeJS.ErrnoException).code ?? "not PEM"}): certificate and key must be valid PEM and belong together`,
      error,
    );
  }
}

function refuseExpired({ path, user }: Kubeconfig, { cert }: RequestOptions, now: Date): void {
  const end = certificate(cert as string | Buffer | undefined)?.validToDate;
  if (end === undefined || end > now) return;
  const which = user.exec ? "of its credential plugin" : (user.certFile ?? "in it");
  const date = end.toISOString().replace(/\.\d+Z$/, "Z");
  throw new RotationError(
    `kubeconfig ${path}: the client certificate ${which} expired on ${date}: renew it; if it is the kubelet's own, restart the kubelet`,
    undefined,
    "unauthorized",
  );
}

/** The first certificate, which is the client's own; undefined where only OpenSSL's PEM reader finds one. */
function certificate(cert: string | Buffer | undefined): X509Certificate | undefined {
  try {
    return cert === undefined ? undefined : new X509Certificate(cert);
  } catch {
    return undefined;
  }
}

/** Kubelets are users `system:node:NAME` (Kubernetes, "Using Node Authorization"). */
function nodeOf(cert: string | Buffer | undefined): string | undefined {
  const subject = certificate(cert)?.subject ?? "";
  return /^CN=system:node:(\S+)$/m.exec(subject)?.[1];
}

/** A token file ends with a newline, which a header must not have. Other control characters are refused, unquoted. */
function cleanHeaders(
  kubeconfig: Kubeconfig,
  headers: Readonly<Record<string, unknown>>,
): Record<string, string> {
  const clean: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    const text = String(value).trim();
    if (!/^[\x20-\x7e]+$/.test(text)) {
      throw new CniError(
        "kubeconfig",
        `kubeconfig ${kubeconfig.path}: the value for ${name} has characters that no token has: check the token or token file`,
      );
    }
    clean[name] = text;
  }
  return clean;
}
