import { listAnswer, render } from "./list";
import { negotiate } from "./negotiate";
import { nodeDenial, type NodeAuthorization } from "./node-authorizer";
import type { ObjectStore } from "./object-store";
import { rbacAllows } from "./rbac";
import { readRequestInfo } from "./request-info";
import { forbidden, notFound, statusAnswer, unauthorized } from "./status";
import type { Answer, RequestInfo, User } from "./types";

export interface Question {
  readonly method: string;
  /** Path and query as they came. */
  readonly url: string;
  readonly accept: string | undefined;
  /** undefined: not authenticated. */
  readonly user: User | undefined;
}

/** Readable without being an object: version and health. */
const PLAIN: Readonly<Record<string, Answer>> = {
  "/version": json({ major: "1", minor: "34", gitVersion: "v1.34.0", platform: "linux/amd64" }),
  "/healthz": text(200, "ok"),
  "/livez": text(200, "ok"),
  "/readyz": text(200, "ok"),
};

const MEDIA_TYPES = "application/json, application/yaml, application/vnd.kubernetes.protobuf";

/**
 * The answer a healthy server gives, in the real one's order: authentication, authorisation,
 * then existence, method and representation. Objects can only be read; every write is 405.
 */
export function answer(question: Question, store: ObjectStore, mode: NodeAuthorization): Answer {
  const { user } = question;
  if (user === undefined) return unauthorized();
  const info = tryRead(question);
  if (info === undefined) return text(400, "400 Bad Request");
  const denial = nodeDenial(info, user, store, mode);
  if (denial !== undefined && !rbacAllows(info, user, store))
    return forbidden(info, user.name, denial);
  if (!info.isResource) return PLAIN[info.path] ?? text(404, "404 page not found\n");
  return resourceAnswer(info, question.accept, store);
}

function tryRead(question: Question): RequestInfo | undefined {
  try {
    return readRequestInfo(question.method, question.url);
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}

function resourceAnswer(info: RequestInfo, accept: string | undefined, store: ObjectStore): Answer {
  if (!["get", "list", "watch"].includes(info.verb)) {
    return statusAnswer(405, {
      message: "the server does not allow this method on the requested resource",
      details: {},
    });
  }
  const form = negotiate(accept);
  if (form === undefined) {
    return statusAnswer(406, {
      message: `only the following media types are accepted: ${MEDIA_TYPES}`,
    });
  }
  const isList = info.verb === "list";
  if (form.kind === "metadata" && form.isList !== isList) return wrongShape(isList);
  if (info.verb === "watch") return { ...json({}), watch: { info, form } };
  if (info.verb === "list") return listAnswer(info, form, store);
  const object = info.subresource === "" ? store.get(info) : undefined;
  return object === undefined ? notFound(info) : json(render(object, form));
}

/** The real server's transformer takes each of the two names for its own shape only. */
function wrongShape(isList: boolean): Answer {
  const message = isList
    ? "you requested PartialObjectMetadata, but the requested object is a list"
    : "you requested PartialObjectMetadataList, but the requested object is not a list";
  return statusAnswer(406, { message });
}

function json(body: unknown): Answer {
  return { status: 200, contentType: "application/json", body: `${JSON.stringify(body)}\n` };
}

function text(status: number, body: string): Answer {
  return { status, contentType: "text/plain; charset=utf-8", body };
}
