import type { Agent } from "node:https";
import type { Subject } from "./answer";
import type { Credentials } from "./credentials";
import { applyExecCredential } from "./exec-credential";
import { type Answer, httpsGet, verifyingAgent } from "./https-get";
import type { Kubeconfig } from "./kubeconfig";
import { openKubeconfig, ROTATION_PAUSE_MS } from "./open";
import {
  type Budget,
  connectionFailure,
  rejectedCredentials,
  RejectedCredentials,
  remaining,
} from "./errors";

/** The API server as one caller sees it for the length of one read. */
export interface Session {
  readonly server: string;
  readonly kubeconfigPath: string;
  /** Throws CniError, `Transient` or `RejectedCredentials`. */
  get(subject: Subject): Promise<Answer>;
}

export interface SessionOptions {
  readonly kubeconfigPath: string;
  readonly budget: Budget;
  /** `<namespace>/<name>`, for messages. */
  readonly pod: string;
  readonly onRequest?: OnRequest;
}

/** `status`: 0 where no answer came. */
export type OnRequest = (
  resource: "pods" | "namespaces",
  verb: "get" | "list" | "watch",
  status: number,
) => void;

/**
 * Opens a session, runs `body`, closes every connection. Credentials that the server rejects are
 * read once more: the kubelet may have replaced them in between.
 */
export async function withSession<T>(
  options: SessionOptions,
  body: (session: Session) => Promise<T>,
): Promise<T> {
  try {
    return await once(options, body);
  } catch (error) {
    if (!(error instanceof RejectedCredentials)) throw error;
  }
  await options.budget.clock.sleep(Math.min(ROTATION_PAUSE_MS, remaining(options.budget)));
  try {
    return await once(options, body);
  } catch (error) {
    throw error instanceof RejectedCredentials ? rejectedCredentials(options, error) : error;
  }
}

async function once<T>(
  options: SessionOptions,
  body: (session: Session) => Promise<T>,
): Promise<T> {
  const [kubeconfig, credentials] = await open(options);
  const agent = verifyingAgent(credentials);
  let closed = false;
  const get = async (subject: Subject): Promise<Answer> => {
    try {
      if (!closed) return await getOrExplain(options, { kubeconfig, credentials, agent }, subject);
    } catch (error) {
      if (!closed) throw error;
    }
    // One of two requests failed for good: the other, cut off by us, must not go on retrying.
    throw new Error("session closed");
  };
  try {
    return await body({ server: kubeconfig.server, kubeconfigPath: kubeconfig.path, get });
  } finally {
    closed = true;
    agent.destroy();
  }
}

function open({ kubeconfigPath, budget }: SessionOptions): Promise<[Kubeconfig, Credentials]> {
  return openKubeconfig(kubeconfigPath, budget.clock, (kubeconfig, options) =>
    applyExecCredential(kubeconfig, options, remaining(budget)),
  );
}

interface Connection {
  readonly kubeconfig: Kubeconfig;
  readonly credentials: Credentials;
  readonly agent: Agent;
}

async function getOrExplain(
  options: SessionOptions,
  connection: Connection,
  subject: Subject,
): Promise<Answer> {
  const { kubeconfig, credentials, agent } = connection;
  const url = new URL(
    `${kubeconfig.url.pathname.replace(/\/$/, "")}${subject.path}`,
    kubeconfig.url.origin,
  );
  try {
    const answer = await httpsGet(url, {
      credentials,
      agent,
      timeoutMs: remaining(options.budget),
    });
    options.onRequest?.(subject.resource, "get", answer.status);
    return answer;
  } catch (error) {
    options.onRequest?.(subject.resource, "get", 0);
    throw connectionFailure(error, {
      server: kubeconfig.server,
      kubeconfigPath: kubeconfig.path,
      pod: options.pod,
    });
  }
}
