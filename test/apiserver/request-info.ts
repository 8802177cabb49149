import type { RequestInfo } from "./types";

const VERBS: Readonly<Record<string, string>> = {
  GET: "get",
  HEAD: "get",
  POST: "create",
  PUT: "update",
  PATCH: "patch",
  DELETE: "delete",
};

/** Subresources of a namespace itself; anything else after its name is a resource inside it. */
const NAMESPACE_SUBRESOURCES = new Set(["status", "finalize"]);

/**
 * Reads method and URL into what is asked for, as the real server's RequestInfo does. Two of its
 * habits matter: `GET /api/v1/namespaces/x` counts as a request *in* namespace x (it shows in the
 * 403 message and lets a Role allow it), and percent escapes are decoded per segment. Dots are
 * not resolved. Throws URIError for a malformed escape.
 */
export function readRequestInfo(method: string, url: string): RequestInfo {
  const question = url.indexOf("?");
  const path = question < 0 ? url : url.slice(0, question);
  const query = new URLSearchParams(question < 0 ? "" : url.slice(question + 1));
  const parts = path
    .split("/")
    .filter((part) => part !== "")
    .map(decodeURIComponent);
  const verb = VERBS[method] ?? method.toLowerCase();
  const api = readApi(parts);
  const target = api === undefined ? undefined : readTarget(api.rest);
  const fields = readFields(query.get("fieldSelector") ?? "");
  if (api === undefined || target === undefined) {
    return { ...NOTHING, verb, path, query };
  }
  return {
    ...NOTHING,
    ...target,
    ...nameOf(target, fields),
    verb: collectionVerb(verb, target.name, query),
    path,
    query,
    isResource: true,
    group: api.group,
    version: api.version,
    fields,
  };
}

const NOTHING: Omit<RequestInfo, "verb" | "path" | "query"> = {
  isResource: false,
  group: "",
  version: "",
  resource: "",
  subresource: "",
  namespace: "",
  name: "",
  fields: new Map(),
};

function readApi(
  parts: readonly string[],
): { group: string; version: string; rest: readonly string[] } | undefined {
  const [root, first = "", second = ""] = parts;
  if (root === "api" && parts.length > 2)
    return { group: "", version: first, rest: parts.slice(2) };
  if (root === "apis" && parts.length > 3)
    return { group: first, version: second, rest: parts.slice(3) };
  return undefined;
}

function readTarget(
  rest: readonly string[],
): Pick<RequestInfo, "resource" | "subresource" | "namespace" | "name"> {
  const inside =
    rest[0] === "namespaces" && rest.length > 2 && !NAMESPACE_SUBRESOURCES.has(rest[2] ?? "");
  const [resource = "", name = "", ...sub] = inside ? rest.slice(2) : rest;
  const namespace = rest[0] === "namespaces" ? (rest[1] ?? "") : "";
  return { resource, name, subresource: sub.join("/"), namespace };
}

/** A collection with one name selected counts as that object for authorisation. */
function nameOf(
  target: { readonly name: string },
  fields: ReadonlyMap<string, string>,
): { readonly name: string } {
  return { name: target.name === "" ? (fields.get("metadata.name") ?? "") : target.name };
}

function collectionVerb(verb: string, name: string, query: URLSearchParams): string {
  if (verb === "get" && ["1", "true"].includes(query.get("watch") ?? "")) return "watch";
  if (name !== "") return verb;
  if (verb === "get") return "list";
  return verb === "delete" ? "deletecollection" : verb;
}

function readFields(selector: string): Map<string, string> {
  const terms = selector.split(",").filter((term) => term.includes("="));
  return new Map(
    terms.map((term) => [term.slice(0, term.indexOf("=")), term.slice(term.indexOf("=") + 1)]),
  );
}
