import { printable } from "../text/printable";

/**
 * The one registry of error codes. Codes below 100 are the CNI specification's (SPEC.md,
 * "Error"), the rest are ours. docs/errors.md documents every entry; a test ties the two together.
 *
 * A runtime drops the plugin's stderr when it fails with JSON, so the message must carry all that
 * an operator needs: who, what failed, what to do.
 */
export const ERRORS = {
  incompatibleVersion: { code: 1, title: "incompatible CNI version" },
  unsupportedField: { code: 2, title: "unsupported field in the network configuration" },
  invalidEnvironment: { code: 4, title: "invalid environment" },
  io: { code: 5, title: "I/O failure" },
  decode: { code: 6, title: "undecodable input" },
  invalidConfig: { code: 7, title: "invalid network configuration or mark" },
  invalidNetns: { code: 8, title: "unusable network namespace" },
  tryAgainLater: { code: 11, title: "try again later" },
  notAvailable: { code: 50, title: "plugin not available" },
  limitedConnectivity: { code: 51, title: "plugin not available, existing pods limited" },
  delegateMissing: { code: 100, title: "delegate plugin missing" },
  delegateFailed: { code: 101, title: "delegate plugin failed without a CNI error" },
  delegateResult: { code: 102, title: "unusable result from the delegate" },
  forbidden: { code: 103, title: "API server refuses access (RBAC)" },
  unauthorized: { code: 104, title: "API server does not accept the credentials" },
  untrusted: { code: 105, title: "API server's certificate cannot be verified" },
  tenantForbidden: { code: 106, title: "namespace may not use this tenant" },
  kubeconfig: { code: 107, title: "unusable kubeconfig" },
  apiAnswer: { code: 108, title: "unusable answer from the API server" },
  rules: { code: 110, title: "firewall rules could not be programmed" },
  ruleDrift: { code: 111, title: "firewall rules differ from the journal" },
  duplicateAttachment: { code: 112, title: "attachment exists already" },
  journal: { code: 113, title: "journal unusable" },
  attachmentUnknown: { code: 114, title: "attachment is not in the journal" },
  superseded: {
    code: 115,
    title: "attachment removed, or its runtime ended, while it was being added",
  },
  internal: { code: 199, title: "internal error" },
} as const;

export type ErrorKind = keyof typeof ERRORS;

export interface ErrorOptions {
  /** Further facts: the original text, what failed in the rollback. Shown after the message. */
  readonly details?: string;
  readonly cause?: unknown;
  /** The package that brings what is missing on this node. */
  readonly missingPackage?: string | undefined;
}

/** An error on its way to the runtime: what `code`, `msg` and `details` of the error JSON will be. */
export class CniError extends Error {
  readonly code: number;
  readonly details: string;
  readonly missingPackage: string | undefined;

  constructor(kind: ErrorKind | number, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "CniError";
    this.code = typeof kind === "number" ? kind : ERRORS[kind].code;
    this.details = options.details ?? "";
    this.missingPackage = options.missingPackage;
  }

  /** The same error with one more fact appended to its details. */
  withDetails(more: string): CniError {
    const details = this.details === "" ? more : `${this.details}; ${more}`;
    const { cause, missingPackage } = this;
    return new CniError(this.code, this.message, { details, cause, missingPackage });
  }
}

/** The programs that list or change rules are missing, so no rule was changed. */
export class RulesUntouched extends CniError {}

/** Turns whatever was thrown into a CniError; unknown errors become `internal` with their text kept. */
export function toCniError(thrown: unknown): CniError {
  if (thrown instanceof CniError) return thrown;
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  const nodeCode = (error as NodeJS.ErrnoException).code;
  if (typeof nodeCode === "string" && /^E[A-Z]+$/.test(nodeCode)) {
    return new CniError("io", `I/O failure: ${error.message}`, { cause: error });
  }
  return new CniError(
    "internal",
    `internal error: ${error.message}: please report it with the log line`,
    {
      cause: error,
      details: error.stack ?? "",
    },
  );
}

/** Throws the first of these errors with the others in its details; returns when there is none. */
export function throwTogether(errors: readonly CniError[]): void {
  const [first, ...others] = errors;
  if (first !== undefined)
    throw others.reduce((error, other) => error.withDetails(other.message), first);
}

/**
 * Waits until all of these have ended, whatever fails. Then throws the first failure, with the others in
 * its details.
 */
export async function settleTogether<T>(all: readonly Promise<T>[]): Promise<readonly T[]> {
  const outcomes = await Promise.allSettled(all);
  throwTogether(
    outcomes.flatMap((outcome) =>
      outcome.status === "rejected" ? [toCniError(outcome.reason)] : [],
    ),
  );
  return outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []));
}

/**
 * The error JSON of the specification. `msg` is never empty. kubectl prints it as it is, so what would
 * act on a terminal is escaped.
 */
export function errorJson(error: CniError, cniVersion: string): string {
  const body = {
    cniVersion,
    code: error.code,
    msg: error.message === "" ? `error ${error.code}` : printable(error.message),
    ...(error.details === "" ? {} : { details: printable(error.details) }),
  };
  return JSON.stringify(body);
}
