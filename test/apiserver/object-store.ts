import { randomUUID } from "node:crypto";
import { History } from "./history";
import { checkManifest, loadManifests, type Manifest } from "./load-yaml";
import { groupOf, isNamespaced, isNamespacedResource, refOf, resourceOf } from "./resources";
import type { KubeObject, ObjectMeta, ObjectRef } from "./types";

/** Namespaces that every cluster has. */
const INITIAL = ["default", "kube-system", "kube-public", "kube-node-lease"];

/** The objects of the cluster, with the metadata that a real server would have given them. */
export class ObjectStore {
  readonly #objects = new Map<string, KubeObject>();
  readonly #nodeName: string;
  readonly history = new History();
  #version = 1000;

  /** `nodeName` plays the scheduler: pods without spec.nodeName are bound to this node. */
  constructor(nodeName: string) {
    this.#nodeName = nodeName;
    for (const name of INITIAL)
      this.put({ apiVersion: "v1", kind: "Namespace", metadata: { name } });
  }

  /** That of the newest change, for lists. */
  get resourceVersion(): string {
    return String(this.#version);
  }

  /** Creates or updates every object of a YAML text, like `kubectl apply`. Throws for what kubectl refuses. */
  apply(yamlText: string): KubeObject[] {
    return loadManifests(yamlText).map((manifest) => this.put(manifest));
  }

  /**
   * Creates or replaces one object. uid and creationTimestamp survive an update; a given uid is
   * kept. Throws when its namespace does not exist.
   */
  put(manifest: Manifest): KubeObject {
    const checked = checkManifest(structuredClone(manifest), "the object");
    const namespace = isNamespaced(checked.kind)
      ? String(checked.metadata["namespace"] ?? "default")
      : "";
    if (namespace !== "" && this.get({ resource: "namespaces", name: namespace }) === undefined) {
      throw new Error(
        `${resourceOf(checked.kind)} "${checked.metadata.name}" is in namespace "${namespace}", which does not exist: add the namespace first`,
      );
    }
    const object = this.#complete(checked, namespace);
    const key = keyOf(refOf(object));
    const before = this.#objects.get(key);
    this.#objects.set(key, object);
    this.history.add({ version: this.#version, before, after: object });
    return object;
  }

  /** The object, or undefined. Callers must not change it: use `update`. */
  get(ref: ObjectRef): KubeObject | undefined {
    return this.#objects.get(keyOf(ref));
  }

  /** All objects of a resource, in one namespace unless it is "". */
  list(resource: string, namespace = "", group = ""): KubeObject[] {
    return [...this.#objects.values()].filter((object) => {
      const ref = refOf(object);
      return (
        ref.resource === resource &&
        ref.group === group &&
        (namespace === "" || ref.namespace === namespace)
      );
    });
  }

  /** Changes an existing object in place and gives it a new resourceVersion. Throws when it is absent. */
  update(ref: ObjectRef, change: (object: KubeObject) => void): KubeObject {
    const current = this.get(ref);
    if (current === undefined) throw new Error(`${ref.resource} "${ref.name}" does not exist`);
    const next = structuredClone(current);
    change(next);
    return this.put(next);
  }

  /** Removes an object, a namespace with all that is in it. True when there was one. */
  remove(ref: ObjectRef): boolean {
    if (ref.resource === "namespaces") {
      for (const [key, object] of this.#objects)
        if (object.metadata.namespace === ref.name) this.#delete(key);
    }
    return this.#delete(keyOf(ref));
  }

  /** Forgets the past: a watch or a page from before now is 410. */
  expireHistory(): void {
    this.history.expire(++this.#version);
  }

  #delete(key: string): boolean {
    const object = this.#objects.get(key);
    if (object === undefined) return false;
    this.#objects.delete(key);
    const metadata = { ...object.metadata, resourceVersion: String(++this.#version) };
    this.history.add({
      version: this.#version,
      before: { ...object, metadata },
      after: undefined,
    });
    return true;
  }

  #complete(manifest: Manifest, namespace: string): KubeObject {
    const { name, namespace: _given, ...rest } = manifest.metadata;
    const ref = {
      group: groupOf(manifest.apiVersion),
      resource: resourceOf(manifest.kind),
      namespace,
      name,
    };
    const before = this.get(ref)?.metadata;
    const metadata: ObjectMeta = {
      ...rest,
      name,
      ...(namespace === "" ? {} : { namespace }),
      uid: String(manifest.metadata["uid"] ?? before?.uid ?? randomUUID()),
      resourceVersion: String(++this.#version),
      creationTimestamp: String(
        manifest.metadata["creationTimestamp"] ?? before?.creationTimestamp ?? now(),
      ),
    };
    return this.#defaults({ ...manifest, metadata });
  }

  #defaults(object: KubeObject): KubeObject {
    if (object.kind === "Namespace") {
      const labels = {
        "kubernetes.io/metadata.name": object.metadata.name,
        ...object.metadata.labels,
      };
      return { ...object, metadata: { ...object.metadata, labels }, status: { phase: "Active" } };
    }
    if (object.kind !== "Pod") return object;
    const spec = {
      nodeName: this.#nodeName,
      ...(object["spec"] as Record<string, unknown> | undefined),
    };
    return { ...object, spec, status: object["status"] ?? { phase: "Pending" } };
  }
}

/** RFC 3339 in UTC with whole seconds, the form of metav1.Time. */
const now = (): string => new Date().toISOString().replace(/\.\d+Z$/, "Z");

/** The URL of a namespace counts as being inside it, so a namespace is dropped where there is none. */
function keyOf(ref: ObjectRef): string {
  const namespace = isNamespacedResource(ref.resource) ? (ref.namespace ?? "") : "";
  return JSON.stringify([ref.group ?? "", ref.resource, namespace, ref.name]);
}
