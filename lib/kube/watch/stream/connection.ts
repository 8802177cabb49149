import type { Agent } from "node:https";
import type { Clock } from "../../../ports";
import type { Credentials } from "../../credentials";
import { connectionFailure, RejectedCredentials } from "../../errors";
import { applyExecCredential } from "../../exec-credential";
import { verifyingAgent } from "../../https-get";
import type { Kubeconfig } from "../../kubeconfig";
import { openKubeconfig } from "../../open";
import type { OnRequest } from "../../session";
import { openStream, type Reply } from "./request";
import type { After } from "./timer";

/** One request of the cache. */
export interface Ask {
  readonly resource: "pods" | "namespaces";
  readonly verb: "get" | "list" | "watch";
  /** Escaped, below the server's URL, with its query. */
  readonly path: string;
  readonly accept: string;
  readonly signal: AbortSignal;
}

/** The API server for as long as the cache lives. */
export interface Connection {
  readonly kubeconfigPath: string;
  /** Known after the first request; until then the kubeconfig's path. */
  readonly server: string;
  /**
   * The answer, whatever its status. Credentials that the server does not take are read once more before a 401
   * is the answer. Throws CniError, `Transient`, `RejectedCredentials`.
   */
  ask(ask: Ask): Promise<Reply>;
  /** The node of the client certificate. Throws what reading the kubeconfig throws. */
  certificateNode(): Promise<string | undefined>;
  /** Closes whatever is open. */
  close(): void;
}

export interface ConnectionOptions {
  readonly kubeconfigPath: string;
  readonly clock: Clock;
  readonly onRequest: OnRequest;
  /** From a request to the head of its answer, and for a credential plugin. */
  readonly headTimeoutMs: number;
  readonly after: After;
}

/** Certificates and tokens are replaced while we run: they are read again after this time, and at any 401. */
const REREAD_MS = 5 * 60_000;

interface Session {
  readonly kubeconfig: Kubeconfig;
  readonly credentials: Credentials;
  readonly agent: Agent;
  readonly openedAt: number;
}

/** Makes no request and reads nothing before the first `ask`. */
export function createConnection(options: ConnectionOptions): Connection {
  return new KubeConnection(options);
}

class KubeConnection implements Connection {
  #session: Session | undefined;
  #opening: Promise<Session> | undefined;
  #server: string | undefined;
  /** Of every session that may still have an open request. */
  readonly #agents = new Set<Agent>();

  constructor(readonly options: ConnectionOptions) {}

  get kubeconfigPath(): string {
    return this.options.kubeconfigPath;
  }

  get server(): string {
    return this.#server ?? this.options.kubeconfigPath;
  }

  async certificateNode(): Promise<string | undefined> {
    return (await this.#open()).credentials.nodeName;
  }

  async ask(ask: Ask): Promise<Reply> {
    const before = this.#session;
    const session = await this.#open();
    const isFresh = session !== before;
    try {
      const reply = await this.#send(session, ask);
      if (reply.status !== 401) return reply;
      this.#forget(session);
      if (isFresh) return reply;
    } catch (error) {
      if (error instanceof RejectedCredentials) this.#forget(session);
      if (isFresh || !(error instanceof RejectedCredentials)) throw error;
    }
    return this.#send(await this.#open(), ask);
  }

  close(): void {
    this.#session = undefined;
    for (const agent of this.#agents) agent.destroy();
    this.#agents.clear();
  }

  async #send(session: Session, ask: Ask): Promise<Reply> {
    const { kubeconfig, credentials, agent } = session;
    const base = kubeconfig.url.pathname.replace(/\/$/, "");
    const url = new URL(`${base}${ask.path}`, kubeconfig.url.origin);
    const { headTimeoutMs, onRequest, after } = this.options;
    const { accept, signal } = ask;
    const how = { accept, headTimeoutMs, after, signal };
    try {
      const reply = await openStream(url, { agent, credentials, ...how });
      onRequest(ask.resource, ask.verb, reply.status);
      return reply;
    } catch (error) {
      if (!signal.aborted) onRequest(ask.resource, ask.verb, 0);
      const where = { server: this.server, kubeconfigPath: kubeconfig.path };
      throw connectionFailure(error, { ...where, pod: `cache of ${ask.resource}` });
    }
  }

  async #open(): Promise<Session> {
    const current = this.#session;
    if (current !== undefined) {
      if (this.options.clock.elapsed() - current.openedAt < REREAD_MS) return current;
      this.#forget(current);
    }
    this.#opening ??= this.#load().finally(() => (this.#opening = undefined));
    return this.#opening;
  }

  async #load(): Promise<Session> {
    const { clock, kubeconfigPath, headTimeoutMs } = this.options;
    const [kubeconfig, credentials] = await openKubeconfig(kubeconfigPath, clock, (config, to) =>
      applyExecCredential(config, to, headTimeoutMs),
    );
    this.#server = kubeconfig.server;
    const agent = verifyingAgent(credentials);
    for (const old of this.#agents)
      if (Object.keys(old.sockets).length === 0) this.#agents.delete(old);
    this.#agents.add(agent);
    this.#session = { kubeconfig, credentials, agent, openedAt: clock.elapsed() };
    return this.#session;
  }

  /** The next request reads the credentials again; a watch that is open goes on with those that it has. */
  #forget({ agent }: Session): void {
    if (this.#session?.agent === agent) this.#session = undefined;
    agent.maxFreeSockets = 0;
    for (const sockets of Object.values(agent.freeSockets))
      for (const socket of sockets ?? []) socket.destroy();
  }
}
