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
import type { Context, RunVerb } from "../lib/attachment/context";
import { createContext } from "./deps";
import type { Io } from "./io";
import { createLog } from "./log";
import { refuseHostNetns } from "../lib/node/netns";

/** Each verb's implementation, loaded when it is asked for. */
const VERBS: Readonly<Record<Exclude<Verb, "VERSION">, () => Promise<RunVerb>>> = {
  ADD: async () => (await import("../lib/attachment/add")).add,
  DEL: async () => (await import("../lib/attachment/del")).del,
  CHECK: async () => (await import("../lib/attachment/check")).check,
  GC: async () => (await import("../lib/attachment/gc")).gc,
  STATUS: async () => (await import("../lib/attachment/status")).status,
};

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
  verb: Exclude<Verb, "VERSION">,
  head: NetconfHead,
  io: Io,
): Promise<void> {
  const { conf, warnings } = loadConf(head.netconf, verb);
  const log = createLog(conf, io.stderr);
  for (const warning of warnings) log.write("warn", warning, { network: head.name });
  try {
    await perform(createContext(request, conf, io, log), verb, { log, stdout: io.stdout });
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
  verb: Exclude<Verb, "VERSION">,
  { log, stdout }: Outputs,
): Promise<void> {
  const { request, conf } = context;
  const started = performance.now();
  const about = { network: conf.name, ...aboutRequest(request) };
  const outcome = (): Record<string, unknown> => ({
    ...about,
    ...context.facts,
    durationMs: Math.round(performance.now() - started),
  });
  try {
    refuseHostNetns(request);
    const run = await VERBS[verb]();
    await deliver(context, verb, await run(context), stdout);
    if (verb !== "STATUS") log.write("info", verb, { ...outcome(), outcome: "ok" });
  } catch (thrown) {
    throw logged(log, verb, withPod(toCniError(thrown), request), outcome());
  }
}

/** Prints the answer. An ADD whose result nobody reads is taken back: nobody will ask for its DEL. */
async function deliver(
  context: Context,
  verb: Verb,
  output: string,
  stdout: (text: string) => void,
): Promise<void> {
  try {
    stdout(output);
  } catch (thrown) {
    const error = toCniError(thrown);
    if (verb !== "ADD") throw error;
    const del = await VERBS.DEL();
    await del(context).catch((trouble: unknown) => {
      throw error.withDetails(
        `taking the attachment back failed too: ${toCniError(trouble).message}`,
      );
    });
    throw error.withDetails(
      "the container runtime did not take the result, so the attachment was taken back",
    );
  }
}

function logged(log: Log, verb: Verb, error: CniError, outcome: Record<string, unknown>): CniError {
  const { code, details } = error;
  log.write("error", verb, {
    ...outcome,
    outcome: "error",
    code,
    error: error.message,
    ...(details === "" ? {} : { details }),
  });
  return error;
}

/** A pod event shows only the message, so it must say whose it is. */
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
