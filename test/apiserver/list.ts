import type { Representation } from "./negotiate";
import { randomUUID } from "node:crypto";
import type { ObjectStore } from "./object-store";
import { resourceOf } from "./resources";
import { statusAnswer } from "./status";
import type { Answer, KubeObject, RequestInfo } from "./types";

/** A list that was begun: every page is of the same moment. */
interface Snapshot {
  readonly version: string;
  readonly rest: readonly KubeObject[];
}

const snapshots = new WeakMap<ObjectStore, Map<string, Snapshot>>();

/**
 * LIST with fieldSelector, limit and continue, and resourceVersion as far as it can be too new (504) or,
 * for a page, too old (410). It is always of this moment, which every resourceVersionMatch but Exact allows.
 */
export function listAnswer(info: RequestInfo, form: Representation, store: ObjectStore): Answer {
  const wanted = number(info, "resourceVersion");
  if (wanted > Number(store.resourceVersion)) return tooNew(wanted, store.resourceVersion);
  const snapshot = begin(info, store);
  if (snapshot === undefined) return expiredContinue();
  const { version, rest } = snapshot;
  const limit = number(info, "limit") || rest.length;
  const metadata = { resourceVersion: version, ...following(info, store, snapshot) };
  const items = rest.slice(0, limit).map((object) => render(object, form));
  const body = { ...head(info, form, rest[0]?.kind), metadata, items };
  return { status: 200, contentType: "application/json", body: `${JSON.stringify(body)}\n` };
}

/** This moment, or that of the page before; undefined: that is no longer known. */
function begin(info: RequestInfo, store: ObjectStore): Snapshot | undefined {
  const token = info.query.get("continue") ?? "";
  if (token === "") return { version: store.resourceVersion, rest: select(info, store) };
  const begun = snapshotsOf(store).get(token);
  const isKnown = begun !== undefined && Number(begun.version) >= store.history.forgotten;
  return isKnown ? begun : undefined;
}

/** What the head says of the next page. */
function following(info: RequestInfo, store: ObjectStore, { version, rest }: Snapshot) {
  const left = rest.slice(number(info, "limit") || rest.length);
  if (left.length === 0) return {};
  const next = randomUUID();
  snapshotsOf(store).set(next, { version, rest: left });
  // Not counted with a selector.
  return { continue: next, ...(info.fields.size > 0 ? {} : { remainingItemCount: left.length }) };
}

const number = (info: RequestInfo, name: string): number => Number(info.query.get(name) ?? "0");

/** Whether `object` is of the collection and selector that are asked for. */
export function isSelected(object: KubeObject, info: RequestInfo): boolean {
  const values: Readonly<Record<string, string | undefined>> = {
    "metadata.name": object.metadata.name,
    "metadata.namespace": object.metadata.namespace,
    "spec.nodeName": (object["spec"] as { nodeName?: string } | undefined)?.nodeName,
  };
  return [...info.fields].every(([field, wanted]) => values[field] === wanted);
}

export function render(object: KubeObject, form: Representation): unknown {
  if (form.kind === "full") return object;
  return { kind: "PartialObjectMetadata", apiVersion: form.apiVersion, metadata: object.metadata };
}

function select(info: RequestInfo, store: ObjectStore): readonly KubeObject[] {
  return store
    .list(info.resource, info.namespace, info.group)
    .filter((object) => isSelected(object, info));
}

function head(info: RequestInfo, form: Representation, found: string | undefined) {
  if (form.kind === "metadata")
    return { kind: "PartialObjectMetadataList", apiVersion: form.apiVersion };
  const group = info.group === "" ? "" : `${info.group}/`;
  return { kind: `${found ?? kindOf(info.resource)}List`, apiVersion: `${group}${info.version}` };
}

/** Only for an empty list, where no object says how its kind is spelt. */
function kindOf(resource: string): string {
  return ["Pod", "Namespace", "Node"].find((kind) => resourceOf(kind) === resource) ?? resource;
}

function snapshotsOf(store: ObjectStore): Map<string, Snapshot> {
  const known = snapshots.get(store) ?? new Map<string, Snapshot>();
  snapshots.set(store, known);
  return known;
}

function tooNew(wanted: number, current: string): Answer {
  const cause = { reason: "ResourceVersionTooLarge", message: "Too large resource version" };
  return statusAnswer(504, {
    message: `Timeout: Too large resource version: ${wanted}, current: ${current}`,
    details: { causes: [cause] },
    retryAfter: 1,
  });
}

function expiredContinue(): Answer {
  return statusAnswer(410, {
    message:
      "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter.",
  });
}
