import { CniError } from "../cni/error";
import { isObject, own, parseJson, quote } from "../cni/json";
import type { Subject, Source } from "./answer";
import type { Answer } from "./https-get";
import { RejectedCredentials } from "./errors";
import { Transient } from "./retry";

/** Longer waits are the kubelet's business. */
const MAX_RETRY_AFTER_MS = 10_000;

/** What a status other than 200 means for the pod; the body is a meta/v1 Status if a Kubernetes API server sent it. */
export function statusFailure(answer: Answer, subject: Subject, source: Source): Error {
  const { status } = answer;
  const message = statusMessage(answer);
  if (status === 401) return new RejectedCredentials(source.server, message ?? "401 Unauthorized");
  if (status === 403) return forbidden(message ?? "", subject, source);
  const details = quote(message ?? "");
  const who = `pod ${subject.pod}: ${source.server}`;
  if (status === 404 && message !== undefined) {
    return new CniError(
      "tryAgainLater",
      `${who} does not have ${shortName(subject)} yet, or no longer: try again`,
      { details },
    );
  }
  const answered = `${who} answered ${status} for ${subject.resource}`;
  if (mayPass(status)) {
    const final = new CniError("tryAgainLater", `${answered}: check the health of the API server`, {
      details,
    });
    return new Transient(final, { retryAfterMs: retryAfter(answer) });
  }
  const hint = isRedirect(status) ? "redirects are not followed: " : "";
  return new CniError("apiAnswer", `${answered}: ${hint}check server in ${source.kubeconfigPath}`, {
    details,
  });
}

function shortName(subject: Subject): string {
  return subject.kind === "Pod" ? "the pod" : `namespace ${subject.name}`;
}

function mayPass(status: number): boolean {
  return status === 429 || status >= 500;
}

function isRedirect(status: number): boolean {
  return status >= 300 && status < 400;
}

/** Before RBAC has synced, the API server refuses everybody: right after its start that is no last word. */
const STARTING =
  "or, right after a start of the API server, wait: it refuses everybody until RBAC has synced";

function forbidden(message: string, subject: Subject, source: Source): Transient {
  const user =
    /User "([\x21\x23-\x5b\x5d-\x7e]{1,256})"/.exec(message)?.[1] ??
    `the user of ${source.kubeconfigPath}`;
  const details = message.slice(0, 500).replace(/[^\x20-\x7e]/g, "?");
  const what = `pod ${subject.pod}: ${subject.resource} "${subject.name}" is forbidden for ${user}:`;
  if (subject.kind === "Namespace") {
    return new Transient(
      new CniError(
        "forbidden",
        `${what} apply manifests/rbac.yaml, ${STARTING} (${source.server})`,
        { details },
      ),
      { toTheEnd: true },
    );
  }
  // The node authorizer has not seen the binding yet: its informer is a moment behind the kubelet's.
  if (message.includes("no relationship found")) {
    return new Transient(
      new CniError(
        "tryAgainLater",
        `${what} the API server knows no relationship between the node and the pod yet: check that the pod is bound to this node (${source.server})`,
        { details },
      ),
    );
  }
  const remedy = `a node's credentials read only the pods bound to it: check that ${source.kubeconfigPath} is this node's, or grant get on pods, ${STARTING}`;
  return new Transient(
    new CniError("forbidden", `${what} ${remedy} (${source.server})`, { details }),
    { toTheEnd: true },
  );
}

function statusMessage(answer: Answer): string | undefined {
  try {
    const body = parseJson(answer.body, "Status");
    if (!isObject(body) || own(body, "kind") !== "Status") return undefined;
    const message = own(body, "message");
    return typeof message === "string" ? message : "";
  } catch {
    return undefined;
  }
}

/** Seconds only: Kubernetes never sends the date form (RFC 9110, section 10.2.3). */
function retryAfter(answer: Answer): number {
  const text = answer.headers["retry-after"] ?? "";
  return /^[0-9]{1,6}$/.test(text) ? Math.min(Number(text) * 1000, MAX_RETRY_AFTER_MS) : 0;
}
