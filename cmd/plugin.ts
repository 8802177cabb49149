/** The plugin: one request from the environment and stdin, one answer on stdout. */
import { loadConf } from "../conf/load";
import { CniError, errorJson, toCniError } from "../lib/cni/error";
import {
  parseNetconf,
  parseRequest,
  podRef,
  type NetconfHead,
  type Request,
  type Verb,
} from "../lib/cni/request";
import { SUPPORTED_VERSIONS, versionJson } from "../lib/cni/version";
import type { Log } from "../lib/ports";
import { printable } from "../lib/text/printable";
import type { PluginConf } from "../conf/types";
import type { Context, Node } from "../lib/attachment/context";
import { factFields } from "../lib/attachment/facts";
import { atWork, runVerb, type WorkingVerb } from "../lib/attachment/verbs";
import { forRequest, openNode, type Remote } from "./deps";
import type { Io } from "./io";
import { createLog, type PluginLog } from "./log";

/** Where a request comes from and where its answer goes. */
export interface Asker extends Pick<Io, "env" | "readStdin" | "stderr"> {
  /** Gives the answer, with the exit status that goes with it. Throws when nobody reads it. */
  readonly answer: (text: string, status: number) => void | Promise<void>;
  /** The node for a request of this configuration. */
  readonly openNode: (conf: PluginConf, log: Log) => Node;
  /** Judges a netconf; left out, anew each time. */
  readonly loadConf?: typeof loadConf;
  /** An agent's request. */
  readonly remote?: Remote;
  /** Waits for the request's turn; left out, it begins at once. Throws CniError `tryAgainLater`. */
  readonly inTurn?: <T>(body: () => Promise<T>) => Promise<T>;
  /** Told of each request at its end, when its answer has been given. */
  readonly onOutcome?: (outcome: RequestOutcome) => void;
}

/** How a request ended. */
export interface RequestOutcome {
  /** undefined: none that the specification has. */
  readonly verb: Verb | undefined;
  /** undefined: it went well. */
  readonly code: number | undefined;
}

/** The process's own request. */
export function askedBy(io: Io): Asker {
  return { ...io, answer: (text) => io.stdout(text), openNode };
}

/** Answers one request and returns the exit status. Never throws. */
export async function runPlugin(asker: Asker): Promise<number> {
  let version: string = SUPPORTED_VERSIONS[SUPPORTED_VERSIONS.length - 1] ?? "";
  let verb: Verb | undefined;
  try {
    const request = parseRequest(asker.env);
    verb = request.verb;
    if (verb === "VERSION") {
      await asker.answer(`${versionJson()}\n`, 0);
    } else {
      const head = parseNetconf(asker.readStdin(), verb);
      version = head.cniVersion;
      const { inTurn = (body) => body() } = asker;
      const working = verb;
      await inTurn(() => answer(request, working, head, asker));
    }
    asker.onOutcome?.({ verb, code: undefined });
    return 0;
  } catch (thrown) {
    const error = toCniError(thrown);
    const status = await fail(error, version, asker);
    asker.onOutcome?.({ verb, code: error.code });
    return status;
  }
}

async function answer(
  request: Request,
  verb: WorkingVerb,
  head: NetconfHead,
  asker: Asker,
): Promise<void> {
  const { conf, warnings } = (asker.loadConf ?? loadConf)(head.netconf, verb);
  const log = createLog(conf, asker.stderr);
  for (const warning of warnings) log.write("warn", warning, { network: head.name });
  try {
    const { openNode: open, remote } = asker;
    const asked = { cni: request, conf, io: asker, log, ...(remote && { remote }) };
    await perform(forRequest(open(conf, log), asked), verb, { log, asker });
  } finally {
    await log.flush();
  }
}

interface Outputs {
  readonly log: PluginLog;
  readonly asker: Asker;
}

async function perform(
  context: Context,
  verb: WorkingVerb,
  { log, asker }: Outputs,
): Promise<void> {
  const { cni, conf, progress } = context.request;
  const started = performance.now();
  const fields = (): Record<string, unknown> => ({
    network: conf.name,
    ...aboutRequest(cni),
    ...factFields(progress.facts),
    durationMs: Math.round(performance.now() - started),
  });
  const outcome = await runVerb(verb, context);
  const succeeded = (): void => {
    if (verb !== "STATUS") log.write("info", verb, { ...fields(), outcome: "ok" });
  };
  // A launcher ends with its answer: what is to be said on its stderr has to be said before.
  if (asker.remote !== undefined) {
    if ("output" in outcome) succeeded();
    await log.flush();
  }
  const error =
    "error" in outcome ? outcome.error : await deliver(context, verb, outcome.output, asker);
  if (error !== undefined) throw logged(log, verb, withPod(error, cni), fields());
  if (asker.remote === undefined) succeeded();
}

/**
 * Prints the answer; returns why that failed. An ADD whose result nobody reads is taken back: nobody will
 * ask for its DEL.
 */
async function deliver(
  context: Context,
  verb: WorkingVerb,
  output: string,
  asker: Asker,
): Promise<CniError | undefined> {
  try {
    await asker.answer(output, 0);
    return undefined;
  } catch (thrown) {
    const error = toCniError(thrown);
    if (verb !== "ADD") return error;
    return error.withDetails(await takenBack(context));
  }
}

/** Takes the attachment back and says what came of it. */
async function takenBack(context: Context): Promise<string> {
  try {
    const { takeBack } = await import("../lib/attachment/del");
    return (await atWork(context, () => takeBack(context)))
      ? "the container runtime did not take the result, so the attachment was taken back"
      : "another request has taken the attachment over, so it was left alone";
  } catch (thrown) {
    return `taking the attachment back failed too: ${toCniError(thrown).message}`;
  }
}

function logged(
  log: Log,
  verb: WorkingVerb,
  error: CniError,
  fields: Record<string, unknown>,
): CniError {
  const { code, details } = error;
  log.write("error", verb, {
    ...fields,
    outcome: "error",
    code,
    error: error.message,
    ...(details === "" ? {} : { details }),
  });
  return error;
}

/** A pod event shows only the message, so that has to name the pod. */
function withPod(error: CniError, request: Request): CniError {
  const [namespace, name] = [
    request.args.get("K8S_POD_NAMESPACE") ?? "",
    request.args.get("K8S_POD_NAME") ?? "",
  ];
  if (name === "" || error.message.includes(`${namespace}/${name}`)) return error;
  try {
    podRef(request);
  } catch {
    return error;
  }
  return new CniError(error.code, `pod ${namespace}/${name}: ${error.message}`, {
    details: error.details,
    cause: error.cause,
  });
}

function aboutRequest(request: Request): Record<string, unknown> {
  const pod = request.args.get("K8S_POD_NAME");
  return {
    ...(request.containerId === ""
      ? {}
      : { containerId: request.containerId, ifname: request.ifname }),
    ...(pod === undefined ? {} : { pod: `${request.args.get("K8S_POD_NAMESPACE") ?? ""}/${pod}` }),
  };
}

async function fail(error: CniError, version: string, asker: Asker): Promise<number> {
  try {
    await asker.answer(`${errorJson(error, version)}\n`, 1);
  } catch {
    asker.stderr(printable(`${error.message}\n`));
  }
  return 1;
}
