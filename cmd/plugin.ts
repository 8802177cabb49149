/** The plugin: one request from the environment and stdin, one answer on stdout. */
import { loadConf } from "../conf/load";
import { CniError, errorJson, toCniError } from "../lib/cni/error";
import {
  parseNetconf,
  parseRequest,
  podRef,
  type NetconfHead,
  type Request,
} from "../lib/cni/request";
import { SUPPORTED_VERSIONS, versionJson } from "../lib/cni/version";
import type { Log } from "../lib/ports";
import { printable } from "../lib/text/printable";
import type { Context } from "../lib/attachment/context";
import { factFields } from "../lib/attachment/facts";
import { runVerb, type WorkingVerb } from "../lib/attachment/verbs";
import { forRequest, openNode } from "./deps";
import type { Io } from "./io";
import { createLog } from "./log";

/** Answers one request and returns the exit status. Never throws. */
export async function runPlugin(io: Io): Promise<number> {
  let version: string = SUPPORTED_VERSIONS[SUPPORTED_VERSIONS.length - 1] ?? "";
  try {
    const request = parseRequest(io.env);
    if (request.verb === "VERSION") {
      io.stdout(`${versionJson()}\n`);
      return 0;
    }
    const head = parseNetconf(io.readStdin(), request.verb);
    version = head.cniVersion;
    await answer(request, request.verb, head, io);
    return 0;
  } catch (error) {
    return fail(toCniError(error), version, io);
  }
}

async function answer(
  request: Request,
  verb: WorkingVerb,
  head: NetconfHead,
  io: Io,
): Promise<void> {
  const { conf, warnings } = loadConf(head.netconf, verb);
  const log = createLog(conf, io.stderr);
  for (const warning of warnings) log.write("warn", warning, { network: head.name });
  try {
    const context = forRequest(openNode(conf, log), { cni: request, conf, io, log });
    await perform(context, verb, { log, stdout: io.stdout });
  } finally {
    await log.flush();
  }
}

interface Outputs {
  readonly log: Log;
  /** Throws when the reader is gone. */
  readonly stdout: (text: string) => void;
}

async function perform(
  context: Context,
  verb: WorkingVerb,
  { log, stdout }: Outputs,
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
  const error =
    "error" in outcome ? outcome.error : await deliver(context, verb, outcome.output, stdout);
  if (error !== undefined) throw logged(log, verb, withPod(error, cni), fields());
  if (verb !== "STATUS") log.write("info", verb, { ...fields(), outcome: "ok" });
}

/**
 * Prints the answer; returns why that failed. An ADD whose result nobody reads is taken back: nobody will
 * ask for its DEL.
 */
async function deliver(
  context: Context,
  verb: WorkingVerb,
  output: string,
  stdout: (text: string) => void,
): Promise<CniError | undefined> {
  try {
    stdout(output);
    return undefined;
  } catch (thrown) {
    const error = toCniError(thrown);
    if (verb !== "ADD") return error;
    const undone = await runVerb("DEL", context);
    return error.withDetails(
      "error" in undone
        ? `taking the attachment back failed too: ${undone.error.message}`
        : "the container runtime did not take the result, so the attachment was taken back",
    );
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

function fail(error: CniError, version: string, io: Io): number {
  try {
    io.stdout(`${errorJson(error, version)}\n`);
  } catch {
    io.stderr(printable(`${error.message}\n`));
  }
  return 1;
}
