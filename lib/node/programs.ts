/**
 * The programs that the node routes are made with: by absolute path, with an environment of their
 * own.
 */
import { CniError } from "../cni/error";
import type { Exec } from "../ports";
import { localHost, PROGRAM_ENVIRONMENT } from "./host";

const TIMEOUT_MS = 20_000;
const MAX_OUTPUT = 64 * 1024 * 1024;
const PACKAGES: Readonly<Record<string, string>> = {
  ip: "iproute2",
  bridge: "iproute2",
  nft: "nftables",
  ping: "iputils-ping",
  tc: "iproute2 (iproute-tc in RHEL)",
};

export interface ProgramOutcome {
  readonly ok: boolean;
  readonly stdout: string;
  /** Its stderr on one line. */
  readonly said: string;
}

export interface Programs {
  has(name: string): boolean;
  /**
   * Runs a program to its end and returns the outcome. Throws CniError `io` when it is missing or
   * does not end.
   */
  try(name: string, args: readonly string[], stdin?: string): Promise<ProgramOutcome>;
  /** Returns its stdout. Throws CniError `io` with its stderr when it fails. */
  run(name: string, args: readonly string[], stdin?: string): Promise<string>;
}

/** The programs of this node. */
export function createPrograms(exec: Exec): Programs {
  const attempt = async (
    name: string,
    args: readonly string[],
    stdin = "",
  ): Promise<ProgramOutcome> => {
    const path = localHost.find(name);
    if (path === undefined)
      throw new CniError(
        "io",
        `the program ${name} is missing: install the package ${PACKAGES[name] ?? name}`,
      );
    const outcome = await exec.run({
      path,
      args,
      env: PROGRAM_ENVIRONMENT,
      stdin,
      timeoutMs: TIMEOUT_MS,
      maxStdout: MAX_OUTPUT,
      maxStderr: 16 * 1024,
    });
    if (outcome.timedOut)
      throw new CniError(
        "io",
        `${path} ${args.join(" ")} did not finish within ${TIMEOUT_MS} ms and was killed`,
      );
    const said = [outcome.spawnError ?? "", outcome.stderr.trim().replace(/\s*\n\s*/g, " | ")]
      .filter((words) => words !== "")
      .join(": ");
    return { ok: outcome.exitCode === 0, stdout: new TextDecoder().decode(outcome.stdout), said };
  };
  return {
    has: (name) => localHost.find(name) !== undefined,
    try: attempt,
    run: async (name, args, stdin) => {
      const { ok, stdout, said } = await attempt(name, args, stdin);
      if (ok) return stdout;
      throw new CniError(
        "io",
        `${name} ${args.join(" ")} failed: ${said === "" ? "it said nothing" : said}`,
      );
    },
  };
}
