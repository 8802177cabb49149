import type { Verdict } from "../../lib/checks/run";
import { printable } from "../../lib/text/printable";

/** For a terminal: the colours around it are the only escapes that may reach one. */
export function escaped(verdict: Verdict): Verdict {
  return JSON.parse(JSON.stringify(verdict), (_key, value: unknown) =>
    typeof value === "string" ? printable(value) : value,
  ) as Verdict;
}
