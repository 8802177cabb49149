/** Shapes shared by the rooms of the embedded API server. */

export interface ObjectMeta {
  name: string;
  namespace?: string;
  uid: string;
  resourceVersion: string;
  creationTimestamp: string;
  annotations?: Record<string, string>;
  labels?: Record<string, string>;
  [field: string]: unknown;
}

/** A stored object: whatever the YAML said, with complete metadata. */
export interface KubeObject {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
  [field: string]: unknown;
}

/** How the store and the URL name an object. `group` and `namespace` are "" where they do not apply. */
export interface ObjectRef {
  readonly group?: string;
  /** Plural, as in the URL: `pods`. */
  readonly resource: string;
  readonly namespace?: string;
  readonly name: string;
}

/** Who sent a request, after authentication. */
export interface User {
  readonly name: string;
  readonly groups: readonly string[];
}

/** What a request asks for, in the terms of authorisation. Strings are "" where they do not apply. */
export interface RequestInfo {
  readonly verb: string;
  /** Path without the query, as it came. */
  readonly path: string;
  readonly isResource: boolean;
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  /** `fieldSelector` terms of the form key=value. */
  readonly fields: ReadonlyMap<string, string>;
  readonly query: URLSearchParams;
}

/** A complete response, before anything is written, so that faults can bend it. */
export interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** The answer goes on: `body` is not sent, events are. */
  readonly watch?: import("./watch").WatchRequest;
}
