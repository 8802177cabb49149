/** Programs that answer what was written down for their command lines. */
import { CniError } from "../../../../../lib/cni/error";
import type { ProgramOutcome, Programs } from "../../../../../lib/node/programs";

export type Answers = Readonly<Record<string, string | Partial<ProgramOutcome>>>;

export interface FakePrograms extends Programs {
  /** The command lines that were run. */
  readonly calls: string[];
}

/**
 * `answers`: what is printed, by the beginning of a command line; the longest one that fits
 * counts. Everything else fails as iproute2 does. `missing`: programs that are not installed.
 */
export function programsOf(answers: Answers, missing: readonly string[] = []): FakePrograms {
  const calls: string[] = [];
  const attempt = async (name: string, args: readonly string[]): Promise<ProgramOutcome> => {
    const line = [name, ...args].join(" ");
    calls.push(line);
    const [best] = Object.keys(answers)
      .filter((beginning) => line.startsWith(beginning))
      .sort((a, b) => b.length - a.length);
    const answer = best === undefined ? undefined : answers[best];
    if (answer === undefined)
      return { ok: false, stdout: "", said: "RTNETLINK answers: Network is unreachable" };
    if (typeof answer === "string") return { ok: true, stdout: answer, said: "" };
    return { ok: false, stdout: "", said: "", ...answer };
  };
  return {
    calls,
    has: (name) => !missing.includes(name),
    try: attempt,
    run: async (name, args) => {
      const { ok, stdout, said } = await attempt(name, args);
      if (!ok) throw new CniError("io", said);
      return stdout;
    },
  };
}
