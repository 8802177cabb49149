/** One look at the API server: the pods of this node, and namespaces. What an ADD would be answered. */
import { isObject, parseJson } from "../../cni/json";
import { type CniError, ERRORS, toCniError } from "../../cni/error";
import type { Clock } from "../../ports";
import { RejectedCredentials, Transient } from "../errors";
import { createConnection, type Connection } from "./stream/connection";
import { readFailure } from "./stream/failure";
import { ListReader } from "./stream/list-body";
import { readSeen, type Keys, type Seen } from "./stream/seen";
import { systemAfter } from "./stream/timer";
import type { Reply } from "./stream/request";

/** Why a request brought nothing. */
export interface Refusal {
  /** `unreachable`: no answer came, or one that says to come again. */
  readonly kind: "unreachable" | "unauthorized" | "untrusted" | "forbidden" | "other";
  /** One sentence. */
  readonly message: string;
}

/** What a request brought. */
export type Outcome<T> = { readonly value: T } | { readonly refusal: Refusal };

export interface ApiLook {
  /** URL of the server; the kubeconfig's path where that could not be read. */
  readonly server: string;
  /** The pods of this node. */
  readonly pods: Outcome<readonly Seen[]>;
  /** By name; a namespace that does not exist has no annotations. */
  readonly namespaces: ReadonlyMap<string, Outcome<Annotations | undefined>>;
}

type Annotations = Readonly<Record<string, string>>;

export interface LookOptions {
  readonly kubeconfigPath: string;
  /** For each request, credential plugin included. */
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** Annotations that are kept. */
  readonly keys: Keys;
  /** Those that are asked for. */
  readonly namespaces: readonly string[];
  /** The node's name where the client certificate has none. */
  readonly nodeName: string;
}

const LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
const OBJECT = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
const PAGE = 500;
/** How many namespaces are asked for at once. */
const AT_ONCE = 8;

/** Asks once, all at once. Never throws: whatever went wrong is in the answer. */
export async function lookAtApi(options: LookOptions): Promise<ApiLook> {
  const { timeoutMs, kubeconfigPath, clock } = options;
  const connection = createConnection({
    ...{ kubeconfigPath, clock, headTimeoutMs: timeoutMs, after: systemAfter },
    onRequest: () => {},
  });
  // A body that never ends, too.
  const signal = AbortSignal.timeout(2 * timeoutMs);
  try {
    const pods = await outcomeOf(() => listPods(connection, options, signal));
    const isDown = "refusal" in pods && pods.refusal.kind !== "forbidden";
    const namespaces = isDown ? new Map() : await readAll(connection, options, signal);
    return { server: connection.server, pods, namespaces };
  } finally {
    connection.close();
  }
}

async function listPods(
  connection: Connection,
  { keys, nodeName }: LookOptions,
  signal: AbortSignal,
): Promise<readonly Seen[]> {
  const node = (await connection.certificateNode()) ?? nodeName;
  const pods: Seen[] = [];
  for (let next = ""; ;) {
    const query = new URLSearchParams({ fieldSelector: `spec.nodeName=${node}`, limit: `${PAGE}` });
    if (next !== "") query.set("continue", next);
    else query.set("resourceVersion", "0");
    const reply = await connection.ask({
      ...{ resource: "pods", verb: "list", accept: LIST, signal },
      path: `/api/v1/pods?${query.toString()}`,
    });
    const what = `${connection.server}: the list of pods`;
    await refuse(reply, what);
    const reader = new ListReader((item) => void pods.push(readSeen(item, keys)));
    for await (const chunk of bodyOf(reply, what, signal)) reader.push(chunk);
    if (!reader.isWhole()) throw new Cut(what);
    ({ next } = reader.end());
    if (next === "") return pods;
  }
}

async function readAll(
  connection: Connection,
  { namespaces, keys }: LookOptions,
  signal: AbortSignal,
): Promise<ApiLook["namespaces"]> {
  const left = [...namespaces];
  const found = new Map<string, Outcome<Annotations | undefined>>();
  const work = async (): Promise<void> => {
    for (let name = left.shift(); name !== undefined; name = left.shift()) {
      const asked = name;
      found.set(asked, await outcomeOf(() => readNamespace(connection, asked, { keys, signal })));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return found;
}

async function readNamespace(
  connection: Connection,
  name: string,
  { keys, signal }: { readonly keys: Keys; readonly signal: AbortSignal },
): Promise<Annotations | undefined> {
  const reply = await connection.ask({
    ...{ resource: "namespaces", verb: "get", accept: OBJECT, signal },
    path: `/api/v1/namespaces/${encodeURIComponent(name)}`,
  });
  if (reply.status === 404) {
    reply.end();
    return {};
  }
  const what = `${connection.server}: namespace ${name}`;
  await refuse(reply, what);
  const chunks: Uint8Array[] = [];
  for await (const chunk of bodyOf(reply, what, signal)) chunks.push(chunk);
  const object = parseJson(Buffer.concat(chunks), "the answer");
  if (!isObject(object)) throw new Error("the answer is not an object");
  return readSeen(object, keys).annotations;
}

/** An answer other than 200, as it is told. */
class Refused extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** An answer that ends in the middle of its JSON. */
class Cut extends Error {
  constructor(what: string) {
    super(
      `${what} was cut off in the middle: run the command again, and if it stays so, look at the proxy or load balancer in front of the API server`,
    );
  }
}

/** The body; throws `Cut` where its connection ends before it does, and not because we have waited long enough. */
async function* bodyOf(
  { body }: Reply,
  what: string,
  signal: AbortSignal,
): AsyncIterable<Uint8Array> {
  try {
    yield* body;
  } catch (error) {
    throw signal.aborted ? error : new Cut(what);
  }
}

async function refuse(reply: Reply, who: string): Promise<void> {
  if (reply.status === 200) return;
  const { message } = await readFailure(reply, who, systemAfter);
  throw new Refused(reply.status, message);
}

async function outcomeOf<T>(body: () => Promise<T>): Promise<Outcome<T>> {
  try {
    return { value: await body() };
  } catch (error) {
    return { refusal: refusalOf(error) };
  }
}

function refusalOf(error: unknown): Refusal {
  if (error instanceof RejectedCredentials) return { kind: "unauthorized", message: error.reason };
  if (error instanceof Cut) return { kind: "unreachable", message: error.message };
  if (error instanceof Refused) return { kind: kindOf(error.status), message: error.message };
  const failure = error instanceof Transient ? error.final : toCniError(error);
  return { kind: KINDS[failure.code] ?? "other", message: withoutSubject(failure) };
}

function kindOf(status: number): Refusal["kind"] {
  if (status === 401) return "unauthorized";
  if (status === 403) return "forbidden";
  return status === 429 || status >= 500 ? "unreachable" : "other";
}

const KINDS: Readonly<Record<number, Refusal["kind"]>> = {
  [ERRORS.tryAgainLater.code]: "unreachable",
  [ERRORS.untrusted.code]: "untrusted",
  [ERRORS.unauthorized.code]: "unauthorized",
  [ERRORS.forbidden.code]: "forbidden",
};

/** Messages of requests begin with the pod that they are for; here they are for none. */
function withoutSubject({ message }: CniError): string {
  return message.replace(/^pod cache of \w+: /, "");
}
