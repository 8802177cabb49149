import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readFileSync,
  type Stats,
  statSync,
} from "node:fs";
import { dirname, isAbsolute } from "node:path";
import { KubeConfig } from "@kubernetes/client-node/dist/config.js";
import type { Cluster, User } from "@kubernetes/client-node/dist/config_types.js";
import { CniError } from "../cni/error";
import { quote } from "../cni/json";
import { reasonOf } from "../text/reason";
import { RotationError } from "./errors";

/** A kubeconfig whose current context can be used: one https server, one user, verified TLS. */
export interface Kubeconfig {
  readonly path: string;
  readonly config: KubeConfig;
  readonly user: User;
  /** Of all its users: client-node reads such a file into `token`, and forgets where that came from. */
  readonly tokenFiles: readonly string[];
  readonly url: URL;
  /** For messages: the URL without credentials or query. */
  readonly server: string;
}

/** With inline certificates a kubeconfig is some 10 KiB. */
const MAX_BYTES = 1024 * 1024;

/**
 * Reads the kubeconfig at `path` and checks that it may be trusted and can be used.
 * Throws CniError `kubeconfig` with the remedy; what a concurrent rewrite can cause is a `RotationError`.
 */
export function loadKubeconfig(path: string): Kubeconfig {
  if (!isAbsolute(path))
    throw unusable(
      path,
      'is not an absolute path: set "kubeconfig" to one, such as /etc/kubernetes/kubelet.conf',
    );
  const tokenFiles: string[] = [];
  const config = parse(path, withTokenFileKey(readTrusted(path), path, tokenFiles));
  config.makePathsAbsolute(dirname(path));
  const cluster = config.getContextObject(config.currentContext) && config.getCurrentCluster();
  const user = config.getCurrentUser();
  if (!cluster || !user) {
    throw unusable(
      path,
      `has no cluster and user for its current-context ${quote(config.currentContext ?? "")}: set current-context to a complete context`,
    );
  }
  preferInlineData(cluster, user);
  refuseUnsupported(path, cluster, user);
  const url = serverUrl(path, cluster.server);
  const server = `${url.origin}${url.pathname.replace(/\/$/, "")}`;
  return { path, config, user, tokenFiles, url, server };
}

function unusable(path: string, problem: string): CniError {
  return new CniError("kubeconfig", `kubeconfig ${path} ${problem}`);
}

function readTrusted(path: string): string {
  let fd: number;
  try {
    // O_NONBLOCK: opening a FIFO must not hang the pod.
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    const code = reasonOf(error);
    throw new RotationError(
      `kubeconfig ${path} cannot be opened (${code}): set "kubeconfig" to the kubelet's kubeconfig, and run as root`,
      error,
    );
  }
  try {
    refuseUntrusted(path, fstatSync(fd));
    return readFileSync(fd, "utf8");
  } finally {
    closeSync(fd);
  }
}

/** Whoever can write this file can name a credential plugin, which we would run as root. */
function refuseUntrusted(path: string, stats: Stats): void {
  if (!stats.isFile()) throw unusable(path, "is not a regular file");
  if (stats.size > MAX_BYTES) throw unusable(path, `is larger than ${MAX_BYTES} bytes`);
  if ((stats.mode & 0o022) !== 0) {
    throw unusable(
      path,
      `can be written by others (mode ${(stats.mode & 0o777).toString(8)}): chmod go-w ${path}`,
    );
  }
  if (stats.uid !== 0 && stats.uid !== process.geteuid?.()) {
    throw unusable(path, `belongs to user ${stats.uid}: chown root ${path}`);
  }
}

/**
 * Throws CniError `kubeconfig` when `file`, which the kubeconfig at `path` names, exists but is a FIFO, a directory or
 * a device: reading one may never end. Its reader reports a file that cannot be examined.
 */
export function refuseSpecialFile(path: string, file: string): void {
  let stats: Stats;
  try {
    stats = statSync(file);
  } catch {
    return;
  }
  if (!stats.isFile()) throw unusable(path, `names ${file}, which is not a regular file`);
}

/**
 * client-node 2.0.1 knows a user's token file only as `token-file`, read relative to the working
 * directory; kubeconfigs spell it `tokenFile`, relative to the kubeconfig (client-go, clientcmd/api/v1)
 * (decision 0022). `found` gets the files.
 */
function withTokenFileKey(text: string, path: string, found: string[]): string {
  const key = /(^[ \t]*(?:-[ \t]+)?|[{,]\s*)(["']?)tokenFile\2(\s*:\s*)(["']?)([^\s"',}]+)\4/gm;
  return text.replace(key, (...parts: string[]) => {
    const [, before, keyQuote = "", colon, quoteMark = "", file = ""] = parts;
    const absolute = isAbsolute(file) ? file : `${dirname(path)}/${file}`;
    refuseSpecialFile(path, absolute);
    found.push(absolute);
    return `${before}${keyQuote}token-file${keyQuote}${colon}${quoteMark}${absolute}${quoteMark}`;
  });
}

function parse(path: string, text: string): KubeConfig {
  const config = new KubeConfig();
  try {
    config.loadFromString(text);
    return config;
  } catch (error) {
    throw new RotationError(`kubeconfig ${path} cannot be read: ${parseProblem(error)}`, error);
  }
}

/** Never the parser's own message: it quotes the lines around the problem, which may be the key. */
function parseProblem(error: unknown): string {
  const { name, reason, mark, code, path } = error as Error & {
    reason?: string;
    mark?: { line?: number };
    code?: string;
    path?: string;
  };
  // A reason with more than words names an alias or a tag, which may be a token that begins with * or !.
  const why = reason !== undefined && /^[a-z ]+$/.test(reason) ? reason : "syntax error";
  if (name === "YAMLException") return `line ${(mark?.line ?? 0) + 1} is not valid YAML (${why})`;
  if (code !== undefined && path !== undefined)
    return `its token file ${path} cannot be read (${code})`;
  const message = (error as Error).message;
  return /^[a-z]+\[\d+\][.a-z]* is missing$/.test(message)
    ? message
    : "its content is not a kubeconfig";
}

/** Inline data wins over a file, as in client-go; client-node has it the other way round. */
function preferInlineData(cluster: Cluster, user: User): void {
  if (cluster.caData) delete cluster.caFile;
  if (user.certData) delete user.certFile;
  if (user.keyData) delete user.keyFile;
}

function refuseUnsupported(path: string, cluster: Cluster, user: User): void {
  if (cluster.skipTLSVerify) {
    throw unusable(
      path,
      "sets insecure-skip-tls-verify: tenants must not depend on an unverified server: remove it and set certificate-authority",
    );
  }
  if (cluster.proxyUrl) {
    throw unusable(
      path,
      "sets proxy-url, which is not supported: remove it, the node must reach the API server directly",
    );
  }
  const provider = user.authProvider as
    { name?: unknown; config?: { tokenFile?: unknown } } | null | undefined;
  if (provider && typeof provider.config?.tokenFile !== "string") {
    throw unusable(
      path,
      `uses auth-provider ${quote(provider.name ?? "")}, which is not supported: use a client certificate, a token file or an exec plugin`,
    );
  }
}

function serverUrl(path: string, server: unknown): URL {
  const url = typeof server === "string" ? URL.parse(server) : null;
  if (url === null || url.protocol !== "https:") {
    throw unusable(
      path,
      "has a server that is not an https URL: set clusters[].cluster.server to https://...",
    );
  }
  if (url.username !== "" || url.password !== "")
    throw unusable(path, "has credentials inside its server URL: move them to users[]");
  return url;
}
