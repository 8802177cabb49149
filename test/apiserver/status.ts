import type { Answer, RequestInfo } from "./types";

const REASONS: Readonly<Record<number, string>> = {
  400: "BadRequest",
  401: "Unauthorized",
  403: "Forbidden",
  404: "NotFound",
  405: "MethodNotAllowed",
  406: "NotAcceptable",
  409: "Conflict",
  429: "TooManyRequests",
  500: "InternalError",
  503: "ServiceUnavailable",
  410: "Expired",
  504: "Timeout",
};

export interface StatusOptions {
  readonly message: string;
  readonly details?: Readonly<Record<string, unknown>>;
  /** Seconds; sets both `details.retryAfterSeconds` and the Retry-After header, as the real server does. */
  readonly retryAfter?: number;
}

/** A failure as the real API server reports it: a metav1.Status object with the reason of its code. */
export function statusAnswer(code: number, options: StatusOptions): Answer {
  const { message, retryAfter } = options;
  const details =
    retryAfter === undefined
      ? options.details
      : { ...options.details, retryAfterSeconds: retryAfter };
  const body = {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message,
    ...(REASONS[code] === undefined ? {} : { reason: REASONS[code] }),
    ...(details === undefined ? {} : { details }),
    code,
  };
  return {
    status: code,
    contentType: "application/json",
    body: `${JSON.stringify(body)}\n`,
    ...(retryAfter === undefined ? {} : { headers: { "Retry-After": String(retryAfter) } }),
  };
}

/** 401 of a server that runs with --anonymous-auth=false; it says no more than this. */
export function unauthorized(): Answer {
  return statusAnswer(401, { message: "Unauthorized" });
}

/** 403 in the words of the real server; `reason` is what the authorisers had to say, "" for nothing. */
export function forbidden(info: RequestInfo, userName: string, reason: string): Answer {
  const because = reason === "" ? "" : `: ${reason}`;
  if (!info.isResource) {
    const message = `forbidden: User "${userName}" cannot ${info.verb} path "${info.path}"${because}`;
    return statusAnswer(403, { message, details: {} });
  }
  const resource = info.subresource === "" ? info.resource : `${info.resource}/${info.subresource}`;
  const scope =
    info.namespace === "" ? "at the cluster scope" : `in the namespace "${info.namespace}"`;
  const subject = info.name === "" ? qualified(info) : `${qualified(info)} "${info.name}"`;
  const message =
    `${subject} is forbidden: User "${userName}" cannot ${info.verb} resource "${resource}" ` +
    `in API group "${info.group}" ${scope}${because}`;
  return statusAnswer(403, { message, details: objectDetails(info) });
}

/** 404 for an object of a known resource. */
export function notFound(info: RequestInfo): Answer {
  return statusAnswer(404, {
    message: `${qualified(info)} "${info.name}" not found`,
    details: objectDetails(info),
  });
}

function qualified(info: RequestInfo): string {
  return info.group === "" ? info.resource : `${info.resource}.${info.group}`;
}

function objectDetails(info: RequestInfo): Record<string, unknown> {
  return {
    ...(info.name === "" ? {} : { name: info.name }),
    ...(info.group === "" ? {} : { group: info.group }),
    kind: info.resource,
  };
}
