import { toCniError, type CniError } from "../cni/error";
import { isObject, own, parseJson, quote } from "../cni/json";
import { OwnedAnswerError } from "../cni/owned-answer";
import type { Json, JsonObject } from "../ports";
import type { Answer } from "./https-get";
import { statusFailure } from "./status";

/** What is asked for. */
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
