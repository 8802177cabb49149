/** Looks at the node as `wrapper status` does, now and then, for the figures. */
import type { SeenFindings } from "../../lib/agent/metrics/sources";
import type { Finding } from "../../lib/checks/finding";
import type { StatusObject } from "../../lib/checks/report/json";
import { CniError, toCniError } from "../../lib/cni/error";
import { parseJson } from "../../lib/cni/json";
import { createExec, createTiedExec } from "../../lib/node/exec";
import { localHost, PROGRAM_ENVIRONMENT } from "../../lib/node/host";
import type { Exec, ExecRequest } from "../../lib/ports";
import type { Say } from "./say";
import type { Settings } from "./settings";

/** A look that takes longer is killed (ms). */
const LIMIT_MS = 30_000;
/** On a slow node looks take no more than one part in so many of the time. */
const SHARE = 20;
/** A finding has some 500 bytes; a node with 5000 pods may have one or two for each. */
const MAX_BYTES = 16 * 1024 * 1024;
/** What the agent itself says of the API server and of its own state has series already. */
const ONLY = "runtime,credentials,pods,routes,node";
/** The agent's own priority is -10, and this is added: the least there is. */
const NICE = 29;

export interface LookService {
  /** Undefined before the first look, and when the last one failed. */
  latest(): (SeenFindings & { readonly findings: readonly Finding[] }) | undefined;
  stop(): void;
}

/**
 * In a process of its own: it reads every firewall rule of the node, and whoever waits for the agent does not
 * wait for that (decision 0109).
 */
export function startLooking(settings: Settings, say: Say): LookService {
  const exec = newLookExec();
  let seen: { readonly at: number; readonly findings: readonly Finding[] } | undefined;
  let trouble = "";
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  const look = async (): Promise<void> => {
    const begun = performance.now();
    try {
      const { findings } = await askStatus(exec, { only: ONLY, conf: settings.current().path });
      seen = { at: performance.now(), findings };
      trouble = "";
    } catch (thrown) {
      seen = undefined;
      const { message } = toCniError(thrown);
      if (!stopped && message !== trouble)
        say({ event: "condition", message: `the node cannot be looked at: ${message}` });
      trouble = message;
    }
    plan((performance.now() - begun) * SHARE);
  };
  const plan = (least: number): void => {
    if (stopped) return;
    const ms = Math.max(settings.current().conf.agent.lookIntervalMs, least);
    timer = setTimeout(() => void look(), ms).unref();
  };
  plan(0);
  return {
    latest: () =>
      seen && { findings: seen.findings, ageSeconds: (performance.now() - seen.at) / 1000 },
    stop: () => {
      stopped = true;
      clearTimeout(timer);
    },
  };
}

/** What `wrapper status -o json` prints (conf/status.schema.json). */
export interface Published extends StatusObject {
  readonly findings: StatusObject["findings"] & readonly Finding[];
}

/** Runs programs that die with the agent. */
export function newLookExec(): Exec {
  return createTiedExec(createExec(), localHost);
}

/** Which look is asked for. */
export interface Asked {
  /** Categories, with commas; undefined: all. */
  readonly only: string | undefined;
  /** The conflist; undefined: the one that `wrapper status` finds. */
  readonly conf: string | undefined;
}

/**
 * What `wrapper status --local` finds, in a process of its own with the least priority. Throws CniError `io` when it
 * does not end in 30 s, `decode` when it prints something else.
 */
export async function askStatus(exec: Exec, asked: Asked): Promise<Published> {
  const { stdout, stderr, exitCode } = await exec.run(requestFor(asked));
  if (exitCode === null || exitCode > 2 || stdout.length === 0)
    throw new CniError("io", stderr.trim() || "it did not end in time");
  return parseJson(stdout, "wrapper status", MAX_BYTES) as unknown as Published;
}

function requestFor({ only, conf }: Asked): ExecRequest {
  const status = [
    ...["status", "--local", "-o", "json"],
    ...(only === undefined ? [] : ["--only", only]),
    ...(conf === undefined ? [] : ["-c", conf]),
  ];
  const nice = localHost.find("nice");
  return {
    path: nice ?? process.execPath,
    args: nice === undefined ? status : ["-n", String(NICE), process.execPath, ...status],
    env: PROGRAM_ENVIRONMENT,
    stdin: "",
    timeoutMs: LIMIT_MS,
    maxStdout: MAX_BYTES,
    maxStderr: 4096,
  };
}
