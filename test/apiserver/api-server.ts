import { mkdirSync } from "node:fs";
import { isIPv6 } from "node:net";
import { resolve } from "node:path";
import type { TokenTable } from "./authenticate";
import { Faults } from "./faults";
import { writeKubeconfig, type KubeconfigKind } from "./kubeconfig";
import { Listener } from "./listener";
import type { NodeAuthorization } from "./node-authorizer";
import { ObjectStore } from "./object-store";
import { Pki, type ServingCert } from "./pki";
import { BOOTSTRAP_RBAC } from "./rbac";
import { RequestLog } from "./request-log";
import { GZIP_MIN_BYTES } from "./respond";
import { serveRequest } from "./serve-request";
import { BOOKMARK_MS, Watches } from "./watch";

export interface ApiServerOptions {
  /** For PKI and kubeconfigs; made if absent. A CA already there is used again, so kubeconfigs survive a restart. */
  readonly dir: string;
  /** YAML texts. */
  readonly objects?: readonly string[];
  /** The node whose kubelet the kubeconfigs are for; pods without spec.nodeName are bound to it. Default n1. */
  readonly nodeName?: string;
  /** Address to listen on, default 127.0.0.1; must be one of the process's network namespace. */
  readonly host?: string;
  /** Default 0: any free port. */
  readonly port?: number;
  /** Host part of `url` when it differs from `host` (0.0.0.0, a DNAT); goes into the certificate too. */
  readonly advertise?: string;
  /** Further names and addresses for the certificate. */
  readonly names?: readonly string[];
  readonly servingCert?: ServingCert;
  /** See node-authorizer; default `graph`. */
  readonly nodeAuthorization?: NodeAuthorization;
  /** Default 128 KiB, as the real server. */
  readonly gzipMinBytes?: number;
  /** Between two bookmarks of a watch. Default a minute, as the real server. */
  readonly bookmarkMs?: number;
}

/** A running server and everything that can be done to it. */
export interface ApiServer {
  readonly url: string;
  readonly port: number;
  readonly dir: string;
  readonly nodeName: string;
  readonly pki: Pki;
  readonly objects: ObjectStore;
  readonly tokens: TokenTable;
  readonly faults: Faults;
  readonly requests: RequestLog;
  readonly watches: Watches;
  /** Writes a kubeconfig of this flavour and returns its path. `server` replaces the URL in it. */
  kubeconfig(kind: KubeconfigKind, server?: string): string;
  /** Changes the server's certificate at run time. */
  show(cert: ServingCert): void;
  /** Connection refused from now on, open connections dropped. */
  stop(): Promise<void>;
  /** Listens again on the same port. */
  start(): Promise<void>;
  /** Stops for good; `dir` is left to the caller. */
  close(): Promise<void>;
}

/** The token that kubeconfigs of kind token, token-file and exec carry. */
export const KUBELET_TOKEN = "kubelet-token-of-the-test-cluster";

/** Starts a server. Rejects when it cannot listen, openssl is missing, or an object is refused. */
export async function startApiServer(options: ApiServerOptions): Promise<ApiServer> {
  const { nodeName = "n1", host = "127.0.0.1", advertise = host } = options;
  const dir = resolve(options.dir);
  mkdirSync(dir, { recursive: true });
  const pki = new Pki({ dir, nodeName, names: [advertise, host, ...(options.names ?? [])] });
  pki.rotateKubeletClient();
  const state = makeState(options, nodeName);
  const listener: Listener = new Listener({
    host,
    port: options.port ?? 0,
    caCert: pki.ca.cert,
    serving: pki.serving(options.servingCert ?? "valid"),
    faults: state.faults,
    onRequest: (req, res) => {
      const serving = { ...state, under: listener.under.bind(listener) };
      serveRequest(serving, req, res).catch((error: unknown) => res.destroy(error as Error));
    },
  });
  await listener.start();
  const url = `https://${isIPv6(advertise) ? `[${advertise}]` : advertise}:${listener.port}`;
  return {
    ...state,
    url,
    port: listener.port,
    dir,
    nodeName,
    pki,
    kubeconfig: (kind, server = url) =>
      writeKubeconfig({ dir, pki, server, token: KUBELET_TOKEN }, kind),
    show: (cert) => listener.show(pki.serving(cert)),
    start: () => listener.start(),
    stop: () => listener.stop(),
    close: () => listener.stop(),
  };
}

function makeState(options: ApiServerOptions, nodeName: string) {
  const objects = new ObjectStore(nodeName);
  for (const text of [BOOTSTRAP_RBAC, nodeObject(nodeName), ...(options.objects ?? [])])
    objects.apply(text);
  const kubelet = { name: `system:node:${nodeName}`, groups: ["system:nodes"] };
  return {
    objects,
    tokens: new Map([[KUBELET_TOKEN, kubelet]]) as TokenTable,
    faults: new Faults(),
    requests: new RequestLog(),
    watches: new Watches(objects, options.bookmarkMs ?? BOOKMARK_MS),
    nodeAuthorization: options.nodeAuthorization ?? "graph",
    gzipMinBytes: options.gzipMinBytes ?? GZIP_MIN_BYTES,
  };
}

const nodeObject = (name: string): string =>
  `{ apiVersion: v1, kind: Node, metadata: { name: "${name}" } }`;
