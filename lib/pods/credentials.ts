import type { RequestOptions } from "node:https";
import { createSecureContext, type SecureContext } from "node:tls";
import { CniError } from "../cni/error";
import { applyExecCredential } from "./exec-credential";
import type { Kubeconfig } from "./kubeconfig";
import { RotationError } from "./rotation";

/** What a request needs in order to be trusted and to trust; made once, used by every request. */
export interface Credentials {
  readonly secureContext: SecureContext;
  readonly servername: string | undefined;
  /** Authorization and impersonation. */
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * Loads the credentials of the kubeconfig's user through client-node: files are read now, a
 * credential plugin runs now, for at most `timeoutMs`.
 * Throws `RotationError` for files that are missing or do not fit together, else CniError `kubeconfig`.
 */
export async function loadCredentials(kubeconfig: Kubeconfig, timeoutMs: number): Promise<Credentials> {
  const options: RequestOptions = { headers: {} };
  const { config, user } = kubeconfig;
  if (user.exec) {
    await applyExecCredential(kubeconfig, options, timeoutMs);
    config.users = [{ ...user, exec: undefined }];
  }
  await applyFiles(kubeconfig, options);
  return {
    secureContext: secureContext(kubeconfig, options),
    servername: options.servername,
    headers: cleanHeaders(kubeconfig, { ...basic(options.auth), ...(options.headers as Record<string, unknown>) }),
  };
}

/** `user:password` as client-node hands it over. */
function basic(auth: string | null | undefined): Record<string, string> {
  return auth ? { Authorization: `Basic ${Buffer.from(auth).toString("base64")}` } : {};
}

async function applyFiles(kubeconfig: Kubeconfig, options: RequestOptions): Promise<void> {
  try {
    await kubeconfig.config.applyToHTTPSOptions(options);
  } catch (error) {
    const { code, path } = error as NodeJS.ErrnoException;
    const what = path === undefined ? "its credentials" : path;
    throw new RotationError(`kubeconfig ${kubeconfig.path}: ${what} cannot be read (${code ?? "unknown error"}): check the paths in it, and that the kubelet has its certificate`, error);
  }
}

function secureContext(kubeconfig: Kubeconfig, options: RequestOptions): SecureContext {
  const { ca, cert, key } = options;
  try {
    return createSecureContext({ ...(ca === undefined ? {} : { ca }), ...(cert === undefined ? {} : { cert }), ...(key === undefined ? {} : { key }) });
  } catch (error) {
    const { user, path } = kubeconfig;
    const files = [user.certFile, user.keyFile].filter((file) => file !== undefined && file !== null).join(", ");
    const where = files === "" ? "its inline certificates" : files;
    throw new RotationError(
      `kubeconfig ${path}: ${where} cannot be used (${(error as NodeJS.ErrnoException).code ?? "not PEM"}): certificate and key must be valid PEM and belong together`,
      error,
    );
  }
}

/** A token file ends with a newline, which a header must not have; anything odder is refused here, unquoted. */
function cleanHeaders(kubeconfig: Kubeconfig, headers: Readonly<Record<string, unknown>>): Record<string, string> {
  const clean: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    const text = String(value).trim();
    if (!/^[\x20-\x7e]+$/.test(text)) {
      throw new CniError("kubeconfig", `kubeconfig ${kubeconfig.path}: the value for ${name} has characters that no token has: check the token or token file`);
    }
    clean[name] = text;
  }
  return clean;
}
