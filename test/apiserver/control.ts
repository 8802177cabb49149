import { chmodSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import type { ApiServer } from "./api-server";
import type { Fault } from "./faults";
import { KUBECONFIG_KINDS } from "./kubeconfig";
import { oneOf } from "./one-of";
import { SERVING_CERTS } from "./pki";
import { refOf } from "./resources";
import type { KubeObject, ObjectRef } from "./types";

/** One call to the control socket; the route has been matched. */
interface Call {
  readonly api: ApiServer;
  readonly args: readonly string[];
  readonly query: URLSearchParams;
  readonly body: string;
}

type Route = readonly [method: string, path: RegExp, run: (call: Call) => unknown];

const OBJECT_PATH = /^\/objects\/([^/]+)\/([^/]+)\/([^/]+)$/;

/** Everything that the in-process API can do to a running server, as HTTP. `-` is the empty namespace. */
const ROUTES: readonly Route[] = [
  [
    "GET",
    /^\/info$/,
    ({ api }) => ({ url: api.url, port: api.port, dir: api.dir, nodeName: api.nodeName }),
  ],
  ["POST", /^\/objects$/, ({ api, body }) => api.objects.apply(body).map(summary)],
  ["GET", OBJECT_PATH, ({ api, args }) => api.objects.get(refFrom(args)) ?? null],
  ["DELETE", OBJECT_PATH, ({ api, args }) => api.objects.remove(refFrom(args))],
  ["GET", /^\/faults$/, ({ api }) => api.faults.list()],
  ["POST", /^\/faults$/, ({ api, body }) => api.faults.add(JSON.parse(body) as Fault)],
  ["DELETE", /^\/faults$/, ({ api }) => api.faults.clear()],
  ["GET", /^\/requests$/, ({ api, query }) => api.requests.list(query.get("path") ?? "*")],
  ["DELETE", /^\/requests$/, ({ api }) => api.requests.clear()],
  [
    "POST",
    /^\/kubeconfigs\/([^/]+)$/,
    ({ api, args }) => api.kubeconfig(oneOf(KUBECONFIG_KINDS, args[0])),
  ],
  ["POST", /^\/serving-cert\/([^/]+)$/, ({ api, args }) => api.show(oneOf(SERVING_CERTS, args[0]))],
  [
    "POST",
    /^\/rotate-kubelet-client$/,
    ({ api, query }) =>
      api.pki.rotateKubeletClient({
        expired: query.has("expired"),
        removeOld: query.has("removeOld"),
        ...(query.has("until") && { dates: [query.get("from") ?? "", query.get("until") ?? ""] }),
      }),
  ],
  [
    "POST",
    /^\/expire-history$/,
    ({ api, query }) => {
      api.watches.goneAs = query.has("status") ? "status" : "event";
      api.objects.expireHistory();
      if (query.has("running")) api.watches.gone();
    },
  ],
  ["POST", /^\/watches\/bookmark$/, ({ api }) => api.watches.bookmark()],
  ["POST", /^\/watches\/cut$/, ({ api }) => api.watches.cut()],
  ["POST", /^\/stop$/, ({ api }) => api.stop()],
  ["POST", /^\/start$/, ({ api }) => api.start()],
];

/** Serves the control routes on a unix socket (mode 0600); returns how to stop. */
export async function startControl(
  api: ApiServer,
  socketPath: string,
): Promise<() => Promise<void>> {
  rmSync(socketPath, { force: true });
  const server = createServer((req, res) => {
    handle(api, req)
      .then((result) => res.end(`${JSON.stringify(result ?? null)}\n`))
      .catch((error: unknown) => {
        res.statusCode = 400;
        res.end(
          `${JSON.stringify({ error: error instanceof Error ? error.message : String(error) })}\n`,
        );
      });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(socketPath, resolve);
  });
  chmodSync(socketPath, 0o600);
  return async () => {
    server.closeAllConnections();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  };
}

async function handle(api: ApiServer, req: IncomingMessage): Promise<unknown> {
  const url = new URL(req.url ?? "/", "http://control");
  const body = await text(req);
  for (const [method, path, run] of ROUTES) {
    const match = method === req.method ? path.exec(url.pathname) : null;
    if (match !== null)
      return run({
        api,
        args: match.slice(1).map(decodeURIComponent),
        query: url.searchParams,
        body,
      });
  }
  throw new Error(`no control route ${req.method ?? ""} ${url.pathname}`);
}

function refFrom([resource = "", namespace = "", name = ""]: readonly string[]): ObjectRef {
  return { resource, namespace: namespace === "-" ? "" : namespace, name };
}

function summary(object: KubeObject): Record<string, string> {
  const { resource, namespace, name } = refOf(object);
  return { resource, namespace, name, uid: object.metadata.uid };
}
