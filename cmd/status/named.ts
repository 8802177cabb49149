/** Remedies for a conflist that is not where the commands look for one. */
import type { Finding } from "../../lib/checks/finding";
import type { Verdict } from "../../lib/checks/run";
import { shellWord } from "../../lib/text/shell";

/** Commands of ours about the conflist that was named; undefined: none was. */
export function named(verdict: Verdict, conf: string | undefined): Verdict {
  if (conf === undefined) return verdict;
  const call = ({ remedy, ...finding }: Finding): Finding => ({
    ...finding,
    // A sentence begins with a capital; in it the command is no more than a hint.
    remedy: /^[a-z]/.test(remedy)
      ? remedy.replace(/\bwrapper [a-z]+(?: [a-z]+)*(?: --[a-z]+)*/, `$& -c ${shellWord(conf)}`)
      : remedy,
  });
  return { ...verdict, findings: verdict.findings.map(call) };
}
