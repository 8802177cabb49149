import { CniError, type ErrorKind } from "../cni/error";
import { quote } from "../cni/json";
import { OwnedAnswerError } from "../cni/owned-answer";
import type { Clock } from "../ports";

/** The answer was not complete in time. */
export class DeadlineError extends Error {}
/** The answer was larger than the limit; we cut it off. */
export class OversizeError extends Error {}

/**
 * All that an API server can send: 256 KiB of annotations, of which JSON makes up to six times as much, and
 * the rest of an object that etcd holds to 1.5 MiB.
 */
export const MAX_BODY_BYTES = 4 * 1024 * 1024;

/** What every message about the API server names. */
export interface Where {
  readonly server: string;
  readonly kubeconfigPath: string;
  /** `<namespace>/<name>` */
  readonly pod: string;
}

/** 401, or a client certificate refused during the handshake. The session reads the files once more. */
export class RejectedCredentials extends Error {
  constructor(
    readonly server: string,
    readonly reason: string,
  ) {
    super(reason);
    this.name = "RejectedCredentials";
  }
}

/** The error for credentials that stay rejected. */
export function rejectedCredentials(
  where: { kubeconfigPath: string; pod: string },
  error: RejectedCredentials,
): CniError {
  return new CniError(
    "unauthorized",
    `pod ${where.pod}: ${error.server} does not accept the credentials of ${where.kubeconfigPath}: renew the certificate or token it names`,
    { details: quote(error.reason) },
  );
}

const PASSING = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "ECONNABORTED",
  "EPIPE",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENETDOWN",
  "EAI_AGAIN",
  "ENOTFOUND",
]);
/** The server's certificate, as OpenSSL's verification (X509_V_ERR_*) and Node's name check report it. */
const UNTRUSTED =
  /^(?:UNABLE_TO_|CERT_|CRL_|DEPTH_ZERO_|SELF_SIGNED_|INVALID_(?:CA|PURPOSE)|HOSTNAME_MISMATCH|PATH_LENGTH_|ERROR_IN_CERT_|ERR_TLS_CERT_ALTNAME)/;
/** An alert by which a server turns down the client's certificate (RFC 8446, section 6.2). */
const REJECTED =
  /^ERR_SSL_(?:TLSV1[0-9]?|SSLV3|TLSV13)?_?(?:SSL)?_?ALERT_(?:BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|CERTIFICATE_(?:REVOKED|EXPIRED|UNKNOWN|REQUIRED)|UNKNOWN_CA|ACCESS_DENIED)/;

/** Turns a request that brought no answer into CniError, `Transient` or `RejectedCredentials`. */
export function connectionFailure(error: unknown, where: Where): Error {
  const { pod, server, kubeconfigPath } = where;
  const { code = "", message } = error as NodeJS.ErrnoException;
  if (error instanceof DeadlineError) {
    return new CniError(
      "tryAgainLater",
      `pod ${pod}: ${server} did not answer in time: check that it is up, or raise apiTimeout`,
      { cause: error },
    );
  }
  if (error instanceof OversizeError) {
    return new OwnedAnswerError(
      `pod ${pod}: ${server} answered with more than ${MAX_BODY_BYTES} bytes: check that the kubeconfig's server is a Kubernetes API server`,
    );
  }
  if (PASSING.has(code)) {
    return new Transient(
      new CniError(
        "tryAgainLater",
        `pod ${pod}: ${server} cannot be reached (${code}): check that it is up and that the node can reach it`,
        { cause: error },
      ),
    );
  }
  if (REJECTED.test(code)) return new RejectedCredentials(server, code);
  if (code.startsWith("ERR_SSL_") || code === "EPROTO") {
    return new CniError(
      "untrusted",
      `pod ${pod}: no secure connection to ${server} can be made (${code}): check that server in ${kubeconfigPath} is the API server's https address`,
      { details: quote(message) },
    );
  }
  if (UNTRUSTED.test(code)) {
    return new CniError(
      "untrusted",
      `pod ${pod}: the certificate of ${server} cannot be verified (${code}): check certificate-authority, tls-server-name and server in ${kubeconfigPath}`,
      { details: quote(message) },
    );
  }
  return new CniError(
    "apiAnswer",
    `pod ${pod}: ${server} gave no valid HTTP answer (${code || "unknown error"}): check server in ${kubeconfigPath}`,
    { details: quote(message) },
  );
}

/** The time that one read may take. `deadline` is in the units of `clock.elapsed()`. */
export interface Budget {
  readonly clock: Clock;
  readonly deadline: number;
}

/** Milliseconds that are left, never negative. */
export function remaining(budget: Budget): number {
  return Math.max(0, budget.deadline - budget.clock.elapsed());
}

export interface Patience {
  /** What the server asked for (Retry-After). */
  readonly retryAfterMs?: number;
  /** Retried as long as the budget lasts, and not only for six attempts. */
  readonly toTheEnd?: boolean;
}

/** A failure that may pass by itself; `final` is the error when it does not. */
export class Transient extends Error {
  constructor(
    readonly final: CniError,
    readonly patience: Patience = {},
  ) {
    super(final.message);
    this.name = "Transient";
  }
}

/** First pause; doubled each time. The kubelet retries the whole pod, so this only bridges hiccups. */
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1000;
const MAX_ATTEMPTS = 6;

/**
 * Runs `attempt` until it succeeds, fails for good, or the budget or six attempts (those that may take to the
 * end not counted) are used up; then throws the last failure with the number of attempts in its details.
 */
export async function retrying<T>(budget: Budget, attempt: () => Promise<T>): Promise<T> {
  let before: Transient | undefined;
  let hiccups = 0;
  for (let count = 1; ; count++) {
    try {
      return await attempt();
    } catch (error) {
      const failure = lastWord(error, before);
      if (!(failure instanceof Transient)) throw failure;
      const { retryAfterMs = 0, toTheEnd = false } = failure.patience;
      if (!toTheEnd) hiccups++;
      const pause = Math.max(
        Math.min(FIRST_PAUSE_MS * 2 ** (count - 1), LONGEST_PAUSE_MS),
        retryAfterMs,
      );
      if (hiccups >= MAX_ATTEMPTS || pause >= remaining(budget))
        throw failure.final.withDetails(`attempts: ${count}`);
      await budget.clock.sleep(pause);
      before = failure;
    }
  }
}

/** An attempt that the budget cut off says less than the answer before it. */
function lastWord(error: unknown, before: Transient | undefined): unknown {
  const isCutOff = error instanceof Error && error.cause instanceof DeadlineError;
  return isCutOff && before?.patience.toTheEnd === true ? before : error;
}

/**
 * A credential file that is missing or half-written, as it is for a moment while the kubelet
 * replaces a certificate, or that should have been replaced: worth exactly one more look.
 */
export class RotationError extends CniError {
  constructor(message: string, cause: unknown, kind: ErrorKind = "kubeconfig") {
    super(kind, message, { cause });
    this.name = "RotationError";
  }
}
