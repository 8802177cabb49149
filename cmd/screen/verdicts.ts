/** What checks have found, in colours where the terminal has some. */
import { statusText } from "../../lib/checks/report/text";
import type { Verdict } from "../../lib/checks/run";
import type { Io } from "../io";
import { printPainted } from "./painted";

/** `heading`: lines before it. */
export function printVerdicts(io: Io, verdicts: readonly Verdict[], heading = ""): void {
  printPainted(
    io,
    { heading, verdicts },
    (shown, paint) => `${shown.heading}${statusText(shown.verdicts, paint)}`,
  );
}
