import { CniError, toCniError } from "../cni/error";
import { isObject, own, parseJson, quote, type Json, type JsonObject } from "../cni/json";
import { OwnedAnswerError } from "../cni/owned-answer";
import type { Answer } from "./https-get";
import { RejectedCredentials, Transient } from "./errors";

/** The object that is read. */
export interface Subject {
  readonly kind: "Pod" | "Namespace";
  readonly resource: "pods" | "namespaces";
  readonly name: string;
  readonly namespace: string | undefined;
  /** Escaped path below the server's URL. */
  readonly path: string;
  /** `<namespace>/<name>` of the pod on whose behalf, for messages. */
  readonly pod: string;
}

export interface Metadata {
  readonly uid: string;
  /** Without prototype. */
  readonly annotations: Readonly<Record<string, string>>;
}

/** For messages. */
export interface Source {
  readonly server: string;
  readonly kubeconfigPath: string;
}

/**
 * Reads the metadata out of an answer to `subject`. Throws `OwnedAnswerError` for anything that is
 * not exactly that object, and what `statusFailure` says for a refusal.
 */
export function readMetadata(answer: Answer, subject: Subject, source: Source): Metadata {
  if (answer.status !== 200) throw statusFailure(answer, subject, source);
  const fail = (problem: string): CniError => unusable(subject, source, problem);
  const encoding = answer.headers["content-encoding"] ?? "identity";
  if (encoding !== "identity")
    throw fail(`is encoded as ${quote(encoding)}, which was not asked for`);
  const object = parseObject(answer.body, fail);
  const kind = own(object, "kind");
  if (kind !== "PartialObjectMetadata" && kind !== subject.kind)
    throw fail(`has kind ${quote(kind ?? "")}`);
  const metadata = own(object, "metadata");
  if (!isObject(metadata)) throw fail("has no metadata");
  refuseOther(metadata, subject, fail);
  const uid = own(metadata, "uid");
  if (typeof uid !== "string") throw fail("has no metadata.uid");
  return { uid, annotations: readAnnotations(own(metadata, "annotations"), fail) };
}

function unusable(subject: Subject, source: Source, problem: string): CniError {
  const asked = `${subject.kind.toLowerCase()} ${subject.namespace === undefined ? subject.name : subject.pod}`;
  return new OwnedAnswerError(
    `pod ${subject.pod}: the answer of ${source.server} for ${asked} ${problem}: check that server in ${source.kubeconfigPath} is a Kubernetes API server`,
  );
}

function parseObject(body: Uint8Array, fail: (problem: string) => CniError): JsonObject {
  let value: Json;
  try {
    value = parseJson(body, "it");
  } catch (error) {
    throw fail("cannot be decoded").withDetails(quote(toCniError(error).message));
  }
  if (!isObject(value)) throw fail("is not a JSON object");
  return value;
}

function refuseOther(
  metadata: JsonObject,
  subject: Subject,
  fail: (problem: string) => CniError,
): void {
  const namespace = own(metadata, "namespace") || undefined;
  if (own(metadata, "name") === subject.name && namespace === subject.namespace) return;
  throw fail("is about another object");
}

function readAnnotations(
  value: Json | undefined,
  fail: (problem: string) => CniError,
): Record<string, string> {
  const annotations = Object.create(null) as Record<string, string>;
  if (value === undefined || value === null) return annotations;
  if (!isObject(value)) throw fail("has annotations that are not an object");
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== "string") throw fail(`has annotation ${quote(key)} that is not a string`);
    annotations[key] = text;
  }
  return annotations;
}

/** A longer wait is left to the kubelet (seconds). */
const MAX_RETRY_AFTER_MS = 10_000;

/** What a status other than 200 means for the pod; the body is a meta/v1 Status if a Kubernetes API server sent it. */
function statusFailure(answer: Answer, subject: Subject, source: Source): Error {
  const { status } = answer;
  const message = statusMessage(answer);
  if (status === 401) return new RejectedCredentials(source.server, message ?? "401 Unauthorized");
  if (status === 403) return forbidden(message ?? "", subject, source);
  const details = quote(message ?? "");
  const who = `pod ${subject.pod}: ${source.server}`;
  if (status === 404 && message !== undefined) {
    return new CniError(
      "tryAgainLater",
      `${who} does not have ${shortName(subject)} yet, or no longer: try again`,
      { details },
    );
  }
  const answered = `${who} answered ${status} for ${subject.resource}`;
  if (mayPass(status)) {
    const final = new CniError("tryAgainLater", `${answered}: check the health of the API server`, {
      details,
    });
    return new Transient(final, { retryAfterMs: retryAfter(answer) });
  }
  const hint = isRedirect(status) ? "redirects are not followed: " : "";
  return new CniError("apiAnswer", `${answered}: ${hint}check server in ${source.kubeconfigPath}`, {
    details,
  });
}

function shortName(subject: Subject): string {
  return subject.kind === "Pod" ? "the pod" : `namespace ${subject.name}`;
}

function mayPass(status: number): boolean {
  return status === 429 || status >= 500;
}

function isRedirect(status: number): boolean {
  return status >= 300 && status < 400;
}

/** Before RBAC has synced, the API server refuses everybody: right after its start that is no last word. */
const STARTING =
  "or, right after a start of the API server, wait: it refuses everybody until RBAC has synced";

function forbidden(message: string, subject: Subject, source: Source): Transient {
  const user =
    /User "([\x21\x23-\x5b\x5d-\x7e]{1,256})"/.exec(message)?.[1] ??
    `the user of ${source.kubeconfigPath}`;
  const details = message.slice(0, 500).replace(/[^\x20-\x7e]/g, "?");
  const what = `pod ${subject.pod}: ${subject.resource} "${subject.name}" is forbidden for ${user}:`;
  if (subject.kind === "Namespace") {
    return new Transient(
      new CniError(
        "forbidden",
        `${what} apply manifests/rbac.yaml, ${STARTING} (${source.server})`,
        { details },
      ),
      { toTheEnd: true },
    );
  }
  // The node authorizer has not seen the binding yet: its informer is a moment behind the kubelet's
  // (decision 0015).
  if (message.includes("no relationship found")) {
    return new Transient(
      new CniError(
        "tryAgainLater",
        `${what} the API server knows no relationship between the node and the pod yet: check that the pod is bound to this node (${source.server})`,
        { details },
      ),
    );
  }
  const remedy = `a node's credentials read only the pods bound to it: check that ${source.kubeconfigPath} is this node's, or grant get on pods, ${STARTING}`;
  return new Transient(
    new CniError("forbidden", `${what} ${remedy} (${source.server})`, { details }),
    { toTheEnd: true },
  );
}

function statusMessage(answer: Answer): string | undefined {
  try {
    const body = parseJson(answer.body, "Status");
    if (!isObject(body) || own(body, "kind") !== "Status") return undefined;
    const message = own(body, "message");
    return typeof message === "string" ? message : "";
  } catch {
    return undefined;
  }
}

/** Seconds only: Kubernetes never sends the date form (RFC 9110, section 10.2.3). */
function retryAfter(answer: Answer): number {
  const text = answer.headers["retry-after"] ?? "";
  return /^[0-9]{1,6}$/.test(text) ? Math.min(Number(text) * 1000, MAX_RETRY_AFTER_MS) : 0;
}
