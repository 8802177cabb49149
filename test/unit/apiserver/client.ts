import { randomUUID } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import {
  KUBELET_TOKEN,
  startApiServer,
  type ApiServer,
  type ApiServerOptions,
} from "../../apiserver/api-server";
import type { KeyPair } from "../../apiserver/openssl";

export const METADATA_ONLY = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";

export const METADATA_LIST = METADATA_ONLY.replace("as=PartialObjectMetadata", "$&List");

export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly bytes: Buffer;
  readonly text: string;
}

export interface GetOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Client certificate; "kubelet-token" when neither this nor `anonymous` is given. */
  readonly pair?: KeyPair;
  readonly anonymous?: boolean;
  readonly ca?: string;
  readonly timeoutMs?: number;
}

/** One request on a connection of its own. Rejects with the socket's error, or ETIMEDOUT after timeoutMs. */
export async function get(api: ApiServer, path: string, options: GetOptions = {}): Promise<Reply> {
  const bearer = options.anonymous === true || options.pair !== undefined;
  const headers = bearer ? {} : { authorization: `Bearer ${KUBELET_TOKEN}` };
  return new Promise((resolve, reject) => {
    const req = request(
      {
        host: "127.0.0.1",
        port: api.port,
        path,
        method: options.method ?? "GET",
        headers: { ...headers, ...options.headers },
        ca: options.ca ?? api.pki.ca.cert,
        agent: false,
        ...options.pair,
      },
      (res) => {
        buffer(res).then((bytes) => {
          resolve({
            status: res.statusCode ?? 0,
            headers: res.headers,
            bytes,
            text: bytes.toString(),
          });
        }, reject);
      },
    );
    req.setTimeout(options.timeoutMs ?? 60_000, () => {
      req.destroy(Object.assign(new Error("no answer in time"), { code: "ETIMEDOUT" }));
    });
    req.on("error", reject).end();
  });
}

/** The body as an object with any fields. */
export function json(
  reply: Reply,
): Record<string, unknown> & { metadata: Record<string, unknown> } {
  return JSON.parse(reply.text) as ReturnType<typeof json>;
}

/** Reads a file of manifests/. */
export function manifest(name: string): string {
  return readFileSync(join(__dirname, "..", "..", "..", "manifests", name), "utf8");
}

const dirs: string[] = [];

/** A directory that `removeScratch` removes. */
export function scratch(): string {
  const dir = mkdtempSync(join(tmpdir(), `apiserver-${randomUUID().slice(0, 8)}-`));
  dirs.push(dir);
  return dir;
}

export function removeScratch(): void {
  for (const dir of dirs.splice(0)) rmSync(dir, { recursive: true });
}

/** A server with the sample tenants, and without rbac.yaml. */
export function startWithTenants(options: Partial<ApiServerOptions> = {}): Promise<ApiServer> {
  return startApiServer({ dir: scratch(), objects: [manifest("tenants.yaml")], ...options });
}
